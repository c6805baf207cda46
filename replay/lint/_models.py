"""What providers say of their models, from the dated tables in `models.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from replay.conversation import Json, Object

PROVIDERS = {  # whose table counts, by the provider that is asked; other hosts have days of their own
    "": "",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "openai": "openai",
    "openai_compatible": "",
    "openai_completions": "openai",
    "openai_responses": "openai",
}
_ELSEWHERE = {"platform", "region", "endpoint", "deployment"}  # Vertex AI, Bedrock, Azure


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The day on which a model stops answering, what its provider names instead, and who says so."""

    on: date
    instead: str
    source: str
    read: date | None


@dataclass
class Shutdowns:
    """The table of the package, and what recorded lists of models say, which comes first."""

    told: dict[str, Shutdown] = field(default_factory=dict)

    def learn(self, models: Json, source: str) -> None:
        """Take the `shutdown_date` of each model of a list, as `GET /v1/models` answers."""
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and isinstance(model.get("id"), str):
                on = _day(model.get("shutdown_date"))
                if on:
                    self.told[model["id"]] = Shutdown(on, "", source, None)

    def of(self, model: str, provider: str, settings: Object) -> Shutdown | None:
        """Return when a model shuts down where this provider serves it, None where nobody said."""
        if provider not in PROVIDERS or _ELSEWHERE & settings.keys():
            return None
        name = plain(model)
        return self.told.get(name) or _known(PROVIDERS[provider]).get(name) or _latest(provider, name)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What some models refuse: parameters with the one value that they take, or None for no value at all.

    `instead` names what is to be said in place of a parameter.
    """

    models: str
    params: dict[str, float | None]
    instead: dict[str, str]
    source: str


def refusal(model: str) -> Refusal | None:
    """Return what a model is documented to refuse."""
    return next((row for row in _refusals() if re.fullmatch(row.models, plain(model))), None)


def window(model: str) -> int | None:
    """Return how many tokens fit into a model's context, None where that is not known."""
    name = plain(model)
    fits = [known for known in _windows() if name == known or name.startswith(f"{known}-")]
    return _windows()[max(fits, key=len)] if fits else None


def plain(model: str) -> str:
    """Return a model's name without its folder (`models/`, `openai/`), and the base of a fine-tuned one."""
    name = model.rpartition("/")[2]
    return name.split(":")[1] if name.startswith("ft:") else name


def _latest(provider: str, name: str) -> Shutdown | None:
    """An alias without a date stands for the last snapshot of that name."""
    dated = re.compile(re.escape(name.removesuffix("-latest")) + r"-\d{8}")
    rows = [row for known, row in _known(PROVIDERS[provider]).items() if dated.fullmatch(known)]
    return max(rows, key=lambda row: row.on, default=None)


@cache
def _data() -> Any:
    return tomllib.loads(files("replay.lint").joinpath("models.toml").read_text("utf-8"))


@cache
def _known(provider: str) -> dict[str, Shutdown]:
    """The shutdowns at one provider, at all of them for no name; a later table replaces an earlier one."""
    return dict(_rows(provider))


def _rows(provider: str) -> Iterator[tuple[str, Shutdown]]:
    for page in _data()["shutdown"]:
        if provider in ("", page["provider"]):
            for model, row in page["models"].items():
                yield model, Shutdown(row["on"], row.get("instead", ""), page["source"], page["read"])


@cache
def _refusals() -> list[Refusal]:
    return [_refusal(row) for row in _data()["refuses"]]


def _refusal(row: Any) -> Refusal:
    instead: dict[str, str] = row.get("instead", {})
    never = dict.fromkeys([*row.get("never", ()), *instead])
    return Refusal(row["models"], row.get("only", {}) | never, instead, row["source"])


@cache
def _windows() -> dict[str, int]:
    return {name: tokens for page in _data()["window"] for name, tokens in page["tokens"].items()}


def _day(value: Json) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None

"""How much a request will need, told before it is sent."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

from replay.conversation import Json
from replay.cost import cost_of_usage
from replay.turn import Request, Target, Usage

COMPLETION = 1_000  # tokens of a completion whose request sets no limit
PART = 1_000  # tokens of an image, a sound or a file
_CHARACTERS = 4  # of a token, as English has them
_PATIENCE = 10.0  # seconds that tiktoken has to fetch its encoding

Count = Callable[[str], int]


class Estimate(NamedTuple):
    """Tokens that a request is thought to need. `by` says how the prompt's were counted.

    Recorded usage is the truth; this is for what is not yet sent.
    """

    prompt_tokens: int
    completion_tokens: int
    by: Literal["tiktoken", "characters"] = "characters"

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


def estimate(request: Request) -> Estimate:
    """Return what a request will need at most, as far as that can be told.

    The prompt is counted by tiktoken where that is installed and has the model's encoding, else a token is
    four characters. The completion is `max_completion_tokens` or `max_tokens`, COMPLETION where there is
    neither, times `n`.
    """
    count = _tokenizer(request.model)
    return Estimate(sum(_tokens(request, count or _by_characters)), _completion(request), _by(count))


def roughly(request: Request) -> Estimate:
    """Return the same by characters alone: it is the same wherever it is made, and needs no network."""
    return Estimate(sum(_tokens(request, _by_characters)), _completion(request))


def _by(count: Count | None) -> Literal["tiktoken", "characters"]:
    return "tiktoken" if count else "characters"


def _completion(request: Request) -> int:
    most = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    return _number(most, COMPLETION) * _number(request.params.get("n"), 1)


def estimated_cost(guess: Estimate, target: Target) -> float | None:
    """Return US dollars by the target's price, None where that is not known."""
    usage = Usage(guess.prompt_tokens, guess.completion_tokens)
    return cost_of_usage(usage, target.settings.get("price"))


def _tokens(request: Request, count: Count) -> Iterator[int]:
    for message in request.messages:
        content = message.content
        yield 4  # what stands around a message
        for part in content if isinstance(content, list) else [content]:
            yield _part(part, count)
        for call in message.tool_calls:
            yield count(f"{call.name}{call.arguments}")
    for tool in request.tools:
        yield count(json.dumps(tool.to_json()))


def _part(part: Json, count: Count) -> int:
    if part is None:
        return 0
    text = part.get("text") if isinstance(part, dict) else part
    return count(text) if isinstance(text, str) else PART


def _by_characters(text: str) -> int:
    return math.ceil(len(text) / _CHARACTERS)


def _number(value: Json, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


@cache
def _tokenizer(model: str) -> Count | None:
    """Return what counts a model's tokens, None where tiktoken or its encoding is not to be had.

    It may have to fetch the encoding, and waits for it without an end: that is what the thread is for.
    """
    try:
        import tiktoken
    except ImportError:
        return None
    found: list[Any] = []
    loading = threading.Thread(target=_load, args=(tiktoken, model, found), daemon=True)
    loading.start()
    loading.join(_PATIENCE)
    return found[0] if found else None


def _load(tiktoken: Any, model: str, found: list[Any]) -> None:
    try:
        encoding = tiktoken.encoding_for_model(model)
    except Exception:  # noqa: BLE001 - a model it does not know, or any error of the network
        return
    found.append(lambda text: len(encoding.encode_ordinary(text)))

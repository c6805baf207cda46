"""A promptfoo configuration as the requests it would send: each prompt, with each test, to each provider.

https://www.promptfoo.dev/docs/configuration/reference/
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from replay import documents
from replay.conversation import Json, Object
from replay.jsontext import parse


class Planned(NamedTuple):
    """One request: its place, prompt with its variables filled in, provider, assertions and test."""

    place: str
    prompt: str
    provider: Json
    asserted: list[Any]
    test: Object


def planned(path: Path, config: Object) -> Iterator[Planned]:
    """Yield every request of a configuration. Raises ValueError for what cannot be read."""
    prompts = [text for item in _list(config.get("prompts")) for text in _prompts(path, item)]
    given = config.get("defaultTest")
    default: Object = given if isinstance(given, dict) else {}
    tests = list(_tests(path, config.get("tests"))) or [{}]
    if config.get("scenarios"):
        raise ValueError("scenarios are not read: write them out as tests")
    providers = _list(config.get("providers") or config.get("targets"))
    for number, test in enumerate(tests, 1):
        for prompt, provider in itertools.product(prompts, providers):
            for variables in _combined((default.get("vars") or {}) | (test.get("vars") or {})):
                asserted = [*(default.get("assert") or ()), *(test.get("assert") or ())]
                filled = [_filled_values(item, variables) for item in asserted]
                yield Planned(f"test {number}", filled_in(prompt, variables), provider, filled, test)


def filled_in(template: str, variables: Object) -> str:
    """Fill a prompt's variables in; it may use nunjucks' logic, which is Jinja's."""
    if "{{" not in template and "{%" not in template:
        return template
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        # texts of prompts, not of a page: nothing is escaped
        environment = SandboxedEnvironment(keep_trailing_newline=True, autoescape=False)
        return environment.from_string(template).render(variables)
    except TemplateError as problem:
        raise ValueError(f"the prompt cannot be filled in: {problem}") from None


def _filled_values(item: Any, variables: Object) -> Any:
    if isinstance(item, dict) and isinstance(item.get("value"), str):
        return item | {"value": filled_in(item["value"], variables)}
    return item


def _combined(variables: Object) -> Iterator[Object]:
    """A variable that is a list stands for each of its values."""
    values = [value if isinstance(value, list) else [value] for value in variables.values()]
    return (dict(zip(variables, chosen, strict=True)) for chosen in itertools.product(*values))


def _prompts(path: Path, item: Json) -> Iterator[str]:
    if isinstance(item, dict):
        item = item.get("raw") or item.get("id")
    if not isinstance(item, str):
        raise ValueError("a prompt is neither text nor file")
    if not item.startswith("file://"):
        yield item
        return
    text = _file(path, item).read_text("utf-8-sig")
    if item.endswith((".json", ".yaml", ".yml")):
        yield text
    elif item.endswith((".txt", ".md", ".j2")):
        yield from (part.strip() for part in text.split("\n---\n"))
    else:
        raise ValueError(f"{item} is code: it is not run")


def _tests(path: Path, tests: Json) -> Iterator[Object]:
    for item in _list(tests):
        if isinstance(item, dict):
            yield item
        elif isinstance(item, str):
            yield from _tests_of(path, item)


def _tests_of(path: Path, name: str) -> Iterator[Object]:
    file = _file(path, name)
    if name.endswith(".csv"):
        with file.open(encoding="utf-8-sig", newline="") as rows:
            yield from map(_row, csv.DictReader(rows))
    elif name.endswith((".yaml", ".yml", ".json")):
        yield from (item for item in _list(documents.read(file).data) if isinstance(item, dict))
    elif name.endswith(".jsonl"):
        yield from (parse(line) for line in file.read_text("utf-8-sig").splitlines() if line.strip())
    else:
        raise ValueError(f"{name} is code: it is not run")


def _row(row: dict[str, str]) -> Object:
    """A row of a table: its columns are variables, `__expected` an assertion."""
    expected = [value for name, value in row.items() if name.startswith("__expected") and value]
    variables = {name: value for name, value in row.items() if not name.startswith("__")}
    return {"vars": variables, "assert": [_expected(value) for value in expected]}


def _expected(text: str) -> Object:
    kind, colon, value = text.partition(":")
    if colon and kind.replace("-", "").isalpha() and kind.islower():
        return {"type": kind, "value": value.strip()}
    return {"type": "equals", "value": text}


def _file(path: Path, name: str) -> Path:
    base, found = path.parent.resolve(), (path.parent / name.removeprefix("file://")).resolve()
    if not found.is_relative_to(base):
        raise ValueError(f"{name} leaves the folder of the configuration")
    if not found.is_file():
        raise ValueError(f"there is no file {name} beside the configuration")
    return found


def _list(value: Json) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]

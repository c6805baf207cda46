"""OpenAI's hosted evals, as its API lists them: output items, runs and the evals they belong to.

An output item is a call with its answer; an item of a run's data source, put into the run's template, is one
whose answer is still to be recorded. The graders of the eval (`testing_criteria`, in a file given together or
in one folder) become assertions where ours mean the same; the others are noted. Documents may be pages
`{object: "list", data: [...]}`, JSON Lines, or `{eval, run, output_items}`.
https://platform.openai.com/docs/api-reference/evals
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged, _lines
from replay.importers._derived import chat, origin, said
from replay.importers._graders import filled, judged, looked_up
from replay.importers._items import beginnings, frame, items
from replay.importers._join import beside
from replay.importers._records import attempt, given, mapping, mappings, text

_DERIVED = "an eval's output item keeps texts and parameters, not the bodies of the call"
_ASKED = "an item of an eval's data source in the template of its run: nobody has answered it yet"
_CONTENT = "data_source.source.content"
_LISTS = ("data", "output_items", "output_items.data", _CONTENT)
_KINDS = ("eval", "eval.run", "eval.run.output_item")
_PARAMS = (
    "temperature",
    "top_p",
    "max_completion_tokens",
    "seed",
    "reasoning_effort",
    "response_format",
    "tools",
)


def sniff(head: bytes) -> bool:
    """Tell whether records are of an eval."""
    if b'"eval' not in head and b'"item"' not in head:
        return False
    return any(map(_is_own, [*beginnings(head, *_LISTS), *beginnings(head)]))


def read(path: Path) -> Iterator[Logged]:
    """Yield the items of a file, judged by the evals in the files beside it."""
    return together(beside(path, sniff))(path)


def together(paths: Sequence[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads files that belong together."""
    return _Evals(paths).read


def _is_own(record: Object) -> bool:
    kinds = (record.get("object"), mapping(record.get("eval")).get("object"))
    return any(kind in _KINDS for kind in kinds) or (
        record.keys() <= {"item", "sample"} and isinstance(record.get("item"), dict)
    )


class _Evals:
    """The files of one import: what their evals and runs say about the items."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._alone = len(paths) == 1
        self._graders: dict[str, list[Object]] = {}
        self._runs: dict[str, Object] = {}
        for path in paths:
            for record in _said_of_all(path):
                self._learn(record)

    def _learn(self, record: Object) -> None:
        if record.get("object") == "eval":
            self._graders[text(record.get("id"))] = mappings(record.get("testing_criteria"))
        elif record.get("object") == "eval.run" and mapping(record.get("data_source")).get("input_messages"):
            self._runs[text(record.get("id"))] = record

    def read(self, path: Path) -> Iterator[Logged]:
        around = frame(path, *_LISTS)
        runs = [around] if around.get("object") == "eval.run" else list(self._runs.values())
        for item in items(path, *_LISTS):
            if not isinstance(item.value, dict):
                yield Logged(str(path), item.place, refused=item.wrong)
            elif item.value.get("object") not in ("eval", "eval.run") and not self._is_frame(item.value):
                yield attempt(self._logged, str(path), item.place, item.value, runs)
            elif self._alone:
                yield Logged(str(path), item.place, refused="an eval without items: give its runs' too")

    def _is_frame(self, record: Object) -> bool:
        return mapping(record.get("eval")).get("object") == "eval"

    def _logged(self, path: str, place: str, record: Object, runs: list[Object]) -> Logged:
        if record.get("object") == "eval.run.output_item":
            return self._output(path, place, record)
        if not isinstance(record.get("item"), dict):
            return Logged(path, place, refused="no output item and no item of a data source")
        if len(runs) != 1:
            return Logged(
                path, place, refused="the run that says how it is asked is missing: give it, and it alone"
            )
        return self._asked(path, place, record["item"], runs[0])

    def _output(self, path: str, place: str, record: Object) -> Logged:
        sample = mapping(record.get("sample"))
        asked = [given(message) for message in mappings(sample.get("input"))]
        if not asked:
            return Logged(path, place, refused="its sample has no input messages")
        params = {name: sample[name] for name in _PARAMS if sample.get(name) is not None}
        request = given({"model": sample.get("model"), "messages": asked, **params})
        status = text(record.get("status"))
        known = self._judged(record, mapping(record.get("datasource_item")))
        known["notes"] += _failed(sample)
        more = origin(text(record.get("id")), record.get("created_at"), run=text(record.get("run_id")))
        tags = (f"eval:{status}",) if status else ()
        return chat(path, place, request, _answer(sample), _DERIVED, tags=tags, **known, **more)

    def _asked(self, path: str, place: str, item: Object, run: Object) -> Logged:
        source = mapping(run.get("data_source"))
        messages = _messages(mapping(source.get("input_messages")), item)
        params = given(mapping(source.get("sampling_params")))
        request = given({"model": source.get("model"), "messages": messages, **params})
        more = origin(when=run.get("created_at"), run=text(run.get("id")))
        return chat(path, place, request, None, _ASKED, **self._judged(run, item), **more)

    def _judged(self, record: Object, item: Object) -> dict[str, Any]:
        graders = self._graders.get(text(record.get("eval_id")))
        if graders is None:
            return {"notes": ("its eval is not here: its graders are not carried over",)}
        assertions, notes = judged(graders, item)
        return {"assertions": assertions, "notes": notes}


def _said_of_all(path: Path) -> Iterator[Object]:
    """Yield the evals and the runs of a file: what stands around its items, or is in it item by item."""
    around = frame(path, *_LISTS)
    yield from (around, mapping(around.get("eval")), mapping(around.get("run")))
    if any(record.get("object") in ("eval", "eval.run") for record in beginnings(_lines.head(path), "data")):
        yield from (item.value for item in items(path, "data") if isinstance(item.value, dict))


def _answer(sample: Object) -> Object | None:
    """Return the answer, none where the model failed."""
    output = mappings(sample.get("output"))
    if not output:
        return None
    usage = mapping(sample.get("usage"))
    cached = (
        {"prompt_tokens_details": {"cached_tokens": usage["cached_tokens"]}}
        if "cached_tokens" in usage
        else {}
    )
    counts = given(usage, "cached_tokens") | cached
    message = {"role": "assistant", "content": None} | given(output[-1])
    return said(message, sample.get("finish_reason"), counts or None, model=sample.get("model"))


def _failed(sample: Object) -> tuple[str, ...]:
    error = mapping(sample.get("error"))
    told = ": ".join(filter(None, (text(error.get("code")), text(error.get("message")))))
    return (f"the run failed here: {told}",) if told else ()


def _messages(asked: Object, item: Object) -> list[Object]:
    """Put an item into the template of its run. Raises ValueError where it does not fit."""
    if asked.get("type") == "item_reference":
        messages = mappings(looked_up(text(asked.get("item_reference")), item))
    else:
        messages = [_message(message, item) for message in mappings(asked.get("template"))]
    if not messages:
        raise ValueError("the run's template gives no messages")
    return messages


def _message(message: Object, item: Object) -> Object:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    return {"role": message.get("role"), "content": "".join(_text(part, item) for part in parts)}


def _text(part: Json, item: Object) -> str:
    template = part.get("text") if isinstance(part, dict) else part
    written = filled(template, item) if isinstance(template, str) else None
    if written is None:
        raise ValueError(f"its template cannot be filled: {part!r}"[:200])
    return written

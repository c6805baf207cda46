"""`missing_usage`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from replay.conversation import Json, Object
from replay.faults._answer import Answer
from replay.faults._fault import Call, Spoils, documents

_USAGE = ("usage", "usageMetadata", "prompt_eval_count", "eval_count", "meta", "token_count")
_HOLDERS = ("message", "response", "delta", "metadata")


@dataclass(frozen=True)
class MissingUsage(Spoils):
    """The answer says nothing of tokens; a chunk that says nothing else does not come."""

    noticeable: ClassVar[bool] = False

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Take usage out, wherever its wire has it."""
        told = documents(answer)
        without = [document and _without(document) for document in told]
        if without == told:
            raise call.nothing("it says nothing of tokens")
        gone = {
            id(chunk)
            for chunk, before, after in zip(answer.chunks, told, without, strict=True)
            if before != after and after is not None and not _says(after)
        }
        changed = dict(zip(map(id, answer.chunks), without, strict=True))
        left = answer.where(lambda chunk: id(chunk) not in gone)
        return left.saying(changed[id(chunk)] for chunk in left.chunks)


def _without(document: Object) -> Object:
    kept = {name: value for name, value in document.items() if name not in _USAGE}
    return {name: _inside(name, value) for name, value in kept.items()}


def _inside(name: str, value: Json) -> Json:
    return _without(value) if name in _HOLDERS and isinstance(value, dict) else value


def _says(document: Object) -> bool:
    """Tell whether a chunk of Chat Completions, without its usage, still has a choice; others stay."""
    return document.get("choices") != []

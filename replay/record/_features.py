"""What makes one exchange unlike another: the values that a sample is to cover."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from replay.jsontext import parse
from replay.record._facts import Facts
from replay.record._hashes import Hashes

KINDS = {
    "tool": "tools called",
    "finish_reason": "finish reasons",
    "error": "errors",
    "messages": "lengths in messages",
    "tokens": "lengths in tokens",
    "language": "languages",
    "asks": "forms of questions",
    "answers": "forms of answers",
    "system": "system prompts",
    "model": "models",
    "params": "sets of parameters",
    "endpoint": "endpoints",
}
_LOOKED_AT = 1000  # characters of a text
_NUMBERS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+")
_MARKDOWN = re.compile(
    r"^(#{1,6} |[-*+] |\d+\. |> |\|.*\|)|\*\*[^*\n]+\*\*|\[[^\]\n]+\]\([^)\n]+\)", re.MULTILINE
)
_CODE = re.compile(r"```|^(def |class |import |function |const |#include |SELECT )", re.MULTILINE)
# Words that one language has in almost every sentence, and the others do not.
_TELLING = {
    "en": "the and of to is you that it for with are this",
    "de": "der die das und ist nicht ich ein eine mit auf zu",
    "fr": "le les des est une pour dans vous je pas que et",
    "es": "el los las una que por con para es del como y",
    "it": "il che di è per una non sono con gli della",
    "pt": "o os uma que para não com você do da em é",
    "nl": "het een van en niet dat op te zijn ik voor",
}
_TOLD_BY = {
    word: [name for name, telling in _TELLING.items() if word in telling.split()]
    for word in " ".join(_TELLING.values()).split()
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One value of one kind; `label` is what a person is shown, without secrets."""

    id: int
    kind: str
    label: str


class Features:
    """Finds the features of exchanges. `shown` takes secrets out of a label."""

    def __init__(self, hashes: Hashes, shown: Callable[[str], str]) -> None:
        self._hashes, self._shown = hashes, shown
        self._known = lru_cache(10_000)(self._feature)  # most values come again and again

    def __call__(self, facts: Facts) -> tuple[Feature, ...]:
        """Return the features of an exchange, each once."""
        return tuple(dict.fromkeys(self._known(kind, value) for kind, value in _found(facts) if value))

    def _feature(self, kind: str, value: str) -> Feature:
        label = value if len(value) <= 60 else f"{value[:60]}…"
        return Feature(self._hashes.number(kind, value), kind, self._shown(label))


def _found(facts: Facts) -> Iterator[tuple[str, str]]:
    call, request = facts.call, facts.request
    yield "model", call.model
    yield "endpoint", call.provider if call.provider == call.wire else f"{call.provider} ({call.wire})"
    yield "params", ", ".join(sorted(_param(name, value) for name, value in request.params.items())) or "none"
    yield "messages", _band(len(request.messages), 2)
    yield "system", _template(facts)
    asked = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    yield "asks", form(asked)
    yield "language", language(asked)
    yield from _answered(facts)


def _answered(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.error:
        yield "error", f"{facts.error.kind} {facts.error.status or ''}".rstrip()
    for reply in facts.reply.choices() if facts.reply else ():
        yield "finish_reason", reply.finish_reason or reply.native_finish_reason or "none"
        yield from (("tool", call.name) for call in reply.message.tool_calls)
        yield "answers", form(reply.message.text)
    tokens = total_tokens(facts)
    if tokens:
        yield "tokens", _band(tokens, 4)


def total_tokens(facts: Facts) -> int | None:
    """Return how many tokens were counted in all, None where nobody says."""
    usage = facts.reply.usage if facts.reply else None
    if usage is None:
        return None
    parts = [count for count in (usage.prompt_tokens, usage.completion_tokens) if isinstance(count, int)]
    return usage.total_tokens if isinstance(usage.total_tokens, int) else sum(parts) if parts else None


def _param(name: str, value: object) -> str:
    """A parameter by its name; by its value too where that is a choice between a few."""
    if name == "response_format" and isinstance(value, dict):
        return f"{name}={value.get('type')}"
    if isinstance(value, bool) or (
        name in ("tool_choice", "reasoning_effort", "n") and not isinstance(value, dict)
    ):
        return f"{name}={json.dumps(value)}"
    return name


def _band(count: int, base: int) -> str:
    """Return the band of a length, each `base` times as wide as the one before: 1, 2, 3-4, 5-8, ..."""
    high = 1
    while high < count:
        high *= base
    low = high // base + 1
    return str(high) if low >= high else f"{low}-{high}"


def _template(facts: Facts) -> str:
    """Return how the system prompt begins; numbers, and so dates, do not make another prompt of it."""
    text = next((m.text for m in facts.request.messages if m.role in ("system", "developer")), "")
    return _NUMBERS.sub("0", " ".join(text[:400].split())) or "none"


def form(text: str) -> str:
    """Tell what a text looks like: json, code, markdown, several lines or one; nothing for no text."""
    text = text.strip()
    if not text:
        return ""
    if text[0] in "{[" and text[-1] in "}]" and _is_json(text):
        return "json"
    if _CODE.search(text, 0, _LOOKED_AT):
        return "code"
    if _MARKDOWN.search(text, 0, _LOOKED_AT):
        return "markdown"
    return "lines" if "\n" in text else "line"


def _is_json(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def language(text: str) -> str:
    """Guess the language of a text by its script, and for Latin script by its commonest words."""
    words = _WORDS.findall(text[:_LOOKED_AT])
    if not words:
        return ""
    scripts = Counter(map(_script, "".join(word[0] for word in words)))
    script = scripts.most_common(1)[0][0]
    if script != "latin":
        return script
    hits = Counter(chain.from_iterable(_TOLD_BY.get(word.lower(), ()) for word in words))
    return max(hits, key=lambda name: (hits[name], name)) if hits else "latin"


@lru_cache(1000)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "unknown").partition(" ")[0].lower()

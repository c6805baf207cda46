"""Training files of OpenAI's fine-tuning: chats with the answer that is wanted.

A line is `{messages, tools, parallel_tool_calls, ...}`: the last assistant message is the wanted answer, what
precedes it the request. Of preferences (`{input: {messages, ...}, preferred_output, non_preferred_output}`)
the preferred answer is the reply, and an assertion refuses the other. Lines for reinforcement end with the
request, and their answer is still to be recorded. The old form is `{prompt, completion}`.
https://platform.openai.com/docs/guides/supervised-fine-tuning
https://platform.openai.com/docs/guides/direct-preference-optimization
https://platform.openai.com/docs/guides/reinforcement-fine-tuning
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._derived import chat, said
from replay.importers._items import beginnings
from replay.importers._records import as_bytes, each, given, mapping, mappings, text

_DERIVED = "a training file holds the answers that are wanted, not what a model said"
_REQUEST = {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "response_format"}


def sniff(head: bytes) -> bool:
    """Tell whether records are examples to learn from."""
    return any(map(_is_example, beginnings(head) if head.lstrip()[:1] == b"{" else []))


def read(path: Path) -> Iterator[Logged]:
    """Yield every line as a request and the wanted answer."""
    return each(path, _logged)


def _is_example(record: Object) -> bool:
    if "preferred_output" in record or record.keys() == {"prompt", "completion"}:
        return True
    messages = mappings(record.get("messages"))
    taught = bool(messages) and messages[-1].get("role") == "assistant"
    return taught and record.keys() <= {"messages", *_REQUEST}


def _logged(path: str, place: str, record: Object) -> Logged:
    if "preferred_output" in record:
        return _preference(path, place, record)
    if "messages" not in record and "completion" in record:
        return _completion(path, place, record)
    *asked, last = mappings(record.get("messages")) or [{}]
    if last.get("role") != "assistant":
        return _task(path, place, record)
    if not asked:
        return Logged(path, place, refused="no message precedes the answer")
    return chat(path, place, _request(record, asked), said(_plain(last)), _DERIVED)


def _task(path: str, place: str, record: Object) -> Logged:
    """An example of reinforcement: its own fields are read by the job's grader alone."""
    messages = mappings(record.get("messages"))
    rest = sorted(record.keys() - {"messages", *_REQUEST})
    notes = (f"for the job's grader, and not carried over: {', '.join(rest)}",) if rest else ()
    refused = "" if messages else "no messages"
    return chat(path, place, _request(record, messages), None, _DERIVED, notes=notes, refused=refused)


def _preference(path: str, place: str, record: Object) -> Logged:
    asked = mapping(record.get("input"))
    wanted = mappings(record.get("preferred_output"))
    if not wanted:
        return Logged(path, place, refused="its preferred_output holds no message")
    unwanted = [text(message.get("content")) for message in mappings(record.get("non_preferred_output"))]
    assertions: tuple[Json, ...] = tuple({"not": {"equals": said}} for said in unwanted if said)
    request = _request(asked, [*mappings(asked.get("messages")), *wanted[:-1]])
    return chat(path, place, request, said(_plain(wanted[-1])), _DERIVED, assertions=assertions)


def _completion(path: str, place: str, record: Object) -> Logged:
    answer = {"object": "text_completion", "choices": [{"index": 0, "text": record["completion"]}]}
    return Logged(
        path,
        place,
        request=as_bytes({"prompt": record.get("prompt")}),
        status=200,
        response=as_bytes(answer),
        derived=_DERIVED,
    )


def _request(record: Object, messages: list[Object]) -> Object:
    asked = {key: value for key, value in record.items() if key in _REQUEST and value is not None}
    return {"messages": [_plain(message) for message in messages], **asked}


def _plain(message: Object) -> Object:
    """Return a message without its weight, which says how much is learnt from it."""
    return given(message, "weight")

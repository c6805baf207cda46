"""The SQLite log of the `llm` command line tool (`llm logs path`), both generations of its tables.

Since 2026 `turns` point into a tree of `messages` and their `parts`; before, `responses` hold prompt and
answer, and a conversation's history is its earlier responses. It keeps messages, not bodies; the response's
own JSON is kept beside them, and finish reason and usage are read from there.
https://llm.datasette.io/en/stable/logging.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from replay.conversation import Object
from replay.importers import Logged, _derived
from replay.importers._llm_parts import Parts
from replay.importers._llm_responses import asked as before_turns
from replay.importers._records import ODD, given, mapping, mappings, some

DERIVED = "llm's logs.db keeps messages, not bodies"
_MAGIC = b"SQLite format 3\0"
_Asked = Callable[[sqlite3.Connection, Object], tuple[Object, Object | None]]


def sniff(head: bytes) -> bool:
    """Tell a SQLite database; which one it is, its tables say when it is read."""
    return head.startswith(_MAGIC)


def read(path: Path) -> Iterator[Logged]:
    """Yield every logged call, the older generation's first, as `response ID` or `turn ID`."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as database:
            database.row_factory = sqlite3.Row
            yield from _calls(str(path), database)
    except sqlite3.Error as problem:
        yield Logged(str(path), "", refused=f"the database cannot be read: {problem}")


_ALL = "SELECT * FROM responses ORDER BY id"
# both generations are written for a while: a turn has the id of its response
_OLD = "SELECT * FROM responses WHERE id NOT IN (SELECT id FROM turns) ORDER BY id"
_NEW = "SELECT *, thread_id AS conversation_id FROM turns ORDER BY id"


def _calls(path: str, database: sqlite3.Connection) -> Iterator[Logged]:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables & {"responses", "turns"}:
        yield Logged(path, "", refused="a SQLite database, but not the log of the llm tool")
    if "responses" in tables:
        for row in database.execute(_OLD if "turns" in tables else _ALL):
            yield _guarded(path, f"response {row['id']}", dict(row), database, before_turns)
    if "turns" in tables:
        for row in database.execute(_NEW):
            yield _guarded(path, f"turn {row['id']}", dict(row), database, _turn)


def _turn(database: sqlite3.Connection, row: Object) -> tuple[Object, Object | None]:
    """Return what a row of `turns` asked, and what was said to it."""
    parts = Parts(database)
    request = some(
        messages=parts.chain(row["parent_message_hash"]),
        tools=parts.tools(row["id"]),
        response_format=_format(database, row),
    )
    return request, _one(parts.chain(row["tip_message_hash"], row["parent_message_hash"]))


def _guarded(path: str, place: str, row: Object, database: sqlite3.Connection, asked: _Asked) -> Logged:
    try:
        return _call(path, place, row, *asked(database, row))
    except (*ODD, sqlite3.Error) as problem:
        return Logged(path, place, refused=f"the row cannot be read: {problem}")


def _call(path: str, place: str, row: Object, asked: Object, said: Object | None) -> Logged:
    if not asked.get("messages"):
        return Logged(path, place, refused="no messages are kept")
    kept, options = mapping(row.get("response_json")), given(mapping(row.get("options_json")))
    known: Object = {
        **_derived.origin(row["id"], row.get("datetime_utc")),
        "thread": row.get("conversation_id") or "",
        "provider": _provider(kept),
    }
    about = some(
        id=kept.get("id"),
        model=row.get("resolved_model") or kept.get("model"),
        system_fingerprint=kept.get("system_fingerprint"),
    )
    answer = said and _derived.said(said, _finish(kept), _usage(row, kept), **about)
    return _derived.chat(path, place, {"model": row.get("model")} | asked | options, answer, DERIVED, **known)


def _one(messages: list[Object]) -> Object | None:
    """The answer as one message: the tool writes parts of one answer as several."""
    said = [message for message in messages if message["role"] == "assistant"]
    if len(said) < 2:
        return said[0] if said else None
    calls = [call for message in said for call in message.get("tool_calls", ())]
    text = "".join(message.get("content") or "" for message in said)
    return {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})


def _format(database: sqlite3.Connection, row: Object) -> Object | None:
    found = database.execute("SELECT content FROM schemas WHERE id = ?", [row.get("schema_id")]).fetchone()
    schema = mapping(found[0]) if found else None
    return {"type": "json_schema", "json_schema": {"name": "output", "schema": schema}} if schema else None


def _usage(row: Object, body: Object) -> Object | None:
    """Tokens as the tool counted them; its details leave out what is zero."""
    prompt, completion = row.get("input_tokens"), row.get("output_tokens")
    if prompt is None and completion is None:
        return None
    usage = body.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return {name: count for name, count in counts.items() if isinstance(count, int)} | mapping(
        row.get("token_details")
    )


def _finish(body: Object) -> str | None:
    """The provider's own word, from the body or the merged stream that the tool keeps."""
    for place in (body, *mappings(body.get("choices")), *mappings(body.get("candidates"))):
        for name in ("finish_reason", "stop_reason", "finishReason"):
            if isinstance(place.get(name), str):
                return str(place[name])
    return None


def _provider(body: Object) -> str:
    """Tell by the shape of the kept answer who gave it; nothing where it has none."""
    if body.get("type") == "message":
        return "anthropic"
    if body.get("object") == "response":
        return "openai_responses"
    return "gemini" if "candidates" in body or "usageMetadata" in body else ""

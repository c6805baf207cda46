"""Calls of the `llm` tool's logs as they were kept before its tree of messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from replay.conversation import Json, Object
from replay.importers import _derived
from replay.importers._llm_parts import part_of, tool
from replay.importers._records import some

# Tables came one by one: a database that was not used for long has only the first ones.
_QUERIES = {
    "responses": "SELECT * FROM responses WHERE conversation_id = ? AND id < ? ORDER BY id",
    "schemas": "SELECT content FROM schemas WHERE id = ?",
    "tool_responses": "SELECT tools.* FROM tool_responses JOIN tools ON tools.id = tool_id "
    "WHERE response_id = ?",
    "tool_calls": "SELECT * FROM tool_calls WHERE response_id = ? ORDER BY id",
    "tool_results": "SELECT * FROM tool_results WHERE response_id = ? ORDER BY id",
    "prompt_fragments": "SELECT content FROM prompt_fragments JOIN fragments ON fragments.id = fragment_id "
    'WHERE response_id = ? ORDER BY "order"',
    "system_fragments": "SELECT content FROM system_fragments JOIN fragments ON fragments.id = fragment_id "
    'WHERE response_id = ? ORDER BY "order"',
    "prompt_attachments": "SELECT attachments.* FROM prompt_attachments "
    'JOIN attachments ON attachments.id = attachment_id WHERE response_id = ? ORDER BY "order"',
}


def asked(database: sqlite3.Connection, row: Object) -> tuple[Object, Object | None]:
    """Return what a row of `responses` asked (messages, tools, response_format) and what was said to it."""
    reader = _Turns(database)
    messages = [message for earlier in reader.history(row) for message in reader.exchange(earlier)]
    request = some(
        messages=_sent(row) or [*messages, *reader.input(row)],
        tools=[tool(found) for found in reader.of("tool_responses", row["id"])],
        response_format=reader.format(row),
    )
    return request, reader.output(row)


def _sent(row: Object) -> list[Json]:
    """The messages as they were sent, which the plugin of OpenAI's models keeps."""
    try:
        messages = json.loads(row.get("prompt_json") or "{}").get("messages")
    except (ValueError, AttributeError):
        return []
    return messages if isinstance(messages, list) else []


class _Turns:
    """Reads rows of `responses` as messages, in their order."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database, self._system = database, ""
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self._tables = {name for (name,) in names}

    def of(self, table: str, *keys: Json) -> list[Object]:
        """Return what a table holds for a response, nothing where it does not exist yet."""
        if table not in self._tables:
            return []
        return [dict(row) for row in self._database.execute(_QUERIES[table], keys)]

    def history(self, row: Object) -> list[Object]:
        """Return the earlier responses of the same conversation."""
        return self.of("responses", row.get("conversation_id"), row["id"])

    def exchange(self, row: Object) -> list[Object]:
        """Return what an earlier response added to the conversation."""
        return [*self.input(row), self.output(row)]

    def input(self, row: Object) -> Iterator[Object]:
        """Yield the system prompt where it is new, tool results, and the prompt."""
        system = self._with_fragments(row, "system")
        if system and system != self._system:
            self._system = system
            yield {"role": "system", "content": system}
        for result in self.of("tool_results", row["id"]):
            yield {
                "role": "tool",
                "tool_call_id": result["tool_call_id"] or "",
                "content": result["output"] or "",
            }
        prompt, media = self._with_fragments(row, "prompt"), self._attachments(row)
        if media:
            yield {"role": "user", "content": [*_text_part(prompt), *media]}
        elif prompt:
            yield {"role": "user", "content": prompt}

    def output(self, row: Object) -> Object:
        """Return the answer."""
        calls = [
            _derived.tool_call(call["name"], call["arguments"] or "{}", call["tool_call_id"])
            for call in self.of("tool_calls", row["id"])
        ]
        message: Object = {"role": "assistant", "content": row["response"] or (None if calls else "")}
        message |= {"tool_calls": calls} if calls else {}
        return message | some(reasoning_content=row.get("reasoning"))

    def format(self, row: Object) -> Object | None:
        """Return the schema of the answer as a response_format."""
        for found in self.of("schemas", row.get("schema_id")):
            schema = json.loads(found["content"])
            return {"type": "json_schema", "json_schema": {"name": "output", "schema": schema}}
        return None

    def _with_fragments(self, row: Object, kind: str) -> str:
        pieces = [found["content"] for found in self.of(f"{kind}_fragments", row["id"])]
        return "\n".join(filter(None, (*pieces, row.get(kind))))

    def _attachments(self, row: Object) -> list[Object]:
        return [part_of(found) for found in self.of("prompt_attachments", row["id"])]


def _text_part(text: str) -> list[Object]:
    return [{"type": "text", "text": text}] if text else []

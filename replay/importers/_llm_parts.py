"""Messages of the `llm` tool's logs, from its tree of messages and parts."""

from __future__ import annotations

import base64
import json
import sqlite3
from typing import Any

from replay.conversation import Json, Object
from replay.importers import _derived
from replay.importers._records import some


class Parts:
    """Reads what a database holds of messages, tools and attachments."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def chain(self, tip: str | None, after: str | None = None) -> list[Object]:
        """Return the messages that end at `tip`, from the first, or from the one that follows `after`."""
        rows: list[sqlite3.Row] = []
        while tip is not None and tip != after:
            found = self._database.execute("SELECT * FROM messages WHERE hash = ?", [tip]).fetchone()
            if found is None or len(rows) > 100_000:
                break
            rows.append(found)
            tip = found["parent_hash"]
        return [message for row in reversed(rows) for message in self._messages(row)]

    def tools(self, turn: str) -> list[Object]:
        """Return the tools that a turn was offered."""
        query = "SELECT tools.* FROM turn_tools JOIN tools ON tools.id = tool_id WHERE turn_id = ?"
        return [tool(row) for row in self._rows(query, turn)]

    def attachment(self, key: str) -> Object:
        """Return a content part for an attachment."""
        row = next(iter(self._rows("SELECT * FROM attachments WHERE id = ?", key)), None)
        return part_of(dict(row)) if row else {"type": "text", "text": f"[attachment {key} is missing]"}

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return list(self._database.execute(query, values))

    def _messages(self, row: sqlite3.Row) -> list[Object]:
        parts = self._rows("SELECT * FROM parts WHERE message_hash = ? ORDER BY position", row["hash"])
        read = [(part["type"], self._payload(part)) for part in parts]
        results = [_result(payload) for kind, payload in read if kind == "tool_result"]
        if results:
            return results
        calls = [_call(payload) for kind, payload in read if kind == "tool_call"]
        content = [self._content(kind, payload) for kind, payload in read if kind in ("text", "attachment")]
        reasoning = "".join(payload.get("text") or "" for kind, payload in read if kind == "reasoning")
        message: Object = {"role": row["role"], "content": _content(content)}
        message |= {"tool_calls": calls} if calls else {}
        return [message | ({"reasoning_content": reasoning} if reasoning else {})]

    def _payload(self, part: sqlite3.Row) -> Object:
        payload: Object = json.loads(part["payload"] or "{}")
        if part["text"] is not None:
            payload["text"] = part["text"]
        elif "text_ref" in payload:
            payload["text"] = "".join(map(self._text, payload["text_ref"]))
        return payload

    def _text(self, piece: Object) -> str:
        if "literal" in piece:
            return str(piece["literal"])
        row = next(iter(self._rows("SELECT content FROM fragments WHERE id = ?", piece["fragment"])), None)
        return row["content"] if row else ""

    def _content(self, kind: str, payload: Object) -> Object:
        if kind == "text":
            return {"type": "text", "text": payload.get("text") or ""}
        return self.attachment(str((payload.get("attachment") or {}).get("id")))


def part_of(row: Object) -> Object:
    """Return an attachment (`type`, `path`, `url`, `content`) as a content part."""
    kind, url = str(row.get("type") or ""), row.get("url")
    if row.get("content") is not None:
        url = f"data:{kind};base64,{base64.b64encode(row['content']).decode()}"
    if not url:
        return {"type": "text", "text": f"[attachment {row.get('path') or row.get('id')} is not in the log]"}
    if kind.startswith("audio/") and row.get("content") is not None:
        data = {"data": url.partition(",")[2], "format": "wav" if "wav" in kind else "mp3"}
        return {"type": "input_audio", "input_audio": data}
    if kind.startswith("image/") or not url.startswith("data:"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": str(row.get("path") or row.get("id")), "file_data": url}}


def _content(parts: list[Object]) -> Json:
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts) if parts else None
    return parts


def tool(row: Object | sqlite3.Row) -> Object:
    """Return a row of `tools` as a tool."""
    schema = json.loads(row["input_schema"] or "null")
    function = {"name": row["name"]} | some(description=row["description"], parameters=schema)
    return {"type": "function", "function": function}


def _call(payload: Object) -> Object:
    return _derived.tool_call(
        str(payload.get("name")), payload.get("arguments") or {}, payload.get("tool_call_id")
    )


def _result(payload: Object) -> Object:
    return {
        "role": "tool",
        "tool_call_id": payload.get("tool_call_id") or "",
        "content": payload.get("output") or "",
    }

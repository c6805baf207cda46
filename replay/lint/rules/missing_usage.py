"""An answer does not say how many tokens it took."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "note"


def check(subject: Subject) -> Iterator[Found]:
    """Find whole answers without usage, in recordings: other logs need not keep it."""
    reply = subject.reply
    if reply is None or reply.usage or subject.error or not subject.recorded:
        return
    streamed = bool(subject.params.get("stream")) and subject.provider in (
        "openai",
        "openai_compatible",
        "azure",
    )
    mend = "ask for it: stream_options: {include_usage: true}" if streamed else "keep usage in what is logged"
    yield Found(("reply",), "the answer has no usage: neither cost nor context can be watched", mend)

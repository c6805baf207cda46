"""What else is different from the run on in which something changed: what a change may come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.conversation import Object


def causes(before: Sequence[Object], after: Sequence[Object], old: Object, new: Object) -> Iterator[str]:
    """Yield what differs between the last run before a change and the first after it.

    `before` and `after` are the groups of the runs of both levels, `old` and `new` the headers at the edge. A
    name counts as new (or gone) where no run of the other level has it: what comes and goes explains nothing.
    """
    yield from _named(before, after)
    yield from _contents(before[-1], after[0])
    yield from _terms(before[-1], after[0])
    versions, now = old.get("versions") or {}, new.get("versions") or {}
    for name in dict.fromkeys((*versions, *now)):
        if versions.get(name) != now.get(name):
            yield f"{name} {versions.get(name, 'unknown')} → {now.get(name, 'unknown')}"
    if old.get("mode") != new.get("mode"):
        yield f"record mode {old.get('mode', 'unknown')} → {new.get('mode', 'unknown')}"


def _named(before: Sequence[Object], after: Sequence[Object]) -> Iterator[str]:
    for kind in sorted({*before[-1]["named"], *after[0]["named"]}):
        gone = _words(before[-1:], kind) - _words(after, kind)
        came = _words(after[:1], kind) - _words(before, kind)
        if gone and came:
            yield f"{kind} {_listed(gone)} → {_listed(came)}"
        elif gone or came:
            yield f"{kind} {'no more' if gone else 'new'}: {_listed(gone or came)}"


def _words(groups: Sequence[Object], kind: str) -> set[str]:
    return {word for group in groups for word in group["named"].get(kind, ())}


def _listed(words: set[str]) -> str:
    return ", ".join(sorted(words)[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def _contents(old: Object, new: Object) -> Iterator[str]:
    if old["names"] != new["names"]:
        yield f"other conversations ({old['conversations']} → {new['conversations']})"
    elif old["contents"] != new["contents"]:
        yield "the content of fixtures (messages, tools or params)"


def _terms(old: Object, new: Object) -> Iterator[str]:
    """Yield that the suite was edited, where no name tells it; a run of an older Replay has no `terms`."""
    named = ({kind: {*one["named"].get(kind, ())} for kind in ("assertion", "play")} for one in (old, new))
    told = old["names"] != new["names"] or next(named) != next(named)
    if not told and None not in (old["terms"], new["terms"]) and old["terms"] != new["terms"]:
        yield "the suite (arguments of assertions, turns, caps or faults)"

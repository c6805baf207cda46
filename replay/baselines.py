"""Baselines: the replies that a person has accepted, one file for each conversation and target.

    # fixtures/baselines/support/refund/gpt-4o-mini.yaml
    conversation: support/refund
    target: gpt-4o-mini
    variants:
      - turns:
          - {content: Your refund is on its way., finish_reason: stop}

Up to five variants are accepted. What changes from call to call (ids, times, usage) is not in them. No run
writes a baseline: `accept` does, when a person says so, and never in CI.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from replay import documents
from replay.config import Project
from replay.conversation import Json, Object, ToolCall
from replay.diff import Difference, aligned, differences, readable, without
from replay.errors import BadInput, Fault, StorageError
from replay.jsontext import parse, same
from replay.run import Case, Result
from replay.turn import Reply, Transcript, Turn
from replay.verdict import Verdict

MOST = 5
TEXTS = ("exact", "whitespace", "json")
Turns = list[Object]  # one variant: what is accepted of each turn


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is accepted of one conversation with one target."""

    conversation: str
    target: str
    variants: tuple[Turns, ...]

    def to_json(self) -> Object:
        """Return the file's shape."""
        variants = [{"turns": turns} for turns in self.variants]
        return {"conversation": self.conversation, "target": self.target, "variants": variants}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to a baseline file: `new`, `changed` (to `after`) or `unused` (to be removed).

    `diff` says how what came differs from the nearest variant so far.
    """

    kind: str
    path: Path
    conversation: str = ""
    target: str = ""
    after: tuple[Turns, ...] = ()
    diff: str = ""


def read(project: Project, conversation: str, target: str) -> Baseline | None:
    """Return what is accepted of a conversation with a target, None where nothing is.

    Raises BadInput for a damaged file and for one that belongs to another conversation.
    """
    path = path_for(project, conversation, target)
    if not path.exists():
        return None
    name = path.relative_to(project.root).as_posix()
    baseline = load(path, name)
    if (baseline.conversation, baseline.target) != (conversation, target):
        other = f"{baseline.conversation} with {baseline.target}"
        raise BadInput([Fault(name, 1, 1, f"this is the baseline of {other}; move it, or accept anew")])
    return baseline


def path_for(project: Project, conversation: str, target: str) -> Path:
    """Return the place of a baseline. Raises BadInput for names that lead out of the folder."""
    path = project.baselines / conversation / f"{target}.yaml"
    if not Path(os.path.normpath(path)).is_relative_to(project.baselines):
        raise BadInput(
            f"no baseline can be kept for {conversation} with {target}: the names leave the folder"
        )
    return path


def load(path: Path, name: str | None = None) -> Baseline:
    """Read a baseline; `name` is what complaints call it. Raises BadInput with the place of every fault."""
    document = documents.read(path, name)
    data = document.data
    check = documents.Check(document)
    if check.mapping(data, (), "a baseline"):
        for key in ("conversation", "target"):
            if not isinstance(data.get(key), str):
                check.refuse((key,), f"{key} must be a name")
        for keys, variant in check.items(data, ("variants",), "variants"):
            if check.mapping(variant, keys, "a variant"):
                for inner, turn in check.items(variant, (*keys, "turns"), "turns"):
                    check.mapping(turn, inner, "what is accepted of a turn")
        if not data.get("variants"):
            check.refuse((), "there are no variants; remove the file and accept a reply anew")
    check.finish()
    variants = tuple(variant.get("turns") or [] for variant in data["variants"])
    return Baseline(data["conversation"], data["target"], variants)


def save(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all. Raises StorageError."""
    try:
        text = documents.dump(baseline.to_json(), open_lists=("variants", "turns"))
    except ValueError as problem:
        raise StorageError(f"cannot write {path} ({problem}); nothing was replaced") from None
    documents.write(path, text)


def accepted(transcript: Transcript) -> Turns:
    """Return what a baseline keeps of a transcript: contents, tool calls, finish reasons, errors."""
    return [_turn(turn) for turn in transcript.turns]


def _turn(turn: Turn) -> Object:
    kept: Object = {}
    if turn.reply:
        kept = _reply(turn.reply)
        if turn.reply.others:
            kept["others"] = [_reply(other) for other in turn.reply.others]
    if turn.error:
        error = {"kind": turn.error.kind, "status": turn.error.status, "code": turn.error.code}
        kept["error"] = {key: value for key, value in error.items() if value is not None}
    return kept


def _reply(reply: Reply) -> Object:
    message = reply.message
    kept: Object = {
        "content": message.content,
        "refusal": message.extra.get("refusal"),
        "tool_calls": [_call(call) for call in message.tool_calls] or None,
        "finish_reason": reply.finish_reason or reply.native_finish_reason,
    }
    return {key: value for key, value in kept.items() if value is not None}


def _call(call: ToolCall) -> Object:
    """Keep the arguments as JSON where they are, else as the text they are."""
    try:
        if call.type != "custom":
            return {"name": call.name, "arguments": parse(call.arguments or "{}", strict=True)}
    except ValueError:
        pass
    return {"name": call.name, "arguments_text": call.arguments}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is no difference. `ignore` holds paths in a turn (`tool_calls[*].arguments.id`, `content`).

    `text` is how contents are compared: `exact`, `whitespace` (any run of it is one space) or `json`.
    """

    ignore: tuple[str, ...] = ()
    tolerance: float = 0.0
    text: str = "exact"

    def differences(self, before: Turns, after: Turns) -> list[Difference]:
        """List how the turns differ; the paths begin with `turns[1].` where there are several."""
        found: list[Difference] = []
        many = max(len(before), len(after)) > 1
        for number in range(max(len(before), len(after))):
            place = f"turns[{number}]"
            if number >= len(after):
                found.append(Difference(place, "removed", before[number]))
            elif number >= len(before):
                found.append(Difference(place, "added", None, after[number]))
            else:
                inside = self._turn(before[number], after[number])
                found += [item.moved(place) for item in inside] if many else inside
        return found

    def _turn(self, before: Object, after: Object) -> list[Difference]:
        was, now = self._read(before), self._read(after)
        found: list[Difference] = []
        pairs = aligned(was.pop("tool_calls", None) or [], now.pop("tool_calls", None) or [])
        for number, (call, came) in enumerate(pairs):
            found += _call_differences(call, came, f"tool_calls[{number}]", self.tolerance)
        return without(differences(was, now, tolerance=self.tolerance) + found, self.ignore)

    def _read(self, turn: Object) -> Object:
        content = turn.get("content")
        if not isinstance(content, str) or self.text == "exact":
            return dict(turn)
        return turn | {"content": " ".join(content.split()) if self.text == "whitespace" else _json(content)}


def _call_differences(before: Json, after: Json, place: str, tolerance: float) -> list[Difference]:
    if before is None or after is None:
        return [Difference(place, "added" if before is None else "removed", before, after)]
    return differences(before, after, tolerance=tolerance, at=place)


def _json(text: str) -> Json:
    try:
        return parse(text, strict=True)
    except ValueError:
        return text


def nearest(variants: Iterable[Turns], came: Turns, rules: Rules) -> tuple[list[Difference], Turns]:
    """Return how what came differs from the nearest variant (it may be one itself), and that variant."""
    found = ((rules.differences(variant, came), variant) for variant in variants)
    return min(found, key=lambda item: (len(item[0]), len(readable(item[0]))))


def proposed(
    project: Project,
    results: Iterable[Result],
    categories: Collection[str] = ("new", "changed"),
    *,
    add_variant: bool = False,
) -> list[Change]:
    """List what accepting the replies of these results would write, where `baseline` judged so.

    All attempts of a case are variants of one baseline. They take the place of what was accepted before, or
    with `add_variant` are added to it. Raises BadInput for a damaged baseline and for too many variants.
    """
    judged = [(result, verdict) for result in results for verdict in result.verdicts if _is_ours(verdict)]
    judged.sort(key=lambda item: _case(item[0]))
    changes = []
    for case, group in groupby(judged, key=lambda item: _case(item[0])):
        attempts = list(group)
        news = [verdict for _, verdict in attempts if verdict.bad and verdict.kind in categories]
        if news:
            old = read(project, *case)
            came = [accepted(result.transcript) for result, _ in attempts]
            after = _distinct([*(old.variants if old and add_variant else ()), *came])
            changes.append(Change(news[0].kind, path_for(project, *case), *case, after, news[0].diff))
    _refuse_too_many(changes)
    return changes


def _refuse_too_many(changes: Iterable[Change]) -> None:
    faults = []
    for change in changes:
        if len(change.after) > MOST:
            case = f"{change.conversation} with {change.target}"
            message = f"{case}: {len(change.after)} variants, at most {MOST} are accepted"
            faults.append(Fault("", 0, 0, message))
    if faults:
        raise BadInput(faults)


def _is_ours(verdict: Verdict) -> bool:
    return verdict.assertion == "baseline" and (not verdict.bad or verdict.kind in ("new", "changed"))


def _case(result: Result) -> tuple[str, str]:
    return (result.case.conversation, result.case.target)


def _distinct(variants: Iterable[Turns]) -> tuple[Turns, ...]:
    kept: list[Turns] = []
    for turns in variants:
        if not any(same(turns, other) for other in kept):
            kept.append(turns)
    return tuple(kept)


def apply(
    changes: Iterable[Change], *, update: bool = False, environ: Mapping[str, str] = os.environ
) -> list[Path]:
    """Write new and changed baselines, remove unused ones; return their paths.

    Raises BadInput where the environment variable CI is set, unless `update` says that it is meant.
    """
    if not update and environ.get("CI", "").lower() not in ("", "0", "false", "no", "off"):
        raise BadInput(
            "baselines are not written in CI (the environment variable CI is set); --update forces it"
        )
    return [_apply(change) for change in changes]


def _apply(change: Change) -> Path:
    if change.kind != "unused":
        save(change.path, Baseline(change.conversation, change.target, change.after))
        return change.path
    try:
        change.path.unlink(missing_ok=True)
    except OSError as problem:
        raise StorageError(f"cannot remove {change.path} ({problem.strerror})") from None
    return change.path


def accept(
    project: Project,
    results: Iterable[Result],
    categories: Collection[str] = ("new", "changed"),
    *,
    add_variant: bool = False,
    update: bool = False,
) -> list[Path]:
    """Accept the replies of these results that `baseline` judged to be of these categories."""
    return apply(proposed(project, results, categories, add_variant=add_variant), update=update)


def unused(project: Project, cases: Iterable[Case]) -> Iterator[Change]:
    """Yield the baselines that none of these cases (all that have the `baseline` assertion) looks at."""
    used = {path_for(project, case.conversation, case.target) for case in cases}
    for path in sorted(project.baselines.rglob("*.yaml")):
        if path not in used:
            yield Change("unused", path, path.parent.relative_to(project.baselines).as_posix(), path.stem)

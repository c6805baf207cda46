"""Findings as text: for a terminal, for GitHub, as SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from replay.conversation import Object
from replay.diff import visible
from replay.lint._run import Linter
from replay.lint.finding import Finding
from replay.lint.rules import find, summary

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def written(linter: Linter, paths: Iterable[Path], shape: str | None) -> Iterator[str]:
    """Yield what is printed of the findings in files: lines, or `shape`, json, sarif or github."""
    findings = linter.findings(paths)
    if shape == "sarif":
        yield from sarif(findings, linter)
    elif shape == "json":
        yield from _json(findings, linter)
    else:
        line = github if shape == "github" else text
        yield from (f"{line(finding)}\n" for finding in findings)
        yield f"{summed(linter)}\n"


def _json(findings: Iterable[Finding], linter: Linter) -> Iterator[str]:
    yield '{\n  "findings": ['
    for number, finding in enumerate(findings):
        yield ("," if number else "") + "\n    " + json.dumps(finding.to_json())
    told: dict[str, Any] = {
        "looked_at": linter.subjects,
        "counts": dict(linter.counts),
        "repeats": linter.repeats,
    }
    told["not_looked_at"] = dict(linter.skipped)
    yield "\n  ],\n  " + json.dumps(told, indent=2)[1:].lstrip() + "\n"


def text(finding: Finding) -> str:
    """Two lines for a terminal; what cannot be seen is written as escapes."""
    at = f" {finding.at}:" if finding.at else ""
    head = f"{finding.place}: {finding.severity}:{at} {finding.reason} [{finding.rule}]"
    return visible(f"{head}\n    {finding.mend}")


def summed(linter: Linter) -> str:
    """Say what was found, and what was not looked at."""
    counts = ", ".join(
        f"{count:,} {name}{'s' * (count > 1)}" for name, count in sorted(linter.counts.items())
    )
    lines = [f"{linter.subjects:,} looked at: {counts or 'nothing found'}"]
    if linter.repeats:
        lines.append(f"{linter.repeats:,} findings were there again in the same file")
    lines += (f"not looked at: {count:,} x {visible(why)}" for why, count in linter.skipped.most_common(5))
    return "\n".join(lines)


def github(finding: Finding) -> str:
    """An annotation of GitHub Actions.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    level = finding.severity.replace("note", "notice")
    fields = {"file": finding.path, "line": finding.line, "col": finding.column, "title": finding.rule}
    said = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value)
    where = " ".join(word for word in (finding.record, finding.at) if word)
    message = f"{where}: {finding.reason}" if where else finding.reason
    return f"::{level} {said}::" + _data(visible(f"{message}\n{finding.mend}"))


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: Iterable[Finding], linter: Linter) -> Iterator[str]:
    """Yield the text of a SARIF log, result by result: it is as long as what is found.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rules = list(linter.severities)
    driver = {
        "name": "replay lint",
        "version": version("conversation-replay"),
        "rules": [_rule(rule, linter.severities[rule]) for rule in rules],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"}
    head = json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})
    yield head.removesuffix("}]}") + ', "results": ['
    for number, finding in enumerate(findings):
        yield (",\n" if number else "\n") + json.dumps(_result(finding, rules))
    yield "\n]}]}\n"


def _rule(rule: str, severity: str) -> Object:
    told = (find(rule).__doc__ or "").strip()
    return {
        "id": rule,
        "shortDescription": {"text": summary(rule)},
        "fullDescription": {"text": told},
        "defaultConfiguration": {"level": severity},
    }


def _result(finding: Finding, rules: list[str]) -> Object:
    physical: Object = {"artifactLocation": {"uri": quote(finding.path)}}
    if finding.line:
        column = {"startColumn": finding.column} if finding.column else {}
        physical["region"] = {"startLine": finding.line} | column
    location: Object = {"physicalLocation": physical}
    names = [name for name in (finding.record, finding.at) if name]
    if names:
        location["logicalLocations"] = [{"fullyQualifiedName": " ".join(names)}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.severity,
        "message": {"text": f"{finding.reason}. {finding.mend}"},
        "locations": [location],
    }

"""What may stand in the tables of the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from replay import regexes
from replay.conversation import Json
from replay.diff import short
from replay.documents import kind, number_fault
from replay.errors import nearest


class Report(Protocol):
    """Takes a complaint about the key that a path leads to."""

    def __call__(self, path: tuple[str, ...], message: str, warning: bool = False, /) -> None:
        """Note it."""


Rule = Callable[[Json, tuple[str, ...], Report], None]

TABLES = ("targets", "redaction", "record", "report", "lint")
PII = ("keyed", "drop", "keep")
CREDENTIALS = frozenset(
    ("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "set-cookie")
)
_LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")
_POLICY = re.compile(r"[a-z][a-z0-9_]*(:[1-9][0-9]*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def text(value: Json, path: tuple[str, ...], report: Report) -> None:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        report(path, f"{path[-1]} must be text, not {kind(value) if value != '' else 'empty'}")


def _variable(value: Json, path: tuple[str, ...], report: Report) -> None:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        report(path, f"{path[-1]} must be the name of an environment variable, never a value")


def _url(value: Json, path: tuple[str, ...], report: Report) -> None:
    problem = url_fault(value) if isinstance(value, str) else f"must be text, not {kind(value)}"
    if problem:
        report(path, f"{path[-1]} {problem}")


def url_fault(url: str) -> str | None:
    """Say what is wrong with the address of a provider."""
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        return f"is no address ({problem})"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f'must begin with https:// (or http://), as in "https://{url.partition("://")[2] or url}"'
    return None


def unprotected(url: Json) -> bool:
    """Whether an address sends keys unencrypted over a network."""
    if not isinstance(url, str) or not url.startswith("http://"):
        return False
    return urlsplit(url).hostname not in _LOCAL


def _number(least: float, most: float, *, whole: bool = True) -> Rule:
    def rule(value: Json, path: tuple[str, ...], report: Report) -> None:
        if problem := number_fault(value, whole=whole, least=least, most=most):
            report(path, f"{path[-1]} {problem}")

    return rule


def _seconds(value: Json, path: tuple[str, ...], report: Report) -> None:
    problem = number_fault(value, least=0, most=86_400)
    if problem or value == 0:
        report(path, f"{path[-1]} {problem or 'must be more than 0'} (seconds)")


def _anything(value: Json, path: tuple[str, ...], report: Report) -> None:
    """Take any value: what it means is the wire's affair."""


def _one_of(*words: str) -> Rule:
    def rule(value: Json, path: tuple[str, ...], report: Report) -> None:
        if value not in words:
            report(path, f"{path[-1]} is {value!r}; use one of {', '.join(words)}")

    return rule


def _switch(value: Json, path: tuple[str, ...], report: Report) -> None:
    if not isinstance(value, bool):
        report(path, f"{path[-1]} must be true or false, not {kind(value)}")


def _texts(value: Json, path: tuple[str, ...], report: Report) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        report(path, f"{path[-1]} must be a list of text")


def _text_or_nothing(value: Json, path: tuple[str, ...], report: Report) -> None:
    if not isinstance(value, str):
        report(path, f"{path[-1]} must be text, not {kind(value)}")


def _pii(value: Json, path: tuple[str, ...], report: Report) -> None:
    if value not in PII:
        report(path, f"pii {short(value)} is not known; use one of {', '.join(PII)}")


def _pattern(value: Json, path: tuple[str, ...], report: Report) -> None:
    try:
        empty = regexes.found(value, "")
    except (ValueError, regexes.TimeLimit) as problem:
        report(path, str(problem))
    else:
        if empty:
            report(path, f"pattern {short(value)} matches nothing at all, and so everywhere")


def _allowed(value: Json, path: tuple[str, ...], report: Report) -> None:
    _texts(value, path, report)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, str) and len(item) > 1 and item[0] == item[-1] == "/":
            _pattern(item[1:-1], path, report)


def _policy(value: Json, path: tuple[str, ...], report: Report) -> None:
    if not isinstance(value, str) or not _POLICY.fullmatch(value):
        report(path, f"{path[-1]} must name a policy, as in last or last:6, not {short(value)}")


def _kept_headers(value: Json, path: tuple[str, ...], report: Report) -> None:
    _texts(value, path, report)
    for name in value if isinstance(value, list) else ():
        if isinstance(name, str) and name.lower() in CREDENTIALS:
            report(path, f'"{name}" is a credential: no recording keeps it')


def _presidio(value: Json, path: tuple[str, ...], report: Report) -> None:
    if isinstance(value, dict):
        _table({"entities": _texts, "language": text, "model": text, "score": _number(0, 1, whole=False)})(
            value, path, report
        )
    elif not isinstance(value, bool):
        _texts(value, path, report)


def _table(rules: Mapping[str, Rule]) -> Rule:
    def rule(value: Json, path: tuple[str, ...], report: Report) -> None:
        if not isinstance(value, dict):
            report(path, f"{path[-1]} must be a table, not {kind(value)}")
            return
        unknown(value, path, rules, report)
        for name in value.keys() & rules.keys():
            rules[name](value[name], (*path, name), report)

    return rule


def _each(rule: Rule) -> Rule:
    def each(value: Json, path: tuple[str, ...], report: Report) -> None:
        if not isinstance(value, dict):
            report(path, f"{path[-1]} must be a table, not {kind(value)}")
            return
        for name, item in value.items():
            rule(item, (*path, name), report)

    return each


def _no_key(_: Json, path: tuple[str, ...], report: Report) -> None:
    report(path, "a key does not belong into a file; name its environment variable: api_key_env")


def unknown(table: Mapping[str, Json], path: tuple[str, ...], names: Collection[str], report: Report) -> None:
    """Report keys that are none of `names`."""
    for name in table:
        if name not in names:
            report((*path, name), f'{".".join(path)} has no "{name}"; {nearest(name, names)}')


_PER_MINUTE = _number(1, 1_000_000_000)
_DOLLARS = _number(0, 1_000_000, whole=False)
LIMITS = _table(
    {
        "concurrency": _number(1, 10_000),
        "requests_per_minute": _PER_MINUTE,
        "tokens_per_minute": _PER_MINUTE,
        "queue": _number(1, 1_000_000),
    }
)
_OWN: dict[str, Rule] = {
    "provider": text,
    "model": text,
    "deployment": text,
    "api_version": text,
    "organization": text,
    "project": text,
    "project_env": _variable,
    "region": text,
    "region_env": _variable,
    "platform": _one_of("vertex", "bedrock"),
    "beta": _switch,
    "profile": text,
    "alt": _one_of("json", "sse"),
    "base_url": _url,
    "endpoint": _url,
    "api_key": _no_key,
    "api_key_env": _variable,
    "base_url_env": _variable,
    "endpoint_env": _variable,
    "deployment_env": _variable,
    "headers": _each(text),
    "timeout": _seconds,
    "retries": _number(0, 100),
    "limits": LIMITS,
    "context": _policy,
    "context_window": _number(1, 1_000_000_000),
    "context_policy": _policy,
    "params": _table({"add": _each(_anything), "rename": _each(text), "drop": _texts}),
    "price": _table({"prompt": _DOLLARS, "completion": _DOLLARS, "cached": _DOLLARS}),
}
TARGET = _OWN | {"tenants": _each(_table(_OWN))}
check_target = _table(TARGET)
check_redaction = _table(
    {
        "salt": _text_or_nothing,
        "terms": _texts,
        "pii": _pii,
        "patterns": _each(_pattern),
        "keys": _texts,
        "allow": _allowed,
        "headers": _kept_headers,
        "presidio": _presidio,
    }
)
check_lint = _table(
    {
        "rules": _each(_one_of("error", "warning", "note", "off")),
        "fail_on": _one_of("error", "warning", "note", "never"),
    }
)
CHECKS = {"redaction": check_redaction, "lint": check_lint}  # tables that are checked as they are read

"""The project: where its files are and which targets it has.

`[tool.replay]` in pyproject.toml, or the same tables in replay.toml (there also without the `tool.replay.`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from replay import filenames
from replay.config import _overrides, _settings
from replay.config._settings import CREDENTIALS as CREDENTIALS
from replay.config._toml import place as place
from replay.config._toml import syntax_fault
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault, nearest
from replay.turn import Target

FILES = ("pyproject.toml", "replay.toml")


@dataclass(frozen=True)  # without slots, for its folders are asked for in every case and made once
class Project:
    """A folder with `fixtures/`, `suites/` and `reports/`, and what `[tool.replay]` says about it.

    `settings` holds the tables beside `targets`; `file` is the configuration's, None where there is none.
    `tenants` holds the settings that a target has for a tenant, by target and tenant.
    """

    root: Path
    targets: dict[str, Target] = field(default_factory=dict)
    settings: Object = field(default_factory=dict)
    file: Path | None = None
    warnings: tuple[Fault, ...] = ()
    tenants: dict[str, Object] = field(default_factory=dict)

    @classmethod
    def find(cls, start: Path) -> Project:
        """Read the configuration in `start` or the nearest folder above it; without one, `start` is the root.

        Raises BadInput with every fault of the file.
        """
        start = start.absolute()
        for folder in (start, *start.parents):
            found = [(path, table) for path in _files(folder) if (table := _table(path)) is not None]
            if len(found) > 1:
                raise BadInput(f"two configurations: {found[0][0]} and {found[1][0]}; keep one of them")
            if found:
                return _project(*found[0])
        return cls(start)

    def for_tenant(self, name: str | None = None) -> Project:
        """Return the project as a tenant has it, with the environment's limits.

        What a tenant's table says, `[tool.replay.targets.x.tenants.acme]`, takes the place of the target's
        own settings; where none is named, `REPLAY_TENANT` does. `REPLAY_LIMITS` and `REPLAY_LIMITS_<TARGET>`
        take the place of limits. Raises BadInput for a tenant that no target has and for what is no limit.
        """
        tenant = name or os.environ.get(_overrides.TENANT)
        targets = _overrides.of_tenant(self.targets, self.tenants, tenant) if tenant else self.targets
        return replace(self, targets=_overrides.of_environment(targets))

    @cached_property
    def conversations(self) -> Path:
        """Where conversation fixtures are."""
        return self.root / "fixtures" / "conversations"

    @cached_property
    def cassettes(self) -> Path:
        """Where cassettes are."""
        return self.root / "fixtures" / "cassettes"

    @cached_property
    def baselines(self) -> Path:
        """Where accepted replies are."""
        return self.root / "fixtures" / "baselines"

    @cached_property
    def suites(self) -> Path:
        """Where suites are."""
        return self.root / "suites"

    @cached_property
    def reports(self) -> Path:
        """Where runs are written."""
        return self.root / "reports"

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: from the project's root where it is inside."""
        text = str(path.absolute())
        if text.startswith(self._inside):
            return text[len(self._inside) :].replace(os.sep, "/")
        return "." if path == self.root else text

    @cached_property
    def _inside(self) -> str:
        """How the paths inside begin: comparing text is ten times as fast as comparing paths."""
        return os.path.join(self.root, "")  # noqa: PTH118 - a path would drop the last separator

    def target(self, name: str) -> Target:
        """Return a target. Raises BadInput with the nearest name."""
        if name in self.targets:
            return self.targets[name]
        where = self.shown(self.file) if self.file else FILES[0]
        advice = f"{nearest(name, self.targets)} " if self.targets else ""
        table = f"[tool.replay.targets.{_quoted(name)}]"
        raise BadInput(f'target "{name}" is not configured; {advice}(add {table} to {where})')


def redaction(settings: Object) -> Object:
    """Return the table `redaction` of a project's settings. Raises BadInput with all that is wrong in it."""
    table: Object = settings.get("redaction") or {}
    faults: list[str] = []

    def report(path: tuple[str, ...], message: str, _: bool = False) -> None:
        faults.append(f"{'.'.join(path)}: {message}")

    _settings.check_redaction(table, ("redaction",), report)
    if faults:
        raise BadInput("\n".join(faults))
    return table


def setting(target: Target, name: str) -> str | None:
    """Return a target's setting: `name` itself, or what the environment variable holds that `name`_env names.

    None where neither says anything. Raises BadInput for a value that cannot be one; it is never shown.
    """
    if name in target.settings:
        return str(target.settings[name])
    variable = target.settings.get(f"{name}_env")
    return environment(str(variable), name, target) if variable else None


def environment(variable: str, name: str, target: Target) -> str | None:
    """Return what an environment variable holds for the setting `name` of a target, None for nothing.

    Raises BadInput for a value that cannot be one; it is never shown.
    """
    value = os.environ.get(variable, "")
    problem = _value_fault(name, value)
    if problem:
        raise BadInput(f"environment variable {variable} ({name}_env of target {target.name}) {problem}")
    return value or None


def _value_fault(name: str, value: str) -> str | None:
    if not value.isascii() or any(char.isspace() or not char.isprintable() for char in value):
        return "holds a space, a line break or another character that cannot be sent"
    if name in ("base_url", "endpoint") and value and _settings.url_fault(value):
        return "must be an address that begins with https:// (or http://)"
    return None


def _quoted(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in (folder / name for name in FILES) if path.is_file())


def _table(path: Path) -> tuple[tuple[str, ...], Object, str] | None:
    """Return the path of our table in a file, the table and the file's text; None where it has none."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadInput([syntax_fault(problem, path.name, text)]) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path} cannot be read ({problem})") from None
    tool = data.get("tool")
    table = tool.get("replay") if isinstance(tool, dict) else None
    if table is not None:
        return ("tool", "replay"), table, text
    return ((), data, text) if path.name == "replay.toml" else None


def _project(path: Path, found: tuple[tuple[str, ...], Object, str]) -> Project:
    prefix, table, text = found
    faults: list[Fault] = []

    def report(keys: tuple[str, ...], message: str, warning: bool = False) -> None:
        faults.append(Fault(path.name, *place(text, (*prefix, *keys)), message, warning))

    targets = _targets(table, report)
    for name, check in _settings.CHECKS.items():
        if isinstance(table, dict) and isinstance(table.get(name), dict):
            check(table[name], (name,), report)
    errors = [fault for fault in faults if not fault.warning]
    if errors:
        raise BadInput(errors)
    settings = {name: value for name, value in table.items() if name != "targets"}
    tenants = {name: own["tenants"] for name, own in table.get("targets", {}).items() if own.get("tenants")}
    return Project(path.parent, targets, settings, path, tuple(faults), tenants)


def _targets(table: Json, report: _settings.Report) -> dict[str, Target]:
    if not isinstance(table, dict):
        report((), "tool.replay must be a table")
        return {}
    for name in table:
        if name not in _settings.TABLES:
            report((name,), f'there is no table "{name}"; {nearest(name, _settings.TABLES)}')
        elif not isinstance(table[name], dict):
            report((name,), f"{name} must be a table")
    return _each_target(table.get("targets"), report)


def _each_target(tables: Json, report: _settings.Report) -> dict[str, Target]:
    targets = {}
    for name, settings in tables.items() if isinstance(tables, dict) else ():
        keys = ("targets", name)
        _settings.check_target(settings, keys, report)
        problem = filenames.fault(name) or ("holds a #" if "#" in name else None)
        if problem:
            report(keys, f"the target's name {problem}; it names files: keep it short and plain")
        if isinstance(settings, dict):
            targets[name] = _target(name, settings, report)
    for first, second in filenames.clashing(targets):
        report(("targets", second), f'"{second}" and "{first}" are one file name on many disks; rename one')
    return targets


def _target(name: str, settings: Object, report: _settings.Report) -> Target:
    for key in ("provider", "model"):
        if key not in settings:
            report(("targets", name), f'target "{name}" needs a {key}')
    _check_encryption(settings, ("targets", name), report)
    tenants = settings.get("tenants")
    for tenant, own in tenants.items() if isinstance(tenants, dict) else ():
        _check_encryption(own, ("targets", name, "tenants", tenant), report)
    rest = {key: value for key, value in settings.items() if key not in ("provider", "model", "tenants")}
    return Target(name, str(settings.get("provider", "")), str(settings.get("model", "")), rest)


def _check_encryption(settings: Json, keys: tuple[str, ...], report: _settings.Report) -> None:
    for key in ("base_url", "endpoint"):
        if isinstance(settings, dict) and _settings.unprotected(settings.get(key)):
            report((*keys, key), f"{key} sends keys unencrypted; use https://", True)

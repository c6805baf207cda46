"""The worker: an actor that plays cases in threads of one process, in a copy of the project."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import ray

from replay import assertions, atomic, faults, policies, providers, tools
from replay.cassette.interaction import Interaction
from replay.config import Project
from replay.conversation import Conversation
from replay.engines._ray import cargo, cluster
from replay.engines._ray.mailbox import FarGate
from replay.errors import BadInput
from replay.run import Result
from replay.runner import Planned, Runner, cassette_path, targets_of

_ROOMS: dict[str, Any] = {
    room.__name__: room.registry for room in (assertions, faults, policies, providers, tools)
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all cases. `modules` are folders to import from, `plugins` what code registered.

    `settings` are the fields of the Runner that are the driver's wish and no folder.
    """

    project: Project
    folder: Path
    settings: dict[str, Any]
    modules: list[Path]
    plugins: dict[str, dict[str, Any]]
    gated: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One case, what it asks, and its own files: its cassette, its baseline."""

    planned: Planned
    conversation: Conversation
    files: dict[Path, bytes]
    mode: str


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of a case, and which targets are asked no more."""

    result: Result
    stopped: dict[str, str]


def job(runner: Runner, places: cargo.Places) -> bytes:
    """Pack what workers need to know of a run. Raises BadInput."""
    own = ("project", "folder", "gate", "heard", "stopped")
    settings = {
        name: getattr(runner, name)
        for name in Runner.__dataclass_fields__
        if name not in own and not name.startswith("_")
    }
    root = runner.project.root
    modules = [path for path in map(Path, sys.path) if path.is_absolute() and path.is_relative_to(root)]
    plugins = {name: registry.registered for name, registry in _ROOMS.items()}
    gated = runner.gate is not None
    folder = runner.folder or runner.project.cassettes
    return cargo.pack(Job(runner.project, folder, settings, modules, plugins, gated), places)


def secrets(runner: Runner, planned: Planned) -> dict[str, str]:
    """Return the environment variables that the targets of a case name, and no other."""
    project = runner.project
    named = {name for target in targets_of(planned) for name in runner.variables(project.target(target))}
    return {name: os.environ[name] for name in sorted({*named, "REPLAY_SALT"}) if os.environ.get(name)}


class Worker:
    """Plays cases, several at once in threads. `name` is what the desk knows it by."""

    def __init__(self, name: str, box: Any) -> None:
        self._name, self._box = name, box

    def ready(self, versions: Mapping[str, str], packed: bytes, archive: bytes) -> str:
        """Unpack the project and the job; returns why no case can be played here, empty where one can."""
        here = cluster.versions()
        if here != versions:
            return _differences(versions, here)
        self._home = Path(tempfile.mkdtemp(prefix="replay-"))
        self._places = {"root": self._home / "project", "folder": self._home / "cassettes"}
        with zipfile.ZipFile(BytesIO(archive)) as files:
            files.extractall(self._places["root"])
        try:
            self._begin(cargo.unpack(packed, self._places))
        except BadInput as problem:
            return str(problem)
        return ""

    def play(self, packed: bytes, secrets: Mapping[str, str], stopped: Mapping[str, str]) -> Landed:
        """Play one case. `secrets` are environment variables, `stopped` targets to ask no more.

        Raises BadInput where the case cannot be read here.
        """
        os.environ.update(secrets)
        task: Task = cargo.unpack(packed, self._places, self._job.project)
        runner = self._runners.setdefault(task.mode, replace(self._runner, mode=task.mode))
        runner.stopped.update(stopped)
        for path, content in task.files.items():
            atomic.write(path, [content])
        try:
            result, _ = runner.shown(task.planned, runner.run(task.planned, task.conversation))
            return Landed(result, dict(runner.stopped))
        finally:
            cassette_path(self._job.folder, task.planned.case).unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove what was unpacked here."""
        shutil.rmtree(self._home, ignore_errors=True)

    def _begin(self, job: Job) -> None:
        self._job = job
        self._places["root"].mkdir(exist_ok=True)
        sys.path[:0] = map(str, job.modules)
        for room, plugins in job.plugins.items():
            for name, plugin in plugins.items():
                _ROOMS[room].register(name, plugin)
        gate = FarGate(self._box, self._name) if job.gated else None
        self._runner = Runner(job.project, folder=job.folder, gate=gate, heard=self._hear, **job.settings)
        self._runners: dict[str, Runner] = {}

    def _hear(self, planned: Planned, interaction: Interaction) -> None:
        """Send home what was recorded, before anything else is paid for."""
        ray.get(self._box.tell.remote("heard", self._name, planned.case.id, interaction))


def _differences(driver: Mapping[str, str], here: Mapping[str, str]) -> str:
    told = [f"{name} {here[name]} is not {driver[name]}" for name in driver if here[name] != driver[name]]
    return (
        f"the node {os.uname().nodename} differs from the driver: {', '.join(told)}; install the same on both"
    )

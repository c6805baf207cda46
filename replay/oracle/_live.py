"""A live target as the oracle: through the runner and the gate, each answer in a cassette of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from replay.config import Project
from replay.conversation import Conversation, Object
from replay.engines import threads
from replay.limits import Gate
from replay.oracle._answer import Answer, Failure
from replay.oracle._probe import Probe
from replay.oracle._remembered import Ended
from replay.run import Case, Result
from replay.runner import Planned, Runner
from replay.turn import RETRYABLE, ApiError, Target

RETRIES = 3
_UNRECORDED = (
    "a request that was changed has no recording, and nothing may be sent; leave out --offline to ask the"
    " target (or a scripted server), or give a function: --keep python:path.py::name"
)
_NOT_ASKED = (
    ("seam", "no_recording"),
    ("seam", "storage"),
    ("seam", "bad_input"),
    ("provider", "not_sent"),
)
_SAYS_NOTHING = (*RETRYABLE, "auth", "billing", "cut", "stream_error")  # errors that hang on the moment


@dataclass(frozen=True, eq=False)
class _Prober(Runner):
    """A runner of conversations that stand in no file."""

    held: dict[str, Conversation] = field(default_factory=dict)

    def conversation(self, planned: Planned) -> Conversation:
        """Return what a case asks."""
        return self.held[planned.case.conversation]


class Live:
    """Asks the targets of a project, and records in `folder`; `failure` is the one that is looked for.

    With `offline` nothing is sent: only what was recorded there before is answered. What gives no answer is
    asked again; of a case with faults that is left to its target, as the errors are what is looked into.
    """

    once = False

    def __init__(
        self, project: Project, folder: Path, gate: Gate, failure: Failure, *, offline: bool = False
    ) -> None:
        self.project, self.folder, self.gate = project, folder, gate
        self.failure, self.offline = failure, offline
        self._runners: dict[str, _Prober] = {}

    def key(self, probe: Probe) -> str:
        """Return the hash of what is asked, and of how it is judged."""
        return f"{probe.key}-{probe.judged(self.project.root)}"

    def ask(self, probe: Probe, attempts: Sequence[int]) -> list[Answer]:
        """Play the attempts, side by side as the target's limits allow. Raises BadInput and Ended."""
        runner = self._runner(probe)
        planned = (_planned(probe, attempt) for attempt in attempts)
        answers = dict.fromkeys(attempts, Answer())
        with closing(threads.run(planned, runner)) as results:  # type: ignore[type-var]
            for one, result in results:
                answers[one.case.attempt] = self._answer(result, runner, probe)
        return list(answers.values())

    def cassette(self, probe: Probe, attempt: int) -> Path:
        """Return where an attempt is recorded."""
        return self._runner(probe).cassette_of(_planned(probe, attempt).case)

    def _runner(self, probe: Probe) -> _Prober:
        """Return what asks a target: one for each, as it holds connections."""
        retries = 0 if probe.entry.faults else RETRIES
        key = f"{retries} {probe.target!r}"
        if key not in self._runners:
            self._runners[key] = self._opened(probe.target, retries)
        self._runners[key].held[_name(probe)] = probe.conversation
        return self._runners[key]

    def _opened(self, target: Target, retries: int) -> _Prober:
        project = replace(self.project, targets=self.project.targets | {target.name: target})
        mode = "none" if self.offline else "new_episodes"
        terms: Object = {"failures": self.offline, "gate": self.gate, "retries": retries}
        runner = _Prober(project, mode, folder=self.folder, **terms)
        if runner.live:
            runner.ready([target.name])
        return runner

    def _answer(self, result: Result, runner: Runner, probe: Probe) -> Answer:
        """Read a result. Raises Ended where it is none: nothing may be sent, or nothing came back."""
        answer = _hidden(Answer.of(result.verdicts), runner, result)
        for assertion, kind, message in answer.wrong:
            if (assertion, kind) in _NOT_ASKED or kind == "not_asked":
                raise Ended(_UNRECORDED if kind == "no_recording" else message)
        for turn in () if probe.entry.faults else result.transcript.turns:
            if turn.error and turn.error.kind in _SAYS_NOTHING and not self._is_wanted(turn.error):
                message = next((said for *_, said in answer.wrong), "")
                raise Ended(f"{result.case.target} gave no answer to judge: {message}")
        return answer

    def _is_wanted(self, error: ApiError) -> bool:
        """Tell whether an error is the failure that is looked for."""
        return self.failure.assertion == "error" or self.failure.kind == f"error_{error.kind}"


def _planned(probe: Probe, attempt: int) -> Planned:
    case = Case(_name(probe), probe.target.name, attempt)
    return Planned(case, probe.entry, "", Path(probe.conversation.name))


def _name(probe: Probe) -> str:
    return f"{probe.key[:2]}/{probe.key}"


def _hidden(answer: Answer, runner: Runner, result: Result) -> Answer:
    """Return an answer that may be written down."""
    text = runner.redactor(result.case.target).text
    return Answer(tuple((name, kind, text(message)) for name, kind, message in answer.wrong))

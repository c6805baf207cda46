"""Batches on their way: requests collected for the next ones, those that are out, and what they bring."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat

from replay import providers
from replay.conversation import Object
from replay.engines._files import Answers, Outgoing
from replay.engines._ledger import Batch, Ledger
from replay.engines._maker import Maker, is_passing
from replay.engines._outbox import Outbox, Posted
from replay.engines._purse import Purse
from replay.engines._ways import Ways
from replay.errors import BadInput
from replay.providers._batches import FULL, Answer, Batches, Complaint, Refused
from replay.runner import Planned, Runner


def batches_of(runner: Runner, name: str) -> Batches:
    """Return the batches of a target. Raises BadInput where it has none."""
    target = runner.project.target(name)
    make = getattr(providers.registry.get(target.provider), "batches", None)
    if make is None:
        raise BadInput(f'target "{name}": provider {target.provider} has no batches; use --engine threads')
    api: Batches = make(target, runner.network)
    return api


class Office:
    """The batches of a run.

    `again` holds the cases that have to be played again; `stopped` says why a target is asked no more.
    """

    def __init__(self, ways: Ways, runner: Runner, ledger: Ledger) -> None:
        self.again = deque[Planned]()
        self.stopped: dict[str, str] = {}
        self._ways, self._runner, self._ledger = ways, runner, ledger
        self._maker, self._purse = Maker(ways, ledger), Purse(runner.gate)
        self._poor: dict[int, Planned] = {}  # cases that wait for money that batches hold
        self._apis: dict[str, Batches] = {}
        self._out: list[Batch] = []
        self._sent: dict[str, Batch] = {}  # by the names of their requests
        self._outbox = Outbox()
        self._answers: Answers | None = None  # of the batch that is read
        self._unsent: dict[str, str] = {}  # why a request gets no answer in this run
        self._corrected: set[str] = set()  # targets that had a batch refused for some of its lines

    def api(self, target: str) -> Batches:
        """Return the batches of a target. Raises BadInput where it has none."""
        if target not in self._apis:
            self._apis[target] = batches_of(self._runner, target)
        return self._apis[target]

    @property
    def has_room(self) -> bool:
        """Whether more cases may wait."""
        return len(self._outbox) + sum(len(one.waiting) for one in self._out) < self._ways.waiting

    @property
    def awaited(self) -> list[Batch]:
        """The batches that cases wait for."""
        return [batch for batch in self._out if batch.waiting]

    # for the desk

    def answer(self, name: str) -> Answer | None:
        """See `Mail`."""
        if name in self._unsent:
            return Answer(None, why=self._unsent[name])
        answer = self._answers.get(name) if self._answers else None
        if answer is not None and answer.status is None:
            self._purse.free(name)
            self._unsent[name] = f"{answer.why}; resume the run to send it again"
            return self.answer(name)
        if answer is not None and self._answers:
            self._purse.pay(name, self._runner.project.target(self._answers.target), answer)
        return answer

    def hand(self, name: str, planned: Planned, body: Object) -> str:
        """See `Mail`."""
        target = planned.case.target
        if group := self._sent.get(name) or self._outbox.holding(target, name):
            group.waiting[name] = planned
            return ""
        why = self.stopped.get(target) or self._purse.take(name, self._runner.project.target(target), body)
        if not why:
            self._outbox.put(target, self.api(target), name, planned, body)
        elif target not in self.stopped and (self.awaited or self._outbox):
            self._poor[id(planned)] = planned
            return ""
        return why

    # out

    def post_full(self) -> None:
        """Make the batches that are full, as far as they can be made now."""
        self._post(self._outbox.full())

    def post_all(self) -> None:
        """Make all batches that can be made now."""
        self._post(self._outbox.everything())

    def _post(self, ready: Posted) -> None:
        for target, out in ready:
            if target in self._outbox.most and any(batch.target == target for batch in self.awaited):
                self._outbox.keep(target, out)
            else:
                self._make(target, out)

    def _make(self, target: str, out: Outgoing) -> None:
        batch = Batch.new(target, out.waiting)
        try:
            with out.finished() as file:
                self._maker.make(self.api(target), batch, file)
        except Refused as problem:
            why = f"target {target}: its batch was not taken ({problem})"
            if problem.error.kind in ("auth", "billing"):
                self.stopped[target] = why
            self._give_up(batch, dict.fromkeys(batch.names, why))
            return
        self._wait_for(batch)
        self._say(batch, f"{len(batch.names)} requests are sent")

    def recover(self) -> None:
        """Take up the batches of a run that was interrupted. Raises BadInput and Refused."""
        for batch in self._ledger.open_batches():
            if batch.ids or self._maker.recover(self.api(batch.target), batch):
                self._wait_for(batch)

    def _wait_for(self, batch: Batch) -> None:
        self._out.append(batch)
        self._sent.update(dict.fromkeys(batch.names, batch))

    # in

    def ended(self) -> list[Batch]:
        """Wait until a batch that cases wait for has ended, or until there is something else to do."""
        for pause in chain(self._ways.pauses, repeat(self._ways.pauses[-1])):
            ended = [batch for batch in self.awaited if self._has_ended(batch)]
            if ended or self.again:
                return ended
            self._ways.sleep(pause)
        return []

    @contextmanager
    def read(self, batch: Batch) -> Iterator[list[Planned]]:
        """Open the answers of a batch that has ended, and give the cases that take them."""
        try:
            answers = Answers(self.api(batch.target), batch.target, batch.ids[0])
        except Refused as problem:
            self._not_seen(batch, problem)
            self._ways.sleep(self._ways.pauses[0])
            yield []
            return
        if answers and not any(name in answers for name in batch.names):
            self._is_of_others(batch)
            yield []
            return
        with answers as self._answers:
            taken, cases = set(batch.waiting), batch.cases()
            silent = f"batch {batch.ids[0]} has no answer to it; resume the run to send it again"
            self._unsent.update((name, silent) for name in taken if name not in answers)
            self._forget(taken)
            yield cases
        self._answers, batch.waiting = None, {}
        self._play_the_poor()
        if taken >= set(batch.names):  # else somebody may come for the others yet
            self._ledger.close(batch)
            self._out.remove(batch)

    def _has_ended(self, batch: Batch) -> bool:
        try:
            state = self.api(batch.target).state(batch.ids[0])
        except Refused as problem:
            self._not_seen(batch, problem)
            return False
        self._say(batch, f"{state.status}, {state.done} of {len(batch.names)} done")
        if state.complaints:
            self._refused(batch, state.complaints)
        return state.ended and not state.complaints

    def _not_seen(self, batch: Batch, problem: Refused) -> None:
        self._say(batch, f"cannot be looked at ({problem})")
        if is_passing(problem):
            return
        why = f"batch {batch.ids[0]}: {problem}"
        if problem.error.kind == "not_found":  # deleted or too old; or another account is asking
            why += f"; if it is gone for good, delete {self._ledger.path(batch)} and resume the run"
        self._give_up(batch, dict.fromkeys(batch.waiting, why))

    def _refused(self, batch: Batch, complaints: tuple[Complaint, ...]) -> None:
        """A batch failed as a whole, before any of it was carried out and paid."""
        said = "; ".join(dict.fromkeys(each.message for each in complaints))
        lines = _lines(batch, complaints)
        whole = dict.fromkeys(batch.names, f"batch {batch.ids[0]} failed: {said}")
        if any(each.code == FULL for each in complaints) and self._shrink(batch):
            whole, lines = {}, {}
        elif lines and batch.target not in self._corrected:  # the others have another chance
            self._corrected.add(batch.target)
            whole = {}
        self._ledger.close(batch)
        self._give_up(batch, whole | lines)

    def _shrink(self, batch: Batch) -> bool:
        """Send less at once to a target whose queue is full; False where there is no less."""
        others = any(one.target == batch.target for one in self.awaited if one is not batch)
        most = len(batch.names) if others else len(batch.names) // 2
        self._outbox.most[batch.target] = max(most, 1)
        return most > 0

    def _is_of_others(self, batch: Batch) -> None:
        """Look at the next batch that may be the one that a process was making when it died."""
        batch.ids.pop(0)
        if batch.ids:
            self._ledger.keep(batch)
        else:
            self._ledger.drop(batch)
            self._give_up(batch, {})

    def _give_up(self, batch: Batch, why: dict[str, str]) -> None:
        """Let the cases of a batch be played without it; `why` says which requests are not sent any more."""
        self._unsent.update(why)
        self._forget(batch.names)
        for name in batch.names:
            self._purse.free(name)
        self._out = [one for one in self._out if one is not batch]
        self.again.extend(batch.cases())
        self._play_the_poor()

    def _play_the_poor(self) -> None:
        """Money is free again: play the cases that waited for it."""
        poor, self._poor = self._poor, {}
        self.again.extend(poor.values())

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._sent.pop(name, None)

    def _say(self, batch: Batch, what: str) -> None:
        line = f"batch {batch.ids[0]} ({batch.target}): {what}"
        if line != batch.said:
            batch.said = line
            self._ways.tell(line)


def _lines(batch: Batch, complaints: tuple[Complaint, ...]) -> dict[str, str]:
    """What is said about single requests, by their names."""
    return {
        batch.names[each.line - 1]: f"line {each.line} of batch {batch.ids[0]}: {each.message}"
        for each in complaints
        if each.line and each.line <= len(batch.names)
    }

"""Reading a suite file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

from replay import assertions, faults, fixtures, providers
from replay.assertions import Assertion
from replay.config import Project
from replay.conversation import Json, Object
from replay.documents import Check, Keys, number_fault
from replay.errors import BadInput, Fault, NothingToRun, nearest
from replay.suites._loop import SHARED as LOOP
from replay.suites._loop import read_loop
from replay.suites._members import Members, Selection
from replay.suites._terms import Entry, Suite, Terms
from replay.turn import Play

PLAYS = get_args(Play)
SHARED = ("targets", "assert", "play", "repeats", "tags", "ignore", "faults", *LOOP)
SUITE = ("name", "description", "conversations", "cases", *SHARED, "margin", "$schema")
CASE = ("conversation", "description", "turns", "user_turns", *SHARED)
MAX_REPEATS = 1000


class Reader:
    """Reads one suite; what is wrong goes to its check."""

    def __init__(self, check: Check, project: Project) -> None:
        self.check, self.project = check, project
        self.empty: list[Fault] = []

    @cached_property
    def known(self) -> list[str]:
        """The names among which the nearest to a wrong one is looked for."""
        return fixtures.known(self.project)

    def suite(self, path: Path) -> Suite:
        """Return the suite; it is whole only if the check found nothing."""
        data = self.check.document.data
        if not self.check.mapping(data, (), "a suite (conversations, targets, assert)"):
            return Suite("", path, ())
        self.check.known(data, (), SUITE, "a suite")
        self.check.texts(data, (), [name for name in ("name", "description") if name in data])
        terms = self._with_contract(self._terms(data, ()))
        members = self._members(data, terms)
        self._raise_if_empty(members)
        name = data.get("name") or self._name(path)
        return Suite(name, path, members, data.get("description") or "", dict(self._margins(data)))

    def _margins(self, data: Object) -> Iterator[tuple[str, float]]:
        """Yield how much worse a candidate may be, by assertion; a number alone is that of all together."""
        if "margin" not in data:
            return
        from replay.comparison import OVERALL

        given = data["margin"]
        for name, margin in given.items() if isinstance(given, dict) else ((OVERALL, given),):
            keys: Keys = ("margin", name) if isinstance(given, dict) else ("margin",)
            if problem := number_fault(margin, whole=False, least=0.0001, most=0.9999):
                self.check.refuse(keys, f"margin {problem} (a share: 0.02 is two points of a hundred)")
            elif name != OVERALL and name not in assertions.registry:
                known = (OVERALL, *assertions.registry.names())
                self.check.refuse(keys, f'no assertion is called "{name}"; {nearest(name, known)}', key=True)
            else:
                yield name, float(margin)

    def _name(self, path: Path) -> str:
        path = path.absolute()
        base = self.project.suites if path.is_relative_to(self.project.suites) else path.parent
        return path.relative_to(base).with_suffix("").as_posix()

    def _raise_if_empty(self, members: Iterable[Entry]) -> None:
        if self.check.failed:
            return
        if not self.empty and not any(True for _ in members):
            message = "the suite names no conversation; list some under `conversations` or `cases`"
            self.empty.append(self.check.document.fault((), message))
        if self.empty:
            raise NothingToRun("\n".join(map(str, self.empty)))

    # -- which conversations ------------------------------------------------------------------------------

    def _members(self, data: Object, terms: Terms) -> Members:
        found = list[tuple[Keys, Selection]]()
        for keys, _ in self.check.items(data, ("conversations",), "globs"):
            found += self._selected(data["conversations"], keys, None)
        for keys, case in self._cases(data):
            found += self._selected(case, (*keys, "conversation"), self._terms(case, keys))
        members = Members(terms, [selection for _, selection in found])
        for whole, place in members.kinds():
            self._check_entry(whole, found[place][0])
        return members

    def _cases(self, data: Object) -> Iterator[tuple[Keys, Object]]:
        seen: dict[str, Keys] = {}
        for keys, case in self.check.items(data, ("cases",), "cases"):
            if not self.check.mapping(case, keys, "a case"):
                continue
            self.check.known(case, keys, CASE, "a case")
            if "conversation" not in case:
                self.check.refuse(keys, "a case needs a conversation")
                continue
            place, name = (*keys, "conversation"), str(case["conversation"])
            if name in seen:
                first = self.check.document.mark(seen[name]).line
                self.check.refuse(
                    place, f'"{name}" is a case twice, here and on line {first}; put them together'
                )
            seen.setdefault(name, place)
            yield keys, case

    def _selected(self, holder: Any, keys: Keys, terms: Terms | None) -> Iterator[tuple[Keys, Selection]]:
        if not self.check.text(holder, keys):
            return
        pattern = holder[keys[-1]]
        try:
            names = fixtures.Names(self.project, pattern)
            if any(True for _ in names):
                yield keys, Selection(pattern, names, self.check.document.mark(keys).line, terms)
            else:
                self._nothing_named(pattern, keys)
        except BadInput as problem:
            self.check.faults += problem.faults

    def _nothing_named(self, pattern: str, keys: Keys) -> None:
        folder = self.project.shown(self.project.conversations)
        advice = fixtures.advice(pattern, self.project, self.known)
        if fixtures.is_glob(pattern) or not advice:
            message = f'"{pattern}" names no conversation in {folder}'
            self.empty.append(self.check.document.fault(keys, message))
        else:
            self.check.refuse(keys, f'no conversation is called "{pattern}"; {advice}')

    def _check_entry(self, terms: Terms, keys: Keys) -> None:
        if not terms.targets:
            self._once(keys, "no target to play against; add `targets`")
        if terms.turns and terms.play != "every_turn":
            self._once((*keys[:-1], "turns"), "turns are chosen of `play: every_turn` only; add it")
        if terms.loop.user_turns and terms.play != "to_completion":
            self._once(
                (*keys[:-1], "user_turns"), "user_turns are said in `play: to_completion` only; add it"
            )
        self._check_prices(terms, keys)
        if not any(judge for _, judge in terms.asserted) and not self.check.failed:
            self._once(keys, "nothing is asserted; a case without an assertion proves nothing")
        for (name, one), (other_name, other) in combinations(terms.asserted, 2):
            if assertions.contradict(one, other):
                self._once(keys, f"{name} and {other_name} cannot both hold here: {one} and {other}")

    def _check_prices(self, terms: Terms, keys: Keys) -> None:
        """What is capped has to be known: a cost needs a price."""
        known = (self.project.targets[name] for name in terms.targets or () if name in self.project.targets)
        for target in known if "cost" in terms.loop.caps and terms.play == "to_completion" else ():
            if "price" not in target.settings:
                self._once(keys, f"caps.cost needs a price of target {target.name}; give it one")

    def _once(self, keys: Keys, message: str) -> None:
        """Refuse at a place once, however many conversations a glob there names."""
        fault = self.check.document.fault(keys, message)
        if fault not in self.check.faults:
            self.check.faults.append(fault)

    # -- what is said of them -----------------------------------------------------------------------------

    def _terms(self, data: Object, keys: Keys) -> Terms:
        return Terms(
            self._targets(data, keys),
            tuple(self._built(data, (*keys, "assert"), self._assertion)),
            self._play(data, (*keys, "play")),
            self._repeats(data, (*keys, "repeats")),
            self._texts(data, (*keys, "tags")),
            self._texts(data, (*keys, "ignore")),
            tuple(fault for _, fault in self._built(data, (*keys, "faults"), faults.build)),
            tuple(self._turns(data, (*keys, "turns"))),
            read_loop(self.check, data, keys, self._texts, self.project.root),
        )

    def _with_contract(self, terms: Terms) -> Terms:
        """`contract` judges every reply, unless the suite says something else of it."""
        if any(name == "contract" for name, _ in terms.asserted):
            return terms
        return Terms(asserted=(("contract", self._assertion("contract", None)),)).then(terms)

    def _targets(self, data: Object, keys: Keys) -> tuple[str, ...] | None:
        if "targets" not in data:
            return None
        named = list(self._each_text(data, (*keys, "targets")))
        for place, name in named:
            self._check_target(place, name)
        return tuple(name for _, name in named)

    def _check_target(self, keys: Keys, name: str) -> None:
        try:
            providers.registry.get(self.project.target(name).provider)
        except BadInput as problem:
            self.check.refuse(keys, _said(problem))

    def _texts(self, data: Object, keys: Keys) -> tuple[str, ...]:
        return tuple(text for _, text in self._each_text(data, keys))

    def _each_text(self, data: Object, keys: Keys) -> Iterator[tuple[Keys, str]]:
        items: Any = data.get(str(keys[-1]))
        for place, _ in self.check.items(data, keys, "text"):
            if self.check.text(items, place):
                yield place, items[place[-1]]

    def _play(self, data: Object, keys: Keys) -> Play | None:
        play: Any = data.get("play")
        if "play" in data and play not in PLAYS:
            self.check.refuse(keys, f'play "{play}" is not known; {nearest(str(play), PLAYS)}')
        return play if play in PLAYS else None

    def _repeats(self, data: Object, keys: Keys) -> int | None:
        if "repeats" not in data:
            return None
        problem = number_fault(data["repeats"], whole=True, least=1, most=MAX_REPEATS)
        if problem:
            self.check.refuse(keys, f"repeats {problem}")
        return None if problem else data["repeats"]

    def _turns(self, data: Object, keys: Keys) -> Iterator[int]:
        """Yield the numbers of the turns of a case (a suite has none: they are those of one conversation)."""
        if data.get("turns") == []:
            self.check.refuse(keys, "turns is empty; list the turns to play, or remove it to play all")
        for place, number in self.check.items(data, keys, "numbers of turns") if len(keys) > 1 else ():
            problem = number_fault(number, whole=True, least=1)
            if problem:
                self.check.refuse(place, f"a turn {problem}")
            else:
                yield number

    def _built(
        self, data: Object, keys: Keys, build: Callable[[str, Json], Any]
    ) -> Iterator[tuple[str, Any]]:
        """Yield the name and the plugin of each item of a list of `name` or `name: argument`."""
        for place, item in self.check.items(data, keys, "names, or of names with their arguments"):
            if isinstance(item, dict) and len(item) != 1:
                names = ", ".join(item) or "none"
                self.check.refuse(place, f"expected one name in each item, not {len(item)} ({names})")
            elif isinstance(item, dict | str):
                name, argument = next(iter(item.items())) if isinstance(item, dict) else (item, None)
                try:
                    yield name, build(name, argument)
                except (BadInput, ValueError) as problem:
                    self._blame(problem, place, item)
            else:
                self.check.refuse(place, "expected a name, or a name with its arguments")

    def _blame(self, problem: BadInput | ValueError, place: Keys, item: Json) -> None:
        elsewhere = [fault for fault in getattr(problem, "faults", ()) if fault.path]
        if elsewhere:  # a file that the assertion reads is wrong, and says where
            self.check.faults += elsewhere
        else:
            name = next(iter(item)) if isinstance(item, dict) else item
            said = _said(problem) if str(name) in str(problem) else f"{name}: {_said(problem)}"
            self.check.refuse(_blamed(place, item, said), said, key=isinstance(item, dict))

    def _assertion(self, name: str, argument: Json) -> Assertion | None:
        if name == "contract" and argument in ("off", False):
            return None
        return assertions.bind(assertions.build(name, argument), self.project)


def _said(problem: BadInput | ValueError) -> str:
    return "; ".join(fault.message for fault in getattr(problem, "faults", ())) or str(problem)


def _blamed(place: Keys, item: Json, message: str) -> Keys:
    """Return the path of the argument that a message quotes, else of the name, else of the item."""
    if not isinstance(item, dict):
        return place
    name, argument = next(iter(item.items()))
    keys = argument if isinstance(argument, dict) else ()
    return next(((*place, name, key) for key in keys if f'"{key}"' in message), (*place, name))

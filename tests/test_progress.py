"""What is shown of live cases while they go on."""

import io

from rich.console import Console

from replay.conversation import Conversation
from replay.limits import State
from replay.progress import Progress
from replay.run import Case, Result
from replay.turn import Target, Transcript
from replay.verdict import Verdict


class Gate:
    def __init__(self, **state):
        self.said = State(**state)

    def state(self):
        return self.said


def result(target, status="passed", cost=None):
    transcript = Transcript(Conversation("c", ()), Target(target, "openai", "m"))
    return Result(Case("c", target), transcript, (Verdict("x", status),), cost)


def test_a_line_says_how_far_each_target_is_what_it_cost_and_when_it_ends():
    gate = Gate(running={"big": 3}, cost=1.5)
    progress = Progress({"big": 40, "small": 2}, gate)
    for second in range(11):
        progress.add(result("big", "failed" if second < 2 else "passed"), now=100.0 + second)
    progress.add(result("small"), now=100.0)
    progress.add(result("small", "error"), now=101.0)
    assert progress.line(now=110.0) == (
        "big 11/40 done, 3 running, 26 waiting, 1.0/s, 82% passed; small 2/2 done, 100% passed, 1 error; "
        "$1.5 so far; 29 s left"
    )


def test_without_a_gate_the_cost_is_that_of_the_results():
    progress = Progress({"m": 2})
    progress.add(result("m", cost=0.25), now=1.0)
    assert progress.line(now=2.0) == "m 1/2 done, 1 waiting, 100% passed; $0.25 so far"


def test_nothing_is_claimed_before_anything_is_known():
    assert Progress({"m": 2}).line(now=1.0) == "m 0/2 done, 2 waiting"


def test_times_are_said_as_a_person_says_them():
    def left(total):
        progress = Progress({"m": total})
        for second in range(3):
            progress.add(result("m"), now=float(second))
        return progress.line(now=2.0).rpartition("; ")[2]

    assert [left(33), left(1203), left(36_000)] == ["30 s left", "20 min left", "10 h 0 min left"]


def test_results_pass_and_lines_come_now_and_then_where_there_is_no_terminal():
    told = io.StringIO()
    progress = Progress({"m": 3}, console=Console(file=told, width=40), every=0.0)
    given = [("a", result("m")), ("b", result("m", "failed")), ("c", result("m"))]
    assert list(progress.over(iter(given))) == given
    lines = told.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[-1] == "m 3/3 done, 67% passed"
    quiet = io.StringIO()
    list(Progress({"m": 3}, console=Console(file=quiet)).over(iter(given)))
    assert quiet.getvalue() == ""


def test_on_a_terminal_there_is_a_table_that_is_gone_in_the_end():
    told = io.StringIO()
    console = Console(file=told, force_terminal=True, width=120)
    list(Progress({"m": 2}, Gate(running={"m": 1}), console=console).over(iter([("a", result("m"))])))
    drawn = told.getvalue()
    assert "1/2 done" in drawn
    assert "1 running" in drawn
    assert drawn.endswith("\x1b[1A\x1b[2K")  # the line above is cleared


def test_a_target_that_nobody_announced_is_counted_too():
    progress = Progress({})
    progress.add(result("judge"), now=0.0)
    assert progress.line(now=1.0) == "judge 1/1 done, 100% passed"


def test_who_closes_it_closes_what_gives_the_results():
    closed = []

    def results():
        try:
            while True:
                yield "a", result("m")
        finally:
            closed.append(True)

    shown = Progress({"m": 9}, console=Console(file=io.StringIO())).over(results())
    next(shown)
    shown.close()
    assert closed == [True]

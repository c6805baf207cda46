"""A user's function as an assertion."""

import pytest
from transcripts import says, transcript

from replay.assertions import bind, build, judge
from replay.config import Project

CHECKS = """
from replay.verdict import Verdict

def passes(transcript): pass
def says_true(transcript): return transcript.last.reply.message.text == "Done."
def says_false(transcript): return False
def says_why(transcript): return "too long"
def asserts(transcript): assert transcript.turns == (), "there are turns"
def crashes(transcript): return transcript.nothing
def gives_a_verdict(transcript): return Verdict("x", "failed", "rude", "be polite")
def gives_several(transcript): return [True, "no", Verdict("x", "passed")]
def gives_a_number(transcript): return 5
def at_least(transcript, least): return len(transcript.turns) >= least
not_callable = 5
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "root/suites").mkdir(parents=True)
    (tmp_path / "root/suites/checks.py").write_text(CHECKS)
    (tmp_path / "root/my_checks.py").write_text("def polite(transcript): return True\n")
    (tmp_path / "root/broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "root/wrong.py").write_text("def f(:\n")
    (tmp_path / "outside.py").write_text("raise SystemExit\n")
    return Project(tmp_path / "root")


def run(project, function, **arguments):
    assertion = build("python", {"function": function, "arguments": arguments} if arguments else function)
    return judge([bind(assertion, project)], transcript(says()))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("passes", [("passed", "", "")]),
        ("says_true", [("passed", "", "")]),
        ("says_false", [("failed", "failed", "suites/checks.py:says_false says no")]),
        ("says_why", [("failed", "failed", "too long")]),
        ("asserts", [("failed", "failed", "there are turns (checks.py:8)")]),
        ("gives_a_verdict", [("failed", "rude", "be polite")]),
        ("gives_several", [("passed", "", ""), ("failed", "failed", "no"), ("passed", "", "")]),
    ],
)
def test_what_it_returns_is_the_verdict(project, name, found):
    verdicts = run(project, f"suites/checks.py:{name}")
    assert [(v.status, v.kind, v.message) for v in verdicts] == found
    assert {v.assertion for v in verdicts} == {"python"}


def test_an_exception_is_an_error_with_its_place_and_no_crash(project):
    (verdict,) = run(project, "suites/checks.py:crashes")
    assert (verdict.status, verdict.kind) == ("error", "crashed")
    assert verdict.message.startswith("suites/checks.py:crashes: AttributeError: ")
    assert verdict.message.endswith("(checks.py:9)")
    (verdict,) = run(project, "suites/checks.py:gives_a_number")
    assert (verdict.status, "returned int" in verdict.message) == ("error", True)


def test_arguments_are_passed_on(project):
    assert not run(project, "suites/checks.py:at_least", least=1)[0].bad
    assert run(project, "suites/checks.py:at_least", least=2)[0].bad
    (verdict,) = run(project, "suites/checks.py:at_least", most=2)
    assert (verdict.status, "most" in verdict.message) == ("error", True)


def test_a_module_of_the_project_or_an_installed_one(project):
    assert not run(project, "my_checks:polite")[0].bad
    assert not run(project, "operator:truth")[0].bad


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("suites/checks.py:passess", 'suites/checks.py has no function passess; did you mean "passes"?'),
        ("suites/checks.py:not_callable", "has no function not_callable"),
        ("suites/gone.py:f", "suites/gone.py is not there"),
        ("../outside.py:f", "is outside the project"),
        (
            "broken:f",
            "ModuleNotFoundError: No module named 'nothing_of_this_name' (broken.py:1)",
        ),  # bad input 114
        ("wrong.py:f", "(wrong.py:1)"),
        ("no_such_module_at_all:f", "No module named"),
    ],
)
def test_what_cannot_be_called_is_refused_before_anything_is_played(project, function, said):
    with pytest.raises(ValueError, match=r"\S") as caught:
        bind(build("python", function), project)
    assert said in str(caught.value)


@pytest.mark.parametrize("argument", ["checks", "checks:", ":f", "a:b c", 5, None])
def test_what_names_no_function_is_refused(argument):
    with pytest.raises(ValueError, match=r"\S"):
        build("python", argument)

"""What a project adds to redaction in its configuration, and what it takes out."""

import sys

import pytest

from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput

HEAD = "[redaction]\nsalt = 's'\n"


@pytest.fixture
def redactor(tmp_path):
    def make(text):
        (tmp_path / "replay.toml").write_text(HEAD + text)
        return Redactor.for_project(Project.find(tmp_path), {})

    return make


def test_a_pattern_of_the_projects_own_is_hidden(redactor):
    made = redactor(
        "[redaction.patterns]\nticket = 'TCK-[0-9]{6}'\n"
        "customer = 'customer (?:no|№) (?P<secret>\\d+)'\nname = '(?i)\\bmüller\\b'\n"
    )
    text = 'é {"a": "see TCK-123456 of customer № 4711, Herr MÜLLER"}'
    assert made.find(text) == [
        ("pattern ticket", text.index("TCK")),
        ("pattern customer", text.index("4711")),
        ("pattern name", text.index("MÜLLER")),
    ]
    clean = made.text(text)
    assert clean.startswith('é {"a": "see REDACTED-key-')
    assert "of customer № REDACTED-key-" in clean
    assert made.text(clean) == clean


def test_a_pattern_that_must_be_stopped_lets_nothing_through(redactor):
    made = redactor("patterns = {slow = '^(a|a|aa)+$'}\n")
    with pytest.raises(BadInput, match=r"patterns\.slow: .* stopped after 1 s; nothing was written"):
        made.text("a" * 60 + "!")


def test_fields_that_a_project_names_are_secret_in_any_spelling(redactor):
    made = redactor('keys = ["customer_ref"]\n')
    clean = made.json(
        {"customerRef": "blue", "CUSTOMER-REF": ["green"], "ref": "red", "n": '{"customer_ref":"teal"}'}
    )
    assert clean["customerRef"].startswith("REDACTED-key-")
    assert clean["CUSTOMER-REF"][0].startswith("REDACTED-key-")
    assert clean["ref"] == "red"
    assert "teal" not in clean["n"]
    request = made.request(RecordedRequest("GET", "https://x.example.com/?customer_ref=abcdef"))
    assert "abcdef" not in request.uri


def test_what_a_project_allows_is_never_touched(redactor):
    made = redactor(
        'allow = ["help@corp.example.com", "/.*@docs\\\\.example\\\\.com/", "sk-' + "a1" * 16 + '"]\n'
    )
    text = "help@corp.example.com a.b@docs.example.com sk-" + "a1" * 16
    assert made.text(text) == text
    assert "c.d@corp" not in made.text("c.d@corp.example.com")


def test_headers_that_a_project_wants_are_kept_and_searched(redactor):
    made = redactor('headers = ["X-Team", "x-note"]\n')
    headers = {"x-team": "support", "x-note": "from a.b@corp.example.com", "x-other": "gone"}
    request = made.request(RecordedRequest("POST", "https://x", headers))
    assert request.headers["x-team"] == "support"
    assert "corp.example" not in request.headers["x-note"]
    assert "x-other" not in request.headers
    response = made.response(RecordedResponse(200, headers={"X-Team": ["support"], "Set-Cookie": ["a=b"]}))
    assert response.headers == {"X-Team": ["support"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pii = 'hide'", 'pii "hide" is not known; use one of keyed, drop, keep'),
        ("terms = 'Ada'", "terms must be a list of text"),
        ("patterns = {x = '('}", 'pattern "(" is wrong: missing ) at position 1'),
        ("patterns = {x = 'a*'}", 'pattern "a*" matches nothing at all, and so everywhere'),
        ("patterns = {x = 5}", "a pattern must be text, not 5"),
        ("allow = ['/[/']", 'pattern "[" is wrong'),
        ("headers = ['Authorization']", '"Authorization" is a credential: no recording keeps it'),
        ("presidio = 'PERSON'", "presidio must be a list of text"),
        ("presidio = {entity = ['PERSON']}", 'has no "entity"; did you mean "entities"?'),
        ("key = ['a']", 'redaction has no "key"; did you mean "keys"?'),
        ("salt = 5", "salt must be text"),
    ],
)
def test_a_mistaken_rule_is_refused_with_its_place(tmp_path, line, message):
    (tmp_path / "replay.toml").write_text(f"[redaction]\n{line}\n")
    with pytest.raises(BadInput) as refused:
        Project.find(tmp_path)
    assert str(refused.value).startswith("replay.toml:2:1: error: ")
    assert message in str(refused.value)


# Presidio

STAND_IN = """
import re
class Result:
    def __init__(self, entity_type, start, end, score):
        self.entity_type, self.start, self.end, self.score = entity_type, start, end, score
class AnalyzerEngine:
    def __init__(self, nlp_engine=None, supported_languages=None):
        assert nlp_engine == ("engine", "small_model") and supported_languages == ["en"]
    def analyze(self, text, language, entities=None, score_threshold=None):
        forms = {"PERSON": r"Ada( [A-Z][a-zé]+)?", "LOCATION": "London", "US_SSN": r"\\d{3}-\\d\\d-\\d{4}"}
        return [Result(e, m.start(), m.end(), 0.85) for e in entities for m in re.finditer(forms[e], text)]
"""
PROVIDER = """
class NlpEngineProvider:
    def __init__(self, nlp_configuration):
        self.model = nlp_configuration["models"][0]["model_name"]
    def create_engine(self):
        return "engine", self.model
"""


@pytest.fixture
def presidio(tmp_path, monkeypatch):
    """A stand-in with Presidio's interface, see microsoft.github.io/presidio/api/analyzer_python."""
    package = tmp_path / "lib" / "presidio_analyzer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STAND_IN)
    (package / "nlp_engine.py").write_text(PROVIDER)
    (tmp_path / "lib" / "small_model.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    forget()
    yield
    forget()


def forget():
    from replay.cassette import _entities

    _entities._engine.cache_clear()
    for name in [name for name in sys.modules if name.startswith("presidio_analyzer")]:
        del sys.modules[name]


@pytest.mark.usefixtures("presidio")
def test_presidio_finds_people_and_places(redactor):
    made = redactor("presidio = {model = 'small_model'}\n")
    clean = made.json({"content": 'é Ada Lové said: {"city": "London"}', "n": 1, "ssn": "078-05-1120"})
    assert clean["content"].startswith("é REDACTED-person-")
    assert '"city": "REDACTED-location-' in clean["content"]
    assert clean["ssn"] == "078-05-1120"
    assert made.json(clean) == clean
    assert made.find("for Ada Byron") == [("person", 4)]
    only = redactor("presidio = {model = 'small_model', entities = ['US_SSN']}\n")
    assert only.text("Ada 078-05-1120").startswith("Ada REDACTED-usssn-")


@pytest.mark.usefixtures("presidio")
def test_a_model_that_presidio_lacks_is_named(redactor):
    with pytest.raises(BadInput, match="python -m spacy download en_core_web_lg"):
        redactor("presidio = true\n")
    with pytest.raises(BadInput, match="the name of a spaCy model for the language de"):
        redactor("presidio = {language = 'de'}\n")


def test_presidio_that_is_not_installed_is_named(redactor, monkeypatch):
    forget()
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(BadInput, match=r"pip install 'conversation-replay\[presidio\]'"):
        redactor("presidio = ['PERSON']\n")

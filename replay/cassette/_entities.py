"""Names of people and places, found by Presidio: an extra, for what has no form that could be checked.

https://microsoft.github.io/presidio/analyzer/
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from replay.cassette._flatten import DEPTHS
from replay.conversation import Json, Object
from replay.errors import BadInput

Span = tuple[int, int, str]

_MODELS = {"en": "en_core_web_lg"}  # Presidio's own choice
PEOPLE_AND_PLACES = ("PERSON", "LOCATION")
_TEXT = re.compile(rb"[^%s]*[A-Za-z\x80-\xff][^%s]*" % (DEPTHS, DEPTHS))


def entities(wanted: Json) -> Callable[[bytes], Iterator[Span]]:
    """Return what finds entities in the flat view, each text of a JSON document by itself.

    `wanted` is the setting `redaction.presidio`: true, a list of entities, or `{entities, language, model,
    score}`. Raises BadInput when Presidio, or the spaCy model it needs, is not installed.
    """
    table: Object = wanted if isinstance(wanted, dict) else {}
    names = wanted if isinstance(wanted, list) else table.get("entities")
    language, least = str(table.get("language", "en")), table.get("score")
    engine = _engine(language, table.get("model"))
    asked = {"entities": list(names or PEOPLE_AND_PLACES), "language": language, "score_threshold": least}

    @lru_cache(maxsize=4096)
    def found(text: str) -> list[Any]:
        return [(one.start, one.end, one.entity_type) for one in engine.analyze(text=text, **asked)]

    def find(flat: bytes) -> Iterator[Span]:
        for part in _TEXT.finditer(flat):
            text = part[0].decode("utf-8", "replace")
            for start, end, name in found(text):
                first = part.start() + len(text[:start].encode())
                yield first, first + len(text[start:end].encode()), family(name)

    return find


def family(entity: str) -> str:
    """Return the family of an entity's pseudonyms: `US_SSN` is `usssn`."""
    return re.sub(r"[^a-z]", "", entity.lower())


@lru_cache(maxsize=8)
def _engine(language: str, model: str | None) -> Any:
    try:
        analyzer = importlib.import_module("presidio_analyzer")
        nlp = importlib.import_module("presidio_analyzer.nlp_engine")
    except ImportError:
        raise BadInput(
            "redaction: presidio is not installed: pip install 'conversation-replay[presidio]'"
        ) from None
    model = model or _MODELS.get(language)
    if model is None:
        raise BadInput(f"redaction: presidio needs the name of a spaCy model for the language {language}")
    if importlib.util.find_spec(model) is None:  # else Presidio would fetch it without asking
        raise BadInput(f"redaction: presidio needs a spaCy model: python -m spacy download {model}")
    models = [{"lang_code": language, "model_name": model}]
    provider = nlp.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    return analyzer.AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=[language])

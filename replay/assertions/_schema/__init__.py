"""JSON Schema validators that are checked once, never fetch anything, and stop.

jsonschema does the work. Patterns are ECMA's, run by the `regex` package under a time limit; `$ref` reaches
into the same document and, where a root folder is given, into files under it, and nowhere else.
"""

from replay.assertions._schema._dialect import BadSchema, NeedsFiles
from replay.assertions._schema._references import read_json
from replay.assertions._schema._validate import check, referred, validator

__all__ = ["BadSchema", "NeedsFiles", "check", "read_json", "referred", "validator"]

"""JSON Schema validators that are checked once, never fetch anything, and stop.

jsonschema does the work. Patterns are ECMA's, run by the `regex` package under a time limit; `$ref` reaches
into the same document and, where a root folder is given, into files under it, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from replay.assertions import _regex
from replay.assertions._found import Found
from replay.conversation import Json
from replay.diff import path_text, short
from replay.errors import BadInput, nearest
from replay.jsontext import parse

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
SHOWN = 5  # findings for one value


class BadSchema(ValueError):
    """A schema cannot be used; the message says where in it and why."""


class NeedsFiles(BadSchema):
    """A schema refers to a file beside it, and it is not known yet where it stands."""


def check(schema: Json, value: Json, *, base: Path | None = None, root: Path | None = None) -> list[Found]:
    """Judge a value by a schema. Raises BadSchema, TimeLimit."""
    try:
        errors = list(islice(validator(schema, base=base, root=root).iter_errors(value), SHOWN))
    except RecursionError:
        return [Found("too_deep", "the value is nested too deeply to be checked")]
    except OverflowError:
        return [Found("not_finite", "the value holds a number too big to be checked")]
    return [_found(error) for error in errors]


def validator(schema: Json, *, base: Path | None = None, root: Path | None = None) -> Any:
    """Return the validator of a schema, made once for each schema text. Raises BadSchema.

    `base` is the file it stands in (relative `$ref` start there), `root` the folder that they may reach.
    """
    try:
        return _made(json.dumps(schema), base and str(base), root and str(root))
    except RecursionError:
        raise BadSchema("the schema is nested too deeply") from None


@lru_cache(maxsize=2048)
def _made(text: str, base: str | None, root: str | None) -> Any:
    """Check a schema and make its validator; the text is the key because schemas are not hashable."""
    from referencing import Registry
    from referencing.jsonschema import specification_with

    schema = json.loads(text)
    dialect = _dialect(schema)
    _meta_checked(dialect, schema)
    specification = specification_with(dialect.META_SCHEMA["$schema"])
    resource = specification.create_resource(schema)
    uri = Path(base).as_uri() if base else ""
    registry: Any = Registry(retrieve=_Files(Path(root) if root else None, specification))  # type: ignore[call-arg]
    registry = registry.with_resource(uri, resource)
    _Inspection(schema, specification).inspect(resource, registry.resolver(uri))
    return _engine(dialect)({"$ref": uri} if uri else schema, registry=registry)


def _dialect(schema: Json) -> Any:
    """Return jsonschema's validator class for the schema's `$schema`; draft 2020-12 where it names none."""
    from jsonschema import validators

    if not isinstance(schema, dict | bool):
        raise BadSchema(f"a schema is a mapping, not {short(schema)}")
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if named is None:
        return validators.Draft202012Validator
    known = validators.validator_for(schema, default=None) if isinstance(named, str) else None  # type: ignore[arg-type]
    if known is None:
        latest = validators.Draft202012Validator.META_SCHEMA["$schema"]
        raise BadSchema(f"$schema {short(named)} is not known; use {latest}, or a draft from 3 to 2019-09")
    return known


def _meta_checked(dialect: Any, schema: Json) -> None:
    from jsonschema import FormatChecker, SchemaError

    try:
        dialect.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        place = path_text(error.absolute_path) or "the schema"
        raise BadSchema(f"{place}: {_misuse(error)}") from None


def _misuse(error: Any) -> str:
    keyword = error.absolute_path[-1] if error.absolute_path else ""
    if keyword == "type" and isinstance(error.instance, str):
        return f"type {short(error.instance)} is not known; {nearest(error.instance, TYPES)}"
    if keyword in ("exclusiveMaximum", "exclusiveMinimum") and isinstance(error.instance, bool):
        draft = "http://json-schema.org/draft-04/schema#"
        return f'true or false is draft 4; write the number itself, or "$schema": "{draft}" at the top'
    rule = f"{error.validator}: {short(error.validator_value)}"
    return f"{short(error.instance)} breaks the rules of JSON Schema ({rule})"


@lru_cache(maxsize=16)
def _engine(dialect: Any) -> Any:
    """Return the dialect with patterns that are ECMA's and that stop."""
    from jsonschema import validators

    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    extend: Any = validators.extend
    return extend(dialect, {key: own[key] for key in own if key in dialect.VALIDATORS})


_DOLLAR = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


@lru_cache(maxsize=1024)
def _ecma(pattern: str) -> str:
    r"""Write an ECMA pattern for `regex`: `$` there is the very end, not the place before a last newline."""
    return _DOLLAR.sub(lambda part: r"\Z" if part[0] == "$" else part[0], pattern)


def _pattern(_: Any, pattern: str, instance: Json, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _regex.found(_ecma(pattern), instance):
        yield ValidationError(f"{instance!r} does not match")


def _pattern_properties(validator: Any, patterns: Json, instance: Json, _: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in patterns.items():
        for key, value in instance.items():
            if _regex.found(_ecma(pattern), key):
                yield from validator.descend(value, schema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, additional: Json, instance: Json, schema: Json) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        return
    extra = [key for key in instance if not _named(key, schema)]
    if additional is False:
        if extra:
            yield ValidationError(f"{extra} not expected")
    elif additional is not True:
        for key in extra:
            yield from validator.descend(instance[key], additional, path=key)


def _named(key: str, schema: Json) -> bool:
    patterns = schema.get("patternProperties", {})
    return key in schema.get("properties", {}) or any(_regex.found(_ecma(item), key) for item in patterns)


class _Files:
    """Retrieves what `$ref` names: files under the root, nothing else."""

    def __init__(self, root: Path | None, specification: Any) -> None:
        self.root, self.specification = root, specification

    def __call__(self, uri: str) -> Any:
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
        from referencing import Resource

        if uri in REGISTRY:
            return REGISTRY[uri]
        parts = urlsplit(uri)
        if parts.scheme not in ("", "file"):
            raise BadSchema(f"$ref {uri} cannot be used: nothing is fetched from the network")
        if self.root is None:
            raise NeedsFiles(f"$ref {uri} cannot be used: no file can be read here")
        contents = read_json(Path(unquote(parts.path)), self.root)
        _meta_checked(_dialect(contents), contents)
        return Resource.from_contents(contents, default_specification=self.specification)


def read_json(path: Path, root: Path) -> Json:
    """Read a JSON (or YAML) file under `root`. Raises BadSchema."""
    from replay import documents

    if not path.resolve().is_relative_to(root.resolve()):
        raise BadSchema(f"{path} is outside the project {root}")
    try:
        if path.suffix in (".yaml", ".yml"):
            return documents.read(path).data
        return parse(path.read_bytes(), strict=True)
    except OSError as problem:
        raise BadSchema(f"{path} cannot be read: {problem.strerror}") from None
    except BadInput as problem:
        raise BadSchema(str(problem)) from None
    except ValueError as problem:
        raise BadSchema(f"{path} is not JSON: {problem}") from None


UNSTOPPABLE = ("patternProperties", "unevaluatedProperties")  # jsonschema runs these two by its own engine
IN_PLACE = ("not", "if", "then", "else")
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class _Inspection:
    """Walks a whole schema, and what it refers to, before anything is validated."""

    def __init__(self, document: Json, specification: Any) -> None:
        self.document, self.specification = document, specification
        self.seen: dict[int, Json] = {}  # the contents are kept so that no id is used again
        self.edges: dict[int, list[int]] = {}  # from a schema to those that judge the same value

    def inspect(self, resource: Any, resolver: Any) -> None:
        """Check patterns and references. Raises BadSchema."""
        self._walk(resource, resolver)
        self._refuse_circles()
        if all(any(word in schema for schema in self.seen.values()) for word in UNSTOPPABLE):
            raise BadSchema(f"{' and '.join(UNSTOPPABLE)} in one schema are not supported")

    def _walk(self, resource: Any, resolver: Any) -> None:
        contents = resource.contents
        if not isinstance(contents, dict) or id(contents) in self.seen:
            return
        self.seen[id(contents)] = contents
        resolver = resolver.in_subresource(resource)
        self._check_patterns(contents)
        self.edges[id(contents)] = [id(schema) for schema in _same_value(contents)]
        for keyword in REFERENCES:
            if isinstance(contents.get(keyword), str):
                self._follow(contents, contents[keyword], resolver)
        for inner in resource.subresources():
            self._walk(inner, resolver)

    def _follow(self, contents: Json, reference: str, resolver: Any) -> None:
        from referencing import Resource
        from referencing.exceptions import Unresolvable

        place = self._place(contents)
        if reference.lower().startswith("file:"):
            raise BadSchema(f"{place}: $ref {reference} cannot be used: write a path relative to the schema")
        try:
            found = resolver.lookup(reference)
        except (Unresolvable, ValueError) as problem:
            raise _reason(problem, place, reference) from None
        self.edges[id(contents)].append(id(found.contents))
        inner = Resource.from_contents(found.contents, default_specification=self.specification)
        self._walk(inner, found.resolver)

    def _check_patterns(self, contents: Json) -> None:
        patterns = [contents["pattern"]] if isinstance(contents.get("pattern"), str) else []
        for pattern in [*patterns, *contents.get("patternProperties", ())]:
            try:
                _regex.compiled(_ecma(pattern))
            except ValueError as problem:
                raise BadSchema(f"{self._place(contents)}: {problem}") from None

    def _place(self, contents: Json) -> str:
        return path_text(_path_to(self.document, contents) or ()) or "the schema"

    def _refuse_circles(self) -> None:
        """A schema that comes back to itself for the same value would never be done."""
        edges = {node: [to for to in others if to in self.seen] for node, others in self.edges.items()}
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as problem:
            places = " -> ".join(self._place(self.seen[node]) for node in reversed(problem.args[1]))
            raise BadSchema(f"$ref goes round in a circle: {places}") from None


def _same_value(contents: Json) -> Iterator[Json]:
    """Yield the inner schemas that judge the same value as the outer one."""
    yield from (contents[key] for key in IN_PLACE if isinstance(contents.get(key), dict))
    for key in IN_PLACE_LISTS:
        yield from contents[key] if isinstance(contents.get(key), list) else ()
    for key in ("dependentSchemas", "dependencies"):
        yield from contents[key].values() if isinstance(contents.get(key), dict) else ()


def _reason(problem: BaseException, place: str, reference: str) -> BadSchema:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, BadSchema):
            return type(cause)(f"{place}: {cause}")
        cause = cause.__cause__
    return BadSchema(f"{place}: $ref {reference} leads nowhere")


def _path_to(value: Json, wanted: Json) -> list[str | int] | None:
    """Find the place of an object, by identity, in a JSON value."""
    if value is wanted:
        return []
    steps: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, inner in steps:
        path = _path_to(inner, wanted)
        if path is not None:
            return [step, *path]
    return None


def _found(error: Any) -> Found:
    """Put a ValidationError in plain words; the kind is the keyword that was broken."""
    from jsonschema.exceptions import best_match

    error = best_match([error]) or error
    place = path_text(error.absolute_path)
    where = place or "the value"
    keyword, wanted, value = error.validator or "false", error.validator_value, error.instance
    if keyword == "required" and isinstance(wanted, list):
        message = f"{where} has no {', '.join(name for name in wanted if name not in value)}"
    elif keyword == "additionalProperties" and wanted is False:
        extra = ", ".join(name for name in value if not _named(name, error.schema))
        message = f"{where} has {extra}, which the schema does not know"
    else:
        message = f"{where} is {short(value)}, the schema wants {keyword} {short(wanted)}"
    return Found(keyword, message, {keyword: wanted}, value)

"""Where `$ref` may lead: into the same document, and to files under the root; never to the network."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from replay import regexes
from replay.assertions._schema._dialect import BadSchema, NeedsFiles, check_by_dialect, dialect_of
from replay.assertions._schema._ecma import ecma
from replay.conversation import Json
from replay.diff import path_text
from replay.errors import BadInput
from replay.jsontext import parse


class Files:
    """Retrieves what `$ref` names: files under the root, nothing else. `read` are those it has read."""

    def __init__(self, root: Path | None, specification: Any) -> None:
        self.root, self.specification = root, specification
        self.read: list[Path] = []

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
        path = Path(unquote(parts.path))
        contents = read_json(path, self.root)
        self.read.append(path)
        check_by_dialect(dialect_of(contents), contents)
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


class Inspection:
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
                regexes.compiled(ecma(pattern))
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

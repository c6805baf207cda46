"""YAML of any recorder, read safely: foreign tags give their plain value and nothing is executed."""

from __future__ import annotations

from typing import Any

import yaml

DEPTH = 100
NODES = 1_000_000  # after every alias is written out


def load(data: bytes) -> Any:
    """Return what a recorder's YAML says. Raises ValueError with line and column."""
    try:
        _check(data)
        return yaml.load(data, _Loader)  # noqa: S506 - a safe loader with plain values for foreign tags
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"not YAML: {place}{problem.problem}") from None
    except (yaml.YAMLError, UnicodeError, TypeError, KeyError) as problem:
        raise ValueError(f"not YAML: {str(problem).splitlines()[0]}") from None


def _check(data: bytes) -> None:
    """Stop before libyaml's composer would overflow the stack, and before aliases multiply."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    event: Any  # the stubs do not know that every event of a parser has its mark
    for event in yaml.parse(data, _Loader):
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(event.anchor or "", NODES)  # an alias inside its own anchor never ends
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, total))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before + 1
        if len(open_nodes) > DEPTH or total > NODES:
            what = f"nested deeper than {DEPTH}" if len(open_nodes) > DEPTH else "too many aliased nodes"
            raise ValueError(f"not read: line {event.start_mark.line + 1}: {what}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader without the words that recorders do not mean: dates stay text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own hook
        first: [
            (tag, pattern) for tag, pattern in rules if not tag.endswith((":timestamp", ":value", ":merge"))
        ]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _plain(loader: Any, _tag: str, node: Any) -> Any:
    """Give the value under a tag we do not know; a Python object is told by its only argument."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        items = loader.construct_sequence(node, deep=True)
        return items[0] if len(items) == 1 else items
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("", _plain)
_Loader.add_constructor("!binary", _Loader.construct_yaml_binary)  # as Ruby's Psych writes it

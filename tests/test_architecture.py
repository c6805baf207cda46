"""Rules of the tree: a module imports only its own floor or lower ones, and there is no import cycle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import replay

ROOT = Path(replay.__file__).parent
FLOORS = (
    "conversation turn loop verdict run comparison diff stats registry errors jsontext regexes cost",
    (
        "atomic cache filenames places documents schemas fixtures suites baselines config runs "
        "cassette providers importers assertions faults limits policies"
    ),
    "player tools runner engines progress",
    (
        "record accept translate contexts compare oracle reproduce minimise bisect choice capsule export "
        "lint report rescan history verify sweep"
    ),
    "cli pytest_plugin serve",
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(name, path):
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def graph():
    known = dict(modules())
    return {
        name: {i for i in imports(name, path) if i in known and i != name} for name, path in known.items()
    }


def floor(module):
    return FLOOR[module.split(".")[1]] if "." in module else None


def test_every_room_stands_on_a_floor():
    rooms = {name.split(".")[1] for name in graph() if "." in name}
    assert rooms <= FLOOR.keys(), f"add {rooms - FLOOR.keys()} to a floor in this test and in ARCHITECTURE.md"


def test_a_module_imports_only_its_own_floor_or_lower_ones():
    upward = [
        f"{name} (floor {floor(name)}) imports {other} (floor {floor(other)})"
        for name, others in graph().items()
        for other in others
        if floor(name) is not None and floor(other) is not None and floor(other) > floor(name)
    ]
    assert not upward


def test_there_is_no_import_cycle():
    edges = {name: others - {"replay"} for name, others in graph().items()}
    list(TopologicalSorter(edges).static_order())  # raises CycleError, which names the cycle


def test_floor_zero_uses_the_standard_library_only():
    outside = {
        f"{name} imports {other}"
        for name, path in modules()
        if floor(name) == 0
        for other in imports(name, path)
        if other.split(".")[0]
        in {"openai", "yaml", "vcr", "jinja2", "jsonschema", "httpx", "httpx2", "click", "rich"}
    }
    assert not outside

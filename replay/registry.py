"""The plugin registry: the file's name is the plugin's name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from replay.errors import BadInput, nearest

if TYPE_CHECKING:
    from replay.conversation import Json, Object

T = TypeVar("T")


def the_module(module: ModuleType) -> Any:
    """Take the module itself as the plugin: its functions are the contract."""
    return module


def the_class(module: ModuleType) -> Any:
    """Take the one public class that the module defines as the plugin."""
    own = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    if len(own) != 1:
        raise TypeError(f"{module.__name__} must define exactly one public class, not {len(own)}")
    return own[0]


def arguments(name: str, plugin: Any, argument: Json) -> Object:
    """Return the keywords that a dataclass is made with from its YAML argument.

    A scalar or a list is its first field that is not keyword-only, a mapping is always keywords. Raises
    ValueError, which names the nearest.
    """
    known = [field for field in fields(plugin) if field.init]
    names = [field.name for field in known]
    if argument is None:
        return {}
    if not isinstance(argument, dict):
        first = next((field.name for field in known if not field.kw_only), None)
        if first is None:
            raise ValueError(f"{name} takes no argument")
        return {first: argument}
    for key in argument:
        if key not in names:
            raise ValueError(f'{name} has no argument "{key}"; {nearest(str(key), names)}')
    return argument


def given(plugin: Any) -> Object:
    """Return the arguments that make a plugin again: those that are not what they are anyway."""
    held = {
        field.name: (getattr(plugin, field.name), _default(field)) for field in fields(plugin) if field.init
    }
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, (value, default) in held.items()
        if value != default
    }


def _shortened(said: Json, plugin: Any) -> Json:
    """Leave the name of the first argument away, where it stands alone."""
    first = next((field.name for field in fields(plugin) if field.init and not field.kw_only), None)
    if not isinstance(said, dict) or [*said] != [first] or isinstance(said[first], dict):
        return said
    return said[first]


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


class Registry(Generic[T]):
    """The plugins of one kind.

    `get(name)` looks at what was registered by code, then at the module `name` in `package` (imported only
    now), then at the entry-point group `replay.<kind>`. Raises BadInput with the nearest name.
    """

    def __init__(self, package: str, pick: Callable[[ModuleType], Any] = the_module) -> None:
        self.package = package
        self.kind = package.rpartition(".")[2]
        self._pick = pick
        self._registered: dict[str, T] = {}
        self._found: dict[str, T] = {}
        self._installed: list[str] | None = None
        self._in_room: tuple[list[str], list[str]] = [], []  # the room's path, and the names there

    def register(self, name: str, plugin: T) -> T:
        """Add or replace a plugin, as a `conftest.py` does. Returns the plugin."""
        self._registered[name] = plugin
        return plugin

    @property
    def registered(self) -> dict[str, T]:
        """What code has registered, by name."""
        return dict(self._registered)

    def get(self, name: str) -> T:
        """Return the plugin of that name. Raises BadInput when there is none."""
        if name in self._registered:
            return self._registered[name]
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def written(self, made: Any) -> Json:
        """Write what was made of a plugin as a suite does: its name, or its name with its arguments.

        A plugin whose arguments are more than its fields has `to_yaml`. Raises ValueError for what is of no
        plugin that was asked for here.
        """
        plugins = self._found | self._registered
        name = next((name for name, plugin in plugins.items() if plugin is type(made)), None)
        if name is None:
            raise ValueError(f"{type(made).__name__} is in no file of {self.package} and registered nowhere")
        said = made.to_yaml() if hasattr(made, "to_yaml") else given(made)
        return {name: _shortened(said, made)} if said else name

    def __contains__(self, name: str) -> bool:
        return name in self._registered or name in self._modules() or name in self.names()

    def names(self) -> list[str]:
        """All names that `get` accepts, sorted, without importing any plugin."""
        if (
            self._installed is None
        ):  # what is installed does not change, and looking for it takes milliseconds
            self._installed = [point.name for point in self._points()]
        return sorted({*self._registered, *self._modules(), *self._installed})

    def _find(self, name: str) -> T:
        if name in self._modules():
            plugin: T = self._pick(importlib.import_module(f"{self.package}.{name}"))
            return plugin
        for point in self._points():
            if point.name == name:
                loaded: Any = point.load()
                found: T = self._pick(loaded) if isinstance(loaded, ModuleType) else loaded
                return found
        one = f"{self.kind[:-3]}y" if self.kind.endswith("ies") else self.kind.rstrip("s")
        raise BadInput(f'no {one} is called "{name}"; {nearest(name, self.names())}')

    def _modules(self) -> list[str]:
        path = list(importlib.import_module(self.package).__path__)
        if self._in_room[0] != path:
            found = [info.name for info in pkgutil.iter_modules(path) if not info.name.startswith("_")]
            self._in_room = path, found
        return self._in_room[1]

    def _points(self) -> Any:
        from importlib.metadata import entry_points

        return entry_points(group=f"replay.{self.kind}")

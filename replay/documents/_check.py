"""Collecting what is wrong with a document, each complaint at its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeGuard

from replay.conversation import Json, Object
from replay.documents._document import Document, Keys
from replay.errors import BadInput, Fault, nearest


class Check:
    """The faults of one document.

    `refuse` is for what nobody can use, `warn` for what is odd. `wrong` is in between: refused in a file that
    a person writes, and only warned of (`lenient`) in one that holds what a real client did send.
    """

    def __init__(self, document: Document, *, lenient: bool = False) -> None:
        self.document, self.lenient = document, lenient
        self.faults: list[Fault] = []
        self.other_files: list[Path] = []  # what was read beside the document

    @property
    def failed(self) -> bool:
        """Whether there is an error so far."""
        return any(not fault.warning for fault in self.faults)

    def refuse(self, keys: Keys, message: str, *, key: bool = False) -> None:
        """Add an error at a value, or with `key` at its key."""
        self.faults.append(self.document.fault(keys, message, key=key))

    def warn(self, keys: Keys, message: str, *, key: bool = False) -> None:
        """Add a warning."""
        self.faults.append(self.document.fault(keys, message, True, key=key))

    def wrong(self, keys: Keys, message: str, *, key: bool = False) -> None:
        """Add an error; a warning if the document is taken as it is."""
        self.faults.append(self.document.fault(keys, message, self.lenient, key=key))

    def finish(self) -> list[Fault]:
        """Return the warnings. Raises BadInput if there is an error."""
        errors = [fault for fault in self.faults if not fault.warning]
        if errors:
            raise BadInput(errors)
        return self.faults

    def mapping(self, value: Json, keys: Keys, what: str) -> TypeGuard[Object]:
        """Tell whether a value is a mapping; refuse it otherwise."""
        if isinstance(value, dict):
            return True
        self.refuse(keys, f"expected {what}, a mapping, not {kind(value)}")
        return False

    def items(self, holder: Mapping[str, Json], keys: Keys, what: str) -> Iterator[tuple[Keys, Json]]:
        """Yield the path and the value of each item of the list at `keys`; nothing where there is no list."""
        value = holder.get(str(keys[-1]), [])
        if isinstance(value, list):
            yield from (((*keys, index), item) for index, item in enumerate(value))
        elif value is None:
            self.wrong(keys, f"{keys[-1]} is empty; list {what} or remove the key")
        else:
            self.refuse(keys, f"{keys[-1]} must be a list of {what}, not {kind(value)}")

    def known(self, mapping: Mapping[str, Json], keys: Keys, names: Collection[str], what: str) -> None:
        """Refuse keys that are none of `names`, with the nearest."""
        for name in mapping:
            if name not in names:
                self.refuse((*keys, name), f'{what} has no "{name}"; {nearest(name, names)}', key=True)

    def resembling(self, mapping: Mapping[str, Json], keys: Keys, names: Collection[str], what: str) -> None:
        """Find fault with unknown keys that look like a known one; any other key is let through."""
        for name in mapping:
            if name not in names and (close := get_close_matches(name, names, n=1, cutoff=0.85)):
                self.wrong((*keys, name), f'{what} has no "{name}"; did you mean "{close[0]}"?', key=True)

    def text(self, holder: Any, keys: Keys) -> bool:
        """Make `holder[keys[-1]]` text: an unquoted scalar counts as written, anything else is refused."""
        value = holder[keys[-1]]
        if isinstance(value, str):
            return True
        name = keys[-1] if isinstance(keys[-1], str) else "this"
        plain = self.document.plain(keys)
        if value is None:
            self.wrong(keys, f'{name} is empty; write "" or remove it')
        elif plain is None:
            self.refuse(keys, f"{name} must be text, not {kind(value)}")
        else:
            holder[keys[-1]] = plain
        return isinstance(holder[keys[-1]], str)

    def texts(self, holder: Any, keys: Keys, names: Collection[str]) -> None:
        """Make those of the named values that are given text."""
        for name in names:
            if name in holder:
                self.text(holder, (*keys, name))


def kind(value: Json) -> str:
    """Say what a JSON value is, for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return names[type(value)]

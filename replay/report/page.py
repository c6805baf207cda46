"""The frame of our pages: templates that escape everything, assets, and the policy that allows only these.

Scripts and style sheets beside this file are of every page; a kind of page has more in a folder of its own.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replay.conversation import Json
from replay.report import numbers
from replay.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent
MARK = "<!--blocks-->"  # where the blocks (replay.report.blocks) go


def fill(template: str, **values: Any) -> Markup:
    """Fill a Jinja template given as text. Every value is escaped and made visible, unless it is Markup.

    The filters of `replay.report.numbers` (`count`, `dollars`, `milliseconds`, ...) are there by name.
    """
    from markupsafe import Markup

    return Markup(_environment().from_string(template).render(values))  # noqa: S704 - autoescape is on


def island(value: Json) -> Markup:
    """Write JSON to stand inside `<script>`: nothing in it can end the element or open a comment."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"))
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(escaped)  # noqa: S704 - no character is left that HTML knows


def frame(own: Path, **values: Any) -> Markup:
    """Fill `page.html` for the kind of page whose assets are in the folder `own`."""
    from markupsafe import Markup

    ours = {"policy": policy(own), "style": style(own), "script": script(own), "mark": MARK}
    marked = {name: Markup(text) for name, text in ours.items()}  # noqa: S704 - ours; no hash may be escaped
    return fill((HERE / "page.html").read_text("utf-8"), **marked, **values)


@cache
def style(own: Path) -> str:
    """Return all style sheets as one; `base` comes first, the others refine it, `print` has the last word."""
    sheets = sorted(
        _files("*.css", own), key=lambda path: (path.name != "base.css", path.name == "print.css")
    )
    return _joined(sheets)


@cache
def script(own: Path) -> str:
    """Return all scripts as one closed scope. Files only define functions and constants; `start` begins."""
    return f'"use strict";\n(() => {{\n{_joined(_files("*.js", own))}\nstart();\n}})();\n'


def policy(own: Path) -> str:
    """The content security policy: our style, our script, images inside the page, and nothing else."""
    rules = {
        "default-src": "'none'",
        "style-src": _hash(style(own)),
        "script-src": _hash(script(own)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    made = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {name: getattr(numbers, name) for name in numbers.__all__}
    return made


def _shown(value: Any) -> Any:
    if hasattr(value, "__html__"):
        return value
    return visible(str(value))


def _files(pattern: str, own: Path) -> list[Path]:
    return [*sorted(HERE.glob(pattern)), *sorted(own.glob(pattern))]


def _joined(paths: list[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

"""Whether the model that answered is the one that was asked."""

from __future__ import annotations

import re

from replay.turn import Target

# A version at the end of a model's name: -2024-08-06, -20250929, -0613, -001, -preview-04-17, -latest, :free
_VERSION = re.compile(
    r"(?:[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{3,4}|(?:preview-|exp-)?\d{2}-\d{2}|latest|v\d+(?::\d+)?))+$"
)
_ROUTED = re.compile(r":[a-z]+$")  # a gateway's own suffix: the host or the price list to route to


def served_as_asked(asked: str, served: str | None, target: Target) -> bool:
    """Tell whether `served` is the asked model or a dated version of it.

    A gateway's prefix (`openai/`), its suffix (`:free`) and the order of the words (`claude-haiku-4.5`,
    `claude-4.5-haiku`) are no difference. Nothing is known, and so nothing is wrong, where the answer names
    no model, where a router was asked, and where Azure was asked by a deployment of no configured model.
    """
    if not asked or not served or asked.endswith(("/auto", "/free")):
        return True
    if target.provider == "azure":
        if target.settings.get("deployment", target.model) == target.model:
            return True
        asked = target.model
    wanted, came = _plain(asked), _plain(served)
    wanted = _ROUTED.sub("", wanted)
    names = {wanted, _VERSION.sub("", wanted) if wanted.endswith("-latest") else wanted}
    return any(_words(name) in (_words(came), _words(_VERSION.sub("", came))) for name in names)


def _plain(model: str) -> str:
    return model.lower().rpartition("/")[2].replace("gpt-35", "gpt-3.5")  # Azure's spelling


def _words(model: str) -> list[str]:
    return sorted(re.split(r"[-@:_]", model))

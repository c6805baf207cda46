"""Hostile text made visible: what a terminal or a browser would act on is shown as a sign instead."""

from __future__ import annotations

import re

# C0 and C1 controls but tab and newline, bidirectional controls, invisible and filler characters, tag
# characters, lone surrogates. Joiners (U+200C, U+200D) between two non-ASCII characters belong to scripts.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)


def visible(text: str) -> str:
    """Replace hidden characters: ESC becomes `␛`, U+202E becomes `⟨U+202E⟩`, a lone surrogate `⟨U+D83D⟩`."""
    return HIDDEN.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"

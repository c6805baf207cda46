"""What conversations are called: by how they begin, and by a hash of all that was asked and answered.

So a longer log, or one that was split otherwise, gives the same conversations the same names.
"""

from __future__ import annotations

import re
import unicodedata

from replay.conversation import Conversation

_MOST_WORDS = 6
_LONGEST = 40


def slug(conversation: Conversation) -> str:
    """Return the first words of the first user message (else of the first one) as part of a file's name."""
    messages = conversation.messages
    text = next((message.text for message in messages if message.role == "user"), "") or messages[0].text
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain)[:_MOST_WORDS])
    return words[:_LONGEST].strip("-") or "conversation"

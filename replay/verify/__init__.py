"""Cassettes against the world: what is stale here, and what has drifted there."""

from replay.verify._stale import Audit, stale
from replay.verify._words import audit_text

__all__ = ["Audit", "audit_text", "stale"]

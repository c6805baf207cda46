"""Cassettes against the world: what is stale here, and what has drifted there."""

from replay.verify._drift import TIERS, checked_tier
from replay.verify._live import drift
from replay.verify._shown import Drift
from replay.verify._stale import Audit, stale
from replay.verify._words import audit_text, drift_text

__all__ = ["TIERS", "Audit", "Drift", "audit_text", "checked_tier", "drift", "drift_text", "stale"]

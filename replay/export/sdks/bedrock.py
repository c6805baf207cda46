"""Bedrock's Converse."""

from __future__ import annotations

from replay.export._call import Call
from replay.export.sdks import _boto3
from replay.export.sdks._script import Script


def script(call: Call) -> Script:
    """Ask through boto3."""
    return _boto3.converse(call)

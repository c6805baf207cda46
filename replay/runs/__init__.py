"""`run.jsonl`: a header, then one result a line; written, read and joined."""

from replay.runs._merge import merge
from replay.runs._read import Line, Reading, locate, read, scan
from replay.runs._shard import Shard
from replay.runs._writer import RunWriter

__all__ = ["Line", "Reading", "RunWriter", "Shard", "locate", "merge", "read", "scan"]

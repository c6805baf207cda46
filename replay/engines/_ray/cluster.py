"""The cluster: the one that is there, or one on this machine for as long as the run takes."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import ray

from replay.errors import BadInput

_PATIENCE = 5.0  # seconds in which a cluster has to answer
_CLIENT_PORT = 10001  # of ray:// addresses that name none
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
_LOCAL: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 256 * 2**20}


@contextmanager
def joined() -> Iterator[None]:
    """Be connected: as this process is already, to RAY_ADDRESS, to this machine's cluster, or to a new one.

    Raises BadInput where the cluster that is asked for does not answer or is of other versions.
    """
    if ray.is_initialized():
        yield
        return
    _join(os.environ.get("RAY_ADDRESS") or "")
    try:
        yield
    finally:
        ray.shutdown()


def versions() -> dict[str, str]:
    """What has to be the same at both ends: what is pickled at one is read at the other."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"Python": python, "Ray": ray.__version__, "conversation-replay": version("conversation-replay")}


def processors() -> int:
    """How many processors the cluster has now; at least one, which may still be on its way."""
    return max(int(ray.cluster_resources().get("CPU", 0)), 1)


def home() -> Any:
    """Where an actor lives as long as the driver does: on its node, or where a Ray client is connected.

    Not softly: an actor that needs no processor is put onto any node then, and is lost with that.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _join(address: str) -> None:
    try:
        _knock(address)
        _connect(address or "auto")
    except OSError as problem:  # of which ConnectionError is one
        if address:
            raise BadInput(
                f"no Ray cluster answers at {address} ({told(problem)})\n"
                "set RAY_ADDRESS to one (ray://host:10001, host:6379), or unset it to play on this machine"
            ) from None
        _begin_one()
    except (RuntimeError, ValueError) as problem:  # other versions, an address that is none
        raise BadInput(f"cannot join the Ray cluster {address or 'here'}: {told(problem)}") from None


def _connect(address: str) -> None:
    """Connect. A client that could not is in client mode all the same, until it is shut down."""
    try:
        ray.init(address, **_QUIET)
    except BaseException:
        ray.shutdown()
        raise


def _knock(address: str) -> None:
    """See whether anybody is there: Ray itself waits for minutes, and ends the process then.

    Without an address it is that of this machine's cluster, which may be gone. Raises OSError.
    """
    from ray._private.services import canonicalize_bootstrap_address

    found = urlsplit(
        address if "://" in address else f"//{canonicalize_bootstrap_address(address or 'auto')}"
    )
    with socket.create_connection((found.hostname, found.port or _CLIENT_PORT), timeout=_PATIENCE):
        pass


def _begin_one() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init("local", **_QUIET, **_LOCAL)
    told = f"no Ray cluster was found; one is started on this machine, with {processors()} processors"
    print(f"{told} (RAY_ADDRESS names another)", file=sys.stderr)


def told(problem: BaseException) -> str:
    """Return what Ray says of a failure, without the traceback and the table that it puts into it."""
    lines = [line for line in str(problem).splitlines() if line and not line[0].isspace()]
    return " ".join(lines[-2:])[:500]

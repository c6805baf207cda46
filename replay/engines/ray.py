"""Cases on a Ray cluster: the one at RAY_ADDRESS, this machine's, or else one begun here for the run.

What the driver does and what workers do. The driver reads the conversations, keeps the limits, the budget
and the cassettes, and hands out cases; it alone writes into the run. A worker gets one case at a time: what
it asks, its cassette, its baseline; and once, the project's other files (`_ray/cargo.py`). Nodes need
Python, Ray and conversation-replay in the driver's versions, and no shared disk. Of the environment a worker
gets only the variables that the targets of a case name, as an argument of that case.

What is lost when a worker dies. A call that was answered is recorded at the driver before its worker sends
the next one. So the calls in flight at that moment are lost, and paid for twice; nothing else is. Their
cases are played again, each alone with a worker; a case that kills three of them is an error, of the kind
`crashed`. Ray notices a dead process at once, a dead node after its own health check (15 seconds or so);
until then its places at the limits stay taken. When the driver dies, Ray ends its workers, and the answers
that were on their way are lost.

When the iterator is closed the workers are ended. What they had been answered is in the cassettes. An
interrupt first waits for the calls under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.util import find_spec

from replay.errors import BadInput
from replay.progress import await_calls
from replay.run import Result
from replay.runner import Planned, Runner


def run(cases: Iterable[Planned], runner: Runner) -> Iterator[tuple[Planned, Result]]:
    """Play cases on a cluster; see `replay.engines.Engine`.

    Raises BadInput where Ray is missing, where no cluster answers at RAY_ADDRESS, and where its nodes cannot
    play: other versions, a project too large to send. Raises ReplayError where the cluster is lost.
    """
    if find_spec("ray") is None:
        raise BadInput("--engine ray needs Ray: pip install 'conversation-replay[ray]'")
    return _played(cases, runner)


def _played(cases: Iterable[Planned], runner: Runner) -> Iterator[tuple[Planned, Result]]:
    from replay.engines._ray import cargo, cluster
    from replay.engines._ray.flights import Flights

    with cluster.joined(), cargo.by_value(runner.project.root), closing(Flights(cases, runner)) as flights:
        try:
            yield from flights
        except KeyboardInterrupt:
            await_calls(runner.gate)
            raise

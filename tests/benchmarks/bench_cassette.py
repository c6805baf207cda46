"""What the size of a cassette costs: one look-up, and loading it; each as a ratio of a smaller one.

python tests/benchmarks/bench_cassette.py [INTERACTIONS]        default 10000
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import workload

from replay.cassette import file
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse

URL = "http://127.0.0.1:1/v1/chat/completions"
LOOKUPS = 200


def interactions(count):
    """Return recordings of the workload, each of another request."""
    return [Interaction(_request(entry), _response(entry)) for entry in workload.entries(count)]


def _request(entry):
    headers = {"content-type": "application/json"}
    return RecordedRequest("POST", URL, headers, json.dumps(entry["request"]).encode())


def _response(entry):
    headers = {"content-type": ["application/json"]}
    return RecordedResponse(200, "OK", headers, json.dumps(entry["response"]).encode())


def fresh(request):
    """Return the same bytes in a new place, as every request of a client is."""
    return RecordedRequest(request.method, request.uri, request.headers, bytes(bytearray(request.body)))


def respelled(request):
    """Return the same question in other bytes: what a client that orders keys differently sends."""
    body = json.dumps(json.loads(request.body), sort_keys=True, indent=1).encode()
    return RecordedRequest(request.method, request.uri, request.headers, body)


def timed(act):
    """Return the cpu seconds that an action takes."""
    before = time.process_time()
    act()
    return time.process_time() - before


def lookup(path, recorded, change):
    """Return the cpu seconds of one look-up in a cassette, of requests from all over it."""
    asked = [change(one.request) for one in recorded[:: len(recorded) // LOOKUPS]]
    cassette = Cassette(path)
    cassette.has_retry(respelled(asked[0]))  # keys are worked out once, when bytes alone do not tell
    return timed(lambda: [cassette.play(request) for request in asked]) / len(asked)


def measured(folder, recorded):
    """Return the cpu seconds of a load, a look-up of the same bytes and one respelled; medians of three."""
    path = folder / f"{len(recorded)}.yaml"
    file.save(path, recorded)
    load = statistics.median(timed(lambda: file.load(path)) for _ in range(3))
    same = statistics.median(lookup(path, recorded, fresh) for _ in range(3))
    return load, same, statistics.median(lookup(path, recorded, respelled) for _ in range(3))


def main(count):
    """Print the ratios beside what is asked."""
    recorded = interactions(count)
    with tempfile.TemporaryDirectory(prefix="replay-cassette-") as folder:
        sizes = (LOOKUPS, count // 10, count)
        few, tenth, many = (measured(Path(folder), recorded[:size]) for size in sizes)
    rows = [
        (f"look-up in {count}, the same bytes, us", f"{many[1] * 1e6:.1f}", ""),
        (f"  x one in {LOOKUPS}", f"{many[1] / few[1]:.2f}", "<= 1.5"),
        (f"look-up in {count}, other bytes, us", f"{many[2] * 1e6:.1f}", ""),
        (f"  x one in {LOOKUPS}", f"{many[2] / few[2]:.2f}", "<= 1.5"),
        (f"load of {count}, s", f"{many[0]:.2f}", ""),
        (f"  x one of {count // 10}", f"{many[0] / tenth[0]:.1f}", "<= 12"),
    ]
    for label, value, asked in rows:
        print(f"{label:45} {value:>8}  {asked}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

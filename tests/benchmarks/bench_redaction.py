"""Redaction: how much of what is planted is found, how much else is hit, what still plays, what it costs.

python tests/benchmarks/bench_redaction.py [TIMES] [SEED]        default 5 7

Secrets are planted by `tests/planted.py`: every kind TIMES in every place. False hits, matching and cost are
measured on the corpus of real recordings (REPLAY_CORPUS); without it those rows are left out, and said to be.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import planted
import recorded_corpus
from planted import FRAMES, NAMED, OPAQUE, PERSONAL, PREFIXED, STREAMS, TEXTS

from replay.cassette import file
from replay.cassette.cassette import Cassette
from replay.cassette.match import key
from replay.cassette.redact import Redactor

SALT = "a salt"
KNOWN = (
    "sk-proj-" + "aB3d" * 30,
    "0123456789abcdef" * 2,
    "AKIA" + "QRSTUVWX" * 2,
)  # live credentials of nobody
REAL = ("matz@netlab.jp",)  # personal data the corpus really holds: the author's address in a licence


def main(times, seed):
    for rows in (recalls(times, seed), on_the_corpus()):
        for name, value, goal in rows:
            print(f"{name:58} {value:>16}  {goal}", flush=True)


def recalls(times, seed):
    by_form = Redactor(SALT)
    everywhere = (*TEXTS, *STREAMS, *FRAMES)
    sentences = {kind: make for kind, make in OPAQUE.items() if kind != "password"}
    for name, kinds, places, goal in (
        ("in headers, queries, fields by name", PREFIXED | OPAQUE, NAMED, "1.000"),
        ("prefixed keys, in texts", PREFIXED, TEXTS, ">= 0.990"),
        ("prefixed keys, split over events", PREFIXED, STREAMS, ">= 0.990"),
        ("prefixed keys, split over binary frames", PREFIXED, FRAMES, ">= 0.990"),
        ("personal data, everywhere", PERSONAL, everywhere, ">= 0.990"),
        ("opaque keys, in what people write", sentences, (planted.in_a_sentence,) * 8, ">= 0.900"),
    ):
        yield row(name, planted.recall(kinds, places, lambda _: by_form, random.Random(seed), times), goal)
    for name, encode in planted.ENCODINGS.items():
        kinds = {kind: encoded(make, encode) for kind, make in planted.ALL.items()}
        places = (planted.in_field, *everywhere)
        found = recall_of_known(kinds, places, random.Random(seed))
        yield row(f"known values, {name}", found, "1.000")


def encoded(make, encode):
    def made(rng):
        text = make(rng)
        return text, f"<{encode(text)}>"

    return made


def recall_of_known(kinds, places, rng):
    missed, count = [], 0
    for kind, make in kinds.items():
        for place in places:
            text, wrapped = make(rng)
            exchange, count = place(wrapped, rng), count + 1
            assert text in planted.everything(exchange), f"{kind} was not planted by {place.__name__}"
            if text in planted.everything(planted.redacted(Redactor(SALT, [text]), exchange)):
                missed.append((kind, place.__name__))
    return 1 - len(missed) / count, missed, count


def row(name, figure, goal):
    share, missed, count = figure
    worst = "".join(f"  {kind} {place}: {n}" for (kind, place), n in Counter(missed).most_common(3))
    return f"recall, {name} ({count})", f"{share:.3f}", goal + worst


def on_the_corpus():
    if not recorded_corpus.PRESENT:
        print(f"false hits, matching and cost are not measured: {recorded_corpus.ABSENT}")
        return
    yield from false_hits()
    yield from matching()


def false_hits():
    redactor, total, wrong, real = Redactor(SALT), 0, Counter(), Counter()
    for one in recorded_corpus.recordings(*{line.get("endpoint") for line in recorded_corpus.rows()}):
        total += 1
        kinds = {
            (kind, body[offset:].startswith(tuple(map(str.encode, REAL))))
            for body in (one.request, one.body)
            for kind, offset in redactor.find(body)
        }
        wrong.update(kind for kind, is_real in kinds if not is_real)
        real.update(kind for kind, is_real in kinds if is_real)
    yield f"false hits per 100 of {total} real interactions", f"{100 * wrong.total() / total:.2f}", "<= 1.00"
    yield "    falsely hit / hit rightly, interactions", f"{dict(wrong)} / {dict(real)}", ""


def matching():
    names = sorted({line["file"] for line in recorded_corpus.rows() if line["container"] == "vcrpy"})
    raw = [(name, (recorded_corpus.CORPUS / name).read_bytes()) for name in names]
    load, loaded = timed(lambda: [one for pair in raw for one in file.read(*pair).interactions])
    redactor = Redactor(SALT, KNOWN)
    cost, clean = timed(
        lambda: [(redactor.request(i.request), redactor.response(i.response)) for i in loaded]
    )
    before, after = [key(one.request) for one in loaded], [key(request) for request, _ in clean]
    again = sum(
        redactor.request(request) != request or redactor.response(response) != response
        for request, response in clean
    )
    played = [sum(plays(loaded, loaded, None)), sum(plays(loaded, clean, redactor))]
    yield "match keys, distinct before / after", f"{len(set(before))} / {len(set(after))}", "equal"
    yield "requests answered from the recording, before / after", f"{played[0]} / {played[1]}", "equal"
    yield "recordings that a second redaction changes", again, "0"
    yield f"cost of redacting {len(loaded)} interactions / load", f"{cost / load:.2f}", "<= 2.00"


def plays(live, recorded, redactor):
    """Whether each live request is answered, in the order of recording, by what was recorded for it."""
    import tempfile

    from replay.cassette.interaction import Interaction

    pairs = [one if isinstance(one, Interaction) else Interaction(*one) for one in recorded]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.yaml"
        file.save(path, pairs)
        with Cassette(path, redactor=redactor) as cassette:
            for one, pair in zip(live, pairs, strict=True):
                answer = cassette.play(one.request)
                yield answer is not None and answer.body == pair.response.body


def timed(work):
    """The least of three cpu times, and what came out."""
    best = None
    for _ in range(3):
        start = time.process_time()
        done = work()
        spent = time.process_time() - start
        best = spent if best is None else min(best, spent)
    return best, done


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("5", "7")[len(sys.argv) - 1 :])))

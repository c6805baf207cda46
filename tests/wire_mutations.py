"""Damage to real bodies, at random: what a decoder must survive."""

import copy
import random

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
SEEDS = st.integers(0, 2**32)


def damaged(body, seed, value):
    """Return the body with one place of it replaced."""
    body, rng = copy.deepcopy(body), random.Random(seed)
    holder = body
    while True:
        place = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if rng.random() < 0.3 or not isinstance(holder[place], dict | list) or not holder[place]:
            holder[place] = value
            return body
        holder = holder[place]

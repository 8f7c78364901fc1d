"""Groups by pairs, and splits that keep groups whole."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.curation.selectors.splits import groups, split

PAIRS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


@given(PAIRS, st.integers(0, 5))
def test_groups_are_what_chains_of_pairs_join(pairs: Sequence[tuple[int, int]], seed: int) -> None:
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    group = groups(30, ends[:, 0].copy(), ends[:, 1].copy())
    found = split(group, (0.8, 0.1, 0.1), seed)

    reach = {row: {row} for row in range(30)}
    for _ in range(30):
        for a, b in pairs:
            joined = reach[a] | reach[b]
            for one in joined:
                reach[one] = reach[one] | joined
    assert group.tolist() == [min(reach[row]) for row in range(30)]
    assert all(found[a] == found[b] for a, b in pairs)
    assert set(found.tolist()) <= {0, 1, 2}

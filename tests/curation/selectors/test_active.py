"""What teaches most: uncertainty, disagreement, novelty; labels that it saves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.curation.learners.base import Floats, Task
from app.curation.learners.logistic import Logistic
from app.curation.selectors.active import disagreement, novel, ranks, uncertainty

ROWS, GOOD, SIZE = 2000, 200, 20


def test_the_nearest_to_the_cut_come_first_and_what_has_no_score_has_no_doubt() -> None:
    found = uncertainty(np.array([0.1, 0.5, 0.9, np.nan, 0.6]), 0.5)

    assert np.argsort(-found[[0, 1, 2, 4]]).tolist()[:2] == [1, 3]
    assert np.isnan(found[3])
    assert np.isnan(uncertainty(np.array([np.nan]), 0.5)).all()


def test_ranks_share_ties_and_leave_out_what_is_missing() -> None:
    assert ranks(np.array([5.0, 1.0, 5.0, np.nan])).tolist()[:3] == [0.75, 0.0, 0.75]
    assert np.isnan(ranks(np.array([np.nan, np.nan]))).all()


def test_scorers_disagree_where_their_ranks_differ() -> None:
    one = np.array([1.0, 2.0, 3.0, 4.0])
    other = np.array([40.0, 20.0, 30.0, np.nan])

    found = disagreement([one, other])

    assert found[0] == np.nanmax(found)
    assert np.isnan(found[3])


def test_novel_ones_are_far_from_what_is_labelled_and_from_each_other() -> None:
    angles = np.radians([0, 5, 90, 95, 180])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    texts = np.vstack([vectors, np.zeros((1, 2))])

    assert novel(texts, vectors[:1], 6).tolist()[:2] == [4, 2]
    assert novel(texts, vectors[:1], 6).tolist()[-1] == 5
    assert len(novel(texts, vectors[:0], 3)) == 3
    assert len(novel(vectors[:0], vectors, 3)) == 0


def planted(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """2,000 rows with 40 features, a tenth of them good: those far along one direction."""
    features = rng.normal(size=(ROWS, 40)).astype(np.float32)
    along = features @ rng.normal(size=40) / 6
    good = np.zeros(ROWS)
    good[np.argsort(-along)[:GOOD]] = 1
    return features, good


def f1(good: Floats, scores: Floats) -> float:
    kept = scores >= np.sort(scores)[-GOOD]
    return float(2 * (kept & (good > 0)).sum() / (kept.sum() + good.sum()))


def labels_needed(seed: int, *, doubtful: bool) -> int:
    """How many labels it takes to tell the good rows with an F1 of 0.9."""
    rng = np.random.default_rng(seed)
    features, good = planted(rng)
    labelled: NDArray[np.intp] = np.concatenate(
        [rng.choice(np.flatnonzero(good > 0), 2), rng.choice(np.flatnonzero(good == 0), SIZE)]
    )
    while len(labelled) < ROWS:
        task = Task(features[labelled], good[labelled], classes=True)
        scores = Logistic(strength=1.0).fit(task).score(features)
        if f1(good, scores) >= 0.9:
            break
        rest = np.setdiff1d(np.arange(ROWS), labelled)
        chosen = rng.permutation(rest)[:SIZE]
        if doubtful:  # two of twenty stay random
            order = np.argsort(-uncertainty(scores[rest], 0.5), kind="stable")
            chosen = np.union1d(rest[order[: SIZE - 2]], chosen[:2])
        labelled = np.concatenate([labelled, chosen])
    return len(labelled)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_doubt_needs_at_most_three_fifths_of_the_labels() -> None:
    by_doubt, by_chance = (
        np.mean([labels_needed(seed, doubtful=doubtful) for seed in range(5)])
        for doubtful in (True, False)
    )

    assert by_doubt <= 0.6 * by_chance

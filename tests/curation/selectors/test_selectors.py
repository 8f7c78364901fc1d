"""Choosing rows: quotas, temperature from the best to chance, buckets of several scores."""

import numpy as np
import pytest
from scipy import stats

from app.curation.selectors.base import Pool
from app.curation.selectors.ensemble import buckets, ensemble
from app.curation.selectors.quota import Quota, Share
from app.curation.selectors.temperature import Temperature, TopK


def pool(count: int = 1000) -> Pool:
    scores = np.random.default_rng(4).normal(size=count)
    scores[::10] = np.nan
    return Pool(
        scores, ["code" if n % 4 == 0 else "math" if n % 4 == 1 else None for n in range(count)]
    )


def test_the_highest_are_taken_and_what_has_no_score_never() -> None:
    some = pool()

    chosen = TopK().select(some, 50)

    left = np.setdiff1d(some.scored(), chosen)
    assert len(chosen) == 50
    assert some.scores[chosen].min() >= some.scores[left].max()
    assert len(TopK().select(some, 5000)) == 900


def test_a_temperature_near_nothing_takes_the_best() -> None:
    some = pool()

    assert np.array_equal(Temperature(tau=1e-6).select(some, 100), TopK().select(some, 100))


@pytest.mark.parametrize("seed", range(3))
def test_an_endless_temperature_takes_all_alike(seed: int) -> None:
    some = Pool(np.arange(20.0), [None] * 20)
    draws = [Temperature(tau=1e9).select(some, 5, 1000 * seed + n) for n in range(1000)]

    counts = np.bincount(np.concatenate(draws), minlength=20)

    assert {len(set(draw.tolist())) for draw in draws} == {5}
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_middling_temperature_draws_in_proportion() -> None:
    """Of two rows the better one is drawn first exp(1 / tau) times as often."""
    some = Pool(np.array([0.0, 2.0]), [None, None])  # one standard deviation to each side
    first = [int(Temperature(tau=2).select(some, 1, seed)[0]) for seed in range(4000)]

    assert np.mean(first) == pytest.approx(1 / (1 + np.exp(-1)), abs=0.02)


def test_equal_scores_are_no_trouble() -> None:
    assert len(Temperature().select(Pool(np.ones(10), [None] * 10), 4)) == 4
    assert len(Temperature().select(Pool(np.full(3, np.nan), [None] * 3), 4)) == 0


@pytest.mark.parametrize("tau", [None, 2.0])
def test_a_quota_keeps_the_mix(tau: float | None) -> None:
    some = pool()

    chosen = Quota(tau=tau).select(some, 90)

    domains = [some.domains[row] for row in some.scored()]
    for name in ("code", "math", None):
        got = sum(some.domains[row] == name for row in chosen)
        assert abs(got - 90 * domains.count(name) / len(domains)) < 1


def test_an_equal_quota_gives_what_a_small_domain_lacks_to_others() -> None:
    some = Pool(np.arange(100.0), ["rare"] * 5 + ["a"] * 45 + ["b"] * 50)

    chosen = Quota(share=Share.EQUAL).select(some, 60)

    assert np.bincount(np.searchsorted([5, 50], chosen, side="right")).tolist() in (
        [5, 27, 28],
        [5, 28, 27],
    )
    assert 99 in chosen
    assert len(Quota().select(some, 1000)) == 100
    assert len(Quota().select(Pool(np.full(3, np.nan), [None] * 3), 2)) == 0


@pytest.mark.parametrize("count", [20, 1000, 1013])
def test_buckets_are_of_one_size(count: int) -> None:
    scores = np.round(np.random.default_rng(2).normal(size=count), 1)

    found = buckets(scores)

    sizes = np.bincount(found.astype(int), minlength=20)
    assert np.abs(sizes - count / 20).max() <= 1
    assert all(scores[found == n].max() <= scores[found == n + 1].min() for n in range(19))


def test_an_ensemble_takes_the_highest_or_the_mean_of_buckets() -> None:
    up, down = np.arange(40.0), -np.arange(40.0)
    up[0] = np.nan
    both = up.copy()
    both[1] = np.nan

    assert ensemble([np.arange(40.0), down])[[0, 39]].tolist() == [19, 19]
    assert ensemble([np.arange(40.0), down], "mean").mean() == pytest.approx(9.5)
    highest = ensemble([up, both])
    assert np.isnan(highest[0])
    assert highest[1] == buckets(up)[1]

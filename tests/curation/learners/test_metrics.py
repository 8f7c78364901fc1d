"""Metrics against scikit-learn and scipy; cuts, intervals and drift."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as theirs

from app.curation.learners import metrics
from app.curation.learners.bench import Cut, bench, lowest_with
from app.curation.learners.drift import ALARM, psi


@pytest.mark.parametrize("steps", [5, 1000])
def test_metrics_are_those_of_scikit_learn(steps: int) -> None:
    """With many equal scores and with hardly any."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 300).astype(float)
    scores = np.round((rng.normal(size=300) + labels) * steps) / steps

    assert metrics.auroc(labels, scores) == pytest.approx(theirs.roc_auc_score(labels, scores))
    assert metrics.pr_auc(labels, scores) == pytest.approx(
        theirs.average_precision_score(labels, scores)
    )
    assert metrics.spearman(labels, scores) == pytest.approx(
        stats.spearmanr(labels, scores).statistic
    )
    cut = metrics.best_cut(labels, scores)
    best = max(theirs.f1_score(labels, scores >= one) for one in np.unique(scores))
    assert theirs.f1_score(labels, scores >= cut) == pytest.approx(best)
    assert best - 0.05 < metrics.f1(labels, scores) <= best


def test_edges_of_metrics() -> None:
    same = np.ones(4)

    assert metrics.spearman(same, np.arange(4.0)) == 0
    assert metrics.f1(np.zeros(4), same) == 0
    assert metrics.mean_error(same, np.zeros(4)) == 1


def test_intervals_hold_the_value_and_shrink_with_more_rows() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count in (50, 5000):
        labels = rng.integers(0, 2, count).astype(float)
        found = metrics.measured(labels, labels + rng.normal(size=count), classes=True)
        value, low, high = found["auroc"]
        assert low < value < high
        widths.append(high - low)

    assert widths[1] < widths[0] / 5
    assert set(metrics.measured(labels, labels, classes=False)) == {"spearman", "mean_error"}


def test_a_cut_is_not_judged_on_the_rows_it_was_chosen_by() -> None:
    """Of scores that say nothing, the best cut of 40 rows looks better than it is."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(50):
        labels, scores = (rng.random(40) < 0.3).astype(float), rng.random(40)
        chosen = theirs.f1_score(labels, scores >= metrics.best_cut(labels, scores))
        found.append(chosen - metrics.f1(labels, scores))

    assert np.mean(found) > 0.05


def test_what_counts_downwards_is_turned_round() -> None:
    labels = np.array([0.0, 0, 0, 1, 1, 1])

    assert metrics.main(labels, -labels, classes=True)[0] == 0
    assert metrics.main(labels, -labels, classes=True, either_way=True)[0] == 1


def test_wilson() -> None:
    assert metrics.wilson(0, 0) == (0, 0, 1)
    share, low, high = metrics.wilson(9, 10)
    assert share == 0.9
    assert (low, high) == pytest.approx((0.596, 0.982), abs=1e-3)
    assert metrics.wilson(10, 10)[2] == 1


def test_the_bench_says_what_each_cut_is_worth() -> None:
    scores = np.arange(100.0)
    labels = (scores >= 80).astype(float)

    cuts = bench(labels, scores)

    assert len(cuts) == 19
    fifth = next(cut for cut in cuts if cut.at == 80)
    assert (fifth.kept[0], fifth.precision[0], fifth.recall[0]) == (0.2, 1, 1)
    assert lowest_with(cuts, 0.9) == fifth
    assert lowest_with(cuts, 0) == cuts[0]
    assert lowest_with([Cut(0, *[(0.1, 0, 1)] * 3)], 0.9) is None


def test_drift_is_nothing_for_the_like_and_an_alarm_for_the_unlike() -> None:
    rng = np.random.default_rng(1)
    labelled = rng.normal(size=200)

    assert psi(labelled, rng.normal(size=5000)) < ALARM / 2
    assert psi(labelled, rng.normal(1, size=5000)) > ALARM
    assert psi(labelled[:20], rng.normal(size=5000)) < ALARM
    assert psi(np.ones(50), np.ones(50)) == pytest.approx(0, abs=1e-3)

"""Agreement with people: against scikit-learn and scipy, and with biases planted on purpose."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import isotonic as sk_isotonic
from sklearn import metrics

from app.curation.agreement import (
    Floats,
    auroc,
    kappa,
    nominal_kappa,
    quadratic_kappa,
    spearman,
)
from app.curation.calibration import (
    Labelled,
    TooFewError,
    calibrate,
    calibration_error,
    isotonic,
    thresholds,
)

RANDOM = np.random.default_rng(3)
SCORES: Floats = RANDOM.integers(0, 11, 400) / 2
GOOD: Floats = (SCORES + RANDOM.normal(0, 1.2, 400) > 2.8).astype(float)


def labelled(scores: Floats, labels: Floats, passing: float | None = None) -> Labelled:
    count = len(scores)
    return Labelled(scores, labels, ["math"] * count, np.arange(count, dtype=float), passing)


def test_statistics_are_those_of_the_libraries() -> None:
    other = RANDOM.integers(0, 11, 400) / 2
    assert auroc(SCORES, GOOD) == pytest.approx(metrics.roc_auc_score(GOOD, SCORES))
    assert spearman(SCORES, GOOD) == pytest.approx(stats.spearmanr(SCORES, GOOD).statistic)
    expected = metrics.cohen_kappa_score(SCORES >= 3, GOOD > 0)
    assert kappa(SCORES >= 3, GOOD > 0) == pytest.approx(expected)
    whole = metrics.cohen_kappa_score(
        (SCORES * 2).astype(int), (other * 2).astype(int), weights="quadratic"
    )
    assert quadratic_kappa(SCORES, other) == pytest.approx(whole)


def test_the_curve_rises_as_the_librarys_does() -> None:
    _, expected = isotonic(SCORES, GOOD)
    fitted = sk_isotonic.IsotonicRegression().fit(SCORES, GOOD).predict(SCORES)

    np.testing.assert_allclose(expected, fitted)


def test_what_has_no_spread_has_no_rank_correlation() -> None:
    flat = np.ones(5)
    assert math.isnan(spearman(flat, np.arange(5.0)))
    assert math.isnan(auroc(flat, flat))
    assert kappa(flat > 0, flat > 0) == 0.0
    assert quadratic_kappa(flat, flat) == 0.0


def test_thresholds_say_what_each_keeps() -> None:
    table = thresholds(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]))

    assert [(one.at, one.kept, one.precision, one.recall) for one in table] == [
        (1.0, 1.0, 0.5, 1.0),
        (2.0, 0.75, 2 / 3, 1.0),
        (3.0, 0.5, 1.0, 1.0),
        (4.0, 0.25, 1.0, 0.5),
    ]


def test_of_a_million_values_a_hundred_thresholds_are_told() -> None:
    scores = RANDOM.random(2000)
    assert len(thresholds(scores, (scores > 0.5).astype(float))) == 101


def test_a_good_judge_is_trusted_and_its_interval_holds_its_value() -> None:
    found = calibrate(labelled(SCORES, GOOD))

    assert found.count == 400
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert found.auroc.value == pytest.approx(metrics.roc_auc_score(GOOD, SCORES))
    assert found.suggested.kappa == max(one.kappa for one in found.cuts)
    assert found.calibration_error < 0.08
    assert found.trusted == (found.kappa.value >= 0.6)
    assert [one.approved for one in found.curve] == sorted(one.approved for one in found.curve)
    assert found.roc[0][1:] == (1.0, 1.0)


def test_a_judge_at_random_is_not_trusted() -> None:
    found = calibrate(labelled(RANDOM.random(400), GOOD), cut=0.5)

    assert not found.trusted
    assert abs(found.kappa.value) < 0.15
    assert abs(found.auroc.value - 0.5) < 0.08


def test_few_labels_are_not_trusted_however_well_they_agree() -> None:
    scores = np.arange(50.0)
    assert not calibrate(labelled(scores, (scores >= 25).astype(float))).trusted


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros(0), "No sample has both"),
        (np.ones(3), "People approved all 3 samples"),
        (np.zeros(3), "People rejected all 3 samples"),
    ],
)
def test_what_tells_nothing_is_refused(labels: Floats, words: str) -> None:
    with pytest.raises(TooFewError, match=words):
        calibrate(labelled(np.arange(float(len(labels))), labels))


def test_planted_leniency_and_length_bias_are_measured() -> None:
    random = np.random.default_rng(3)  # of its own: tests run in any order
    people = random.integers(1, 6, 2000).astype(float)
    lengths = random.permutation(2000).astype(float)
    longer = lengths > np.median(lengths)
    judge = people + random.normal(0, 0.3, 2000) + np.where(longer, 0.9, 0.1)
    domains = ["code" if row % 2 else "math" for row in range(2000)]

    found = calibrate(Labelled(judge, people, domains, lengths, passing=4.0))

    assert found.leniency == pytest.approx(0.5, abs=0.05)
    assert found.length_bias.value == pytest.approx(0.8, abs=0.08)
    assert found.length_bias.low < 0.8 < found.length_bias.high
    assert [one.name for one in found.by_domain] == ["code", "math"]
    assert found.kappa.value == pytest.approx(quadratic_kappa(judge, people))


def test_leniency_of_verdicts_is_a_share() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    found = calibrate(labelled(scores, np.array([0.0, 0.0, 0.0, 1.0])), cut=3.0)

    assert found.leniency == 0.25
    assert found.by_domain == []  # too few rows to say anything


def test_a_wrong_expectation_shows_in_the_calibration_error() -> None:
    assert calibration_error(np.full(10, 0.9), np.zeros(10)) == pytest.approx(0.9)


def test_categories_agree_as_scikit_learn_says() -> None:
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415

    one, other = RANDOM.integers(0, 3, (2, 200)).astype(float)
    other[:120] = one[:120]

    assert nominal_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))
    assert nominal_kappa(np.ones(3), np.ones(3)) == 0


def test_a_rating_on_the_same_scale_is_compared_in_points_and_as_categories() -> None:
    ratings = np.clip(np.round(SCORES + RANDOM.normal(0, 0.4, len(SCORES))), 0, 5)
    found = calibrate(labelled(np.round(SCORES), ratings, passing=3.0))

    assert found.nominal is not None
    assert found.alike == pytest.approx(np.mean(np.round(SCORES) == ratings))
    assert found.kappa.value == pytest.approx(quadratic_kappa(np.round(SCORES), ratings))


def test_a_rating_on_another_scale_is_compared_by_what_passes() -> None:
    found = calibrate(labelled(SCORES, SCORES / 50 + 7, passing=7.05))

    assert found.kappa.value == pytest.approx(1)
    assert found.leniency == pytest.approx(0)
    assert found.trusted

"""Learners against scikit-learn and against known answers; files that hold nothing but arrays."""

import io
from typing import Any

import numpy as np
import pytest

from app.curation.catalog import LEARNERS
from app.curation.learners.base import Floats, LabelsError, Learner, Task
from app.curation.learners.boosting import Boosting
from app.curation.learners.contrastive import Contrastive
from app.curation.learners.features import combined, filled, middles
from app.curation.learners.forest import Forest
from app.curation.learners.labels import check, is_classes
from app.curation.learners.logistic import Logistic
from app.curation.learners.metrics import auroc, spearman
from app.curation.learners.reduction import Reduction
from app.curation.learners.ridge import Ridge
from app.curation.learners.stored import Learned
from app.curation.learners.validation import folds, validate


def task(count: int = 120, *, classes: bool = True, width: int = 12) -> Task:
    """Two columns matter, the rest is noise."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(count, width)).astype(np.float32)
    value = features[:, 0] + features[:, 1]
    return Task(features, (value > 0).astype(float) if classes else value.astype(float), classes)


def quick(key: str) -> Learner:
    params: dict[str, Any] = {"forest": {"trees": 30}, "boosting": {"rounds": 20}}.get(key, {})
    return LEARNERS[key](**params)


@pytest.mark.parametrize("key", LEARNERS)
def test_classes_are_learned_and_the_file_scores_the_same(key: str) -> None:
    known, new = task(), task(300)

    scorer = quick(key).fit(known)
    again = Learned.from_bytes(Learned(scorer, np.zeros(12, np.float32)).to_bytes())

    found = scorer.score(new.features)
    assert auroc(new.labels, found) > 0.8
    assert np.allclose(again.score(new.features), found)
    assert np.allclose(quick(key).fit(known).score(new.features), found)


@pytest.mark.parametrize("key", [key for key, one in LEARNERS.items() if one.numbers])
def test_numbers_are_learned(key: str) -> None:
    new = task(300, classes=False)

    found = quick(key).fit(task(classes=False)).score(new.features)

    assert spearman(new.labels, found) > 0.6


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("learner", [Forest(trees=20), Boosting(rounds=15)])
def test_trees_walk_as_scikit_learn_walks(learner: Any, classes: bool) -> None:
    known, new = task(classes=classes), task(300, classes=classes)
    model = learner._model(known, 0).fit(known.features, known.labels)  # noqa: SLF001

    ours = learner.fit(known).score(new.features)

    theirs = model.predict_proba(new.features)[:, 1] if classes else model.predict(new.features)
    assert np.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("count", [8, 60])
def test_ridge_is_scikit_learns(count: int) -> None:
    """With fewer rows than columns and with more."""
    from sklearn.linear_model import Ridge as Theirs  # noqa: PLC0415

    known, new = task(count, classes=False), task(30, classes=False)
    mean, spread = known.features.mean(0), known.features.std(0)
    model = Theirs(alpha=5).fit((known.features - mean) / spread, known.labels)

    ours = Ridge(alpha=5).fit(known).score(new.features)

    assert np.allclose(ours, model.predict((new.features - mean) / spread), atol=1e-4)


def test_logistic_gives_probabilities() -> None:
    found = Logistic().fit(task()).score(task(300).features)

    assert found.min() > 0
    assert found.max() < 1


@pytest.mark.parametrize("count", [10, 200])
def test_the_contrastive_score_is_a_difference_of_cosines(count: int) -> None:
    found = Contrastive().fit(task(count)).score(task(300).features)

    assert np.abs(found).max() <= 2
    assert auroc(task(300).labels, found) > 0.6


def test_a_file_of_objects_is_refused() -> None:
    out = io.BytesIO()
    held: dict[str, Any] = {"kind": np.array("linear"), "of.weights": np.array([{"a": 1}], object)}
    np.savez(out, **held)

    with pytest.raises(ValueError, match="allow_pickle"):
        Learned.from_bytes(out.getvalue())


def test_features_are_both_embeddings_and_how_they_meet() -> None:
    one, other = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])

    found = combined(one, other, np.array([[7.0]]))

    assert found.tolist() == [[1, 2, 3, 5, 3, 10, -2, -3, 7]]


def test_what_was_not_measured_counts_as_the_middle() -> None:
    rows = np.array([[1, np.nan], [3, np.nan], [np.nan, np.inf]], np.float32)

    assert middles(rows).tolist() == [2, 0]
    assert filled(rows, middles(rows)).tolist() == [[1, 0], [3, 0], [2, 0]]


def labelled(values: list[float]) -> tuple[Floats, list[bytes], list[str]]:
    names = [str(number) for number in range(len(values))]
    return np.array(values), [name.encode() for name in names], names


@pytest.mark.parametrize(
    ("learner", "values", "words"),
    [
        (Forest(), [1.0], "1 row has a label; learning takes 20"),
        (Forest(), [1.0, 0, 1], "3 rows have a label; learning takes 20"),
        (Forest(), [1.0] * 30, "All 30 labels say good"),
        (Forest(), [0.0] * 30, "All 30 labels say bad"),
        (Forest(), [1.0] * 30 + [0.0] * 3, "30 good and 3 bad"),
        (Forest(), [4.0] * 30, "All 30 labels are 4: nothing differs"),
        (Logistic(), [1.0, 2.5, 4.0] * 10, "numbers from 1 to 4. Give a cut"),
    ],
)
def test_labels_that_teach_nothing(learner: Learner, values: list[float], words: str) -> None:
    with pytest.raises(LabelsError, match=words):
        check(learner, *labelled(values))


def test_labels_that_do() -> None:
    check(Forest(), *labelled([1.0, 0.0] * 10))
    check(Ridge(), *labelled([1.0, 2.0, 3.0] * 10))
    assert is_classes(np.array([0.0, 1.0]))
    assert not is_classes(np.array([0.0, 0.5]))


@pytest.mark.parametrize(("twins", "words"), [(1, "label away|right"), (2, "There are 2 such")])
def test_contradictions_are_named(twins: int, words: str) -> None:
    values, contents, names = labelled([1.0, 0.0] * 10)
    for twin in range(twins):
        contents[2 * twin + 1] = contents[2 * twin]

    with pytest.raises(LabelsError, match=f"Samples 0 and 1 say the same.*({words})"):
        check(Forest(), values, contents, names)


@pytest.mark.parametrize("classes", [True, False])
def test_every_fold_has_its_share(classes: bool) -> None:
    known = task(103, classes=classes)

    fold = folds(known, 0)

    assert np.ptp(np.bincount(fold)) <= 1
    shares = [known.labels[fold == number].mean() for number in range(5)]
    assert np.ptp(shares) < (0.1 if classes else 0.6)


def test_rows_of_one_group_are_in_one_fold() -> None:
    known = task(120)
    groups = np.repeat(np.arange(40), 3)[np.random.default_rng(4).permutation(120)]

    fold = folds(Task(known.features, known.labels, True, groups), 0)

    assert all(len(set(fold[groups == one])) == 1 for one in range(40))
    assert np.ptp(np.bincount(fold)) <= 3
    assert np.ptp([known.labels[fold == number].mean() for number in range(5)]) < 0.2


def test_what_a_question_gives_away_is_not_counted_as_learned() -> None:
    """Labels that only the question tells: its other answers must not teach them."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 4)
    features = rng.normal(size=(60, 8))[groups] + rng.normal(size=(240, 8)) / 100
    labels = (rng.random(60) < 0.5).astype(float)[groups]

    apart, together = (
        validate(Forest(trees=30), Task(features, labels, True, one)).scores
        for one in (groups, None)
    )

    assert auroc(labels, together) > 0.9
    assert auroc(labels, apart) < 0.7


@pytest.mark.parametrize("classes", [True, False])
def test_validation_scores_rows_that_were_not_seen(classes: bool) -> None:
    known = task(200, classes=classes)
    nonsense = Task(known.features, np.random.default_rng(0).permutation(known.labels), classes)

    good, bad = (validate(Forest(trees=30), one) for one in (known, nonsense))

    assert spearman(known.labels, good.scores) > 0.6
    assert abs(spearman(nonsense.labels, bad.scores)) < 0.2
    assert good.curve[-1][0] == 160
    assert all(low <= quality <= high for _, quality, low, high in good.curve)
    assert len(good.curve) == 5
    assert len(validate(Ridge(), task(20)).curve) == 2


def test_reduced_features_keep_signals_and_the_widest_directions() -> None:
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 64)) + rng.normal(size=(400, 64)) / 50
    signals = np.array([[0.0, -9.0]] * 400)
    features = np.hstack([wide, signals]).astype(np.float32)

    reduction = Reduction.fit(features, 64)
    reduced = reduction.apply(features)

    assert reduced.shape == (400, 23 + 2)
    assert reduced[:, 0].std() == pytest.approx(1, abs=0.05)
    assert reduced[:, 2:23].std(0).max() < reduced[:, :2].std(0).min() / 10
    assert reduced[0, 23:].tolist() == [0, pytest.approx(-np.log(10))]


def test_more_labels_keep_more_components_and_constant_columns_do_no_harm() -> None:
    rng = np.random.default_rng(2)
    many = rng.normal(size=(1000, 90)).astype(np.float32)

    assert Reduction.fit(many, 80).apply(many).shape == (1000, 36 + 10)
    assert np.isfinite(Reduction.fit(np.zeros((30, 20), np.float32), 20).apply(many[:, :20])).all()


def test_a_stored_scorer_reduces_as_when_it_was_learned() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(60, 30)).astype(np.float32)
    reduction = Reduction.fit(features, 24)
    task = Task(reduction.apply(features), (features[:, 0] > 0).astype(float), classes=True)
    learned = Learned(Logistic().fit(task), np.zeros(30, np.float32), reduction)

    again = Learned.from_bytes(learned.to_bytes())

    assert np.array_equal(again.score(features), learned.score(features))

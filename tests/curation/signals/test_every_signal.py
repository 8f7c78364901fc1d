"""What holds for every signal, on the same odd records."""

import copy

import numpy as np
import pytest

from app.curation.catalog import SIGNALS
from app.curation.signals.base import Scores
from app.curation.signals.batch import Batch
from tests.curation.records import ODD_RECORDS

RECORDS = list(ODD_RECORDS.values())


@pytest.fixture(scope="module", params=SIGNALS)
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scores(key: str) -> Scores:
    return SIGNALS[key]().score(Batch(RECORDS))


def test_one_row_of_float32_per_record(key: str, scores: Scores) -> None:
    assert scores.values.shape == (len(RECORDS), len(SIGNALS[key].measures))
    assert scores.values.dtype == np.float32
    assert not np.isinf(scores.values).any()
    assert scores.labels is None or len(scores.labels) == len(RECORDS)


def test_records_in_another_order_give_rows_in_that_order(key: str, scores: Scores) -> None:
    order = np.random.default_rng(7).permutation(len(RECORDS))

    shuffled = SIGNALS[key]().score(Batch([RECORDS[place] for place in order]))

    np.testing.assert_array_equal(shuffled.values, scores.values[order])
    assert {int(order[row]): note for row, note in shuffled.notes.items()} == dict(scores.notes)
    if scores.labels is not None and shuffled.labels is not None:
        assert list(shuffled.labels) == [scores.labels[place] for place in order]


def test_a_record_alone_scores_as_among_others(key: str, scores: Scores) -> None:
    signal = SIGNALS[key]()

    alone = [signal.score(Batch([record])).values[0] for record in RECORDS]

    np.testing.assert_array_equal(np.array(alone), scores.values)


def test_records_are_not_changed(key: str) -> None:
    records = [copy.deepcopy(record) for record in RECORDS]

    SIGNALS[key]().score(Batch(records))

    assert records == RECORDS


def test_no_records_give_no_rows(key: str) -> None:
    assert SIGNALS[key]().score(Batch([])).values.shape == (0, len(SIGNALS[key].measures))


def test_notes_point_into_the_text(key: str, scores: Scores) -> None:
    batch = Batch(RECORDS)

    for row, note in scores.notes.items():
        assert note.text or note.spans
        assert all(0 <= start < end <= len(batch.texts[row]) for start, end in note.spans)


def test_what_is_better_and_what_flags_are_measures_and_never_the_same(key: str) -> None:
    names = {one.name for one in SIGNALS[key].measures}

    better, flags = set(SIGNALS[key].better), set(SIGNALS[key].flags)

    assert better <= names
    assert flags <= names
    assert not better & flags

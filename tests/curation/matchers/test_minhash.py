"""MinHash: recall as theory says, verified similarity, references, crowds."""

import random

import numpy as np
import pytest

from app.curation.matchers import buckets
from app.curation.matchers.base import Signed
from app.curation.matchers.minhash import PRESETS, MinHash
from app.curation.records import Record
from app.curation.signals.batch import Batch
from app.curation.text.shingles import jaccard, sets
from tests.curation.matchers.looking import ends, look, plain

_WORDS = [f"w{number}" for number in range(5000)]


def near(pairs: int, similarity: float, seed: int = 1, length: int = 200) -> list[Record]:
    rng = random.Random(seed)
    made = []
    for _ in range(pairs):
        base = rng.choices(_WORDS, k=length)
        shared = round(length * 2 * similarity / (1 + similarity))
        other = [*base[:shared], *rng.choices(_WORDS, k=length - shared)]
        made += [plain(" ".join(base)), plain(" ".join(other))]
    return made


def test_near_duplicates_are_found_and_unrelated_ones_are_not() -> None:
    rows = [*near(300, 0.9), *near(100, 0.3, seed=2)]

    found = ends(look(MinHash(), rows))

    wanted = {(row, row + 1) for row in range(0, 600, 2)}
    assert len(found & wanted) >= 0.95 * 300
    assert len(found - wanted) <= 0.01 * len(found)


@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.7, 0.8])
def test_bands_find_what_theory_says(similarity: float) -> None:
    matcher = MinHash(threshold=0)
    rows = near(1000, similarity)
    held = sets(*matcher.grams(Batch(rows)))
    first = np.arange(0, len(rows), 2)
    truly = jaccard(held, first, first + 1)

    found = len(look(matcher, rows)) / 1000

    theory = float(np.mean([matcher.recall(one) for one in truly.tolist()]))
    assert found == pytest.approx(theory, abs=4 * (theory * (1 - theory) / 1000) ** 0.5 + 0.002)


def test_a_verified_similarity_is_that_of_the_sets() -> None:
    rows = [plain("a b c d e f g h i j"), plain("A, b c d e f g h i k!"), plain("x y")]

    pairs = look(MinHash(ngram=3, threshold=0.5, bands=60, rows=2), rows)

    assert ends(pairs) == {(0, 1)}
    assert pairs.similarity.tolist() == [pytest.approx(7 / 9)]


def test_without_verification_the_signatures_estimate_it() -> None:
    rows = near(50, 0.9)

    pairs = look(MinHash(preset="fineweb"), rows)

    assert len(pairs) >= 49
    assert pairs.similarity.mean() == pytest.approx(0.9, abs=0.05)
    assert MinHash(preset="fineweb", verify="yes").settled().verify
    assert not MinHash(verify="no").settled().verify


def test_presets_are_as_published_and_open() -> None:
    lee = MinHash(preset="lee")
    assert lee.recall(0.8) == pytest.approx(0.995, abs=0.001)
    assert MinHash(preset="fineweb").recall(0.8) == pytest.approx(0.92, abs=0.005)
    assert set(PRESETS) == {"short", "fineweb", "lee", "sensitive"}
    given = MinHash(bands=2, rows=3, ngram=4, threshold=0.1).settled()
    assert tuple(given) == (2, 3, 4, 0.1, True)
    assert len(look(lee, near(3, 0.9))) == 3


def test_short_texts_are_compared_by_what_they_have() -> None:
    rows = [
        plain("two words"),
        plain("Two words."),
        plain("other words"),
        plain("中文字"),
        plain("中文字。"),
    ]

    assert ends(look(MinHash(), rows)) == {(0, 1), (3, 4)}


def test_only_references_are_compared_with_others() -> None:
    rows = near(2, 0.95)
    mixed = [rows[0], rows[2], rows[1], rows[1], rows[3]]

    pairs = look(MinHash(), mixed, [True, True])

    assert ends(pairs) == {(0, 2), (0, 3), (1, 4)}


def test_a_crowd_that_differs_by_a_number_is_a_star_not_a_square() -> None:
    text = " ".join(f"w{number}" for number in range(60))
    rows = [plain(f"{text} number {number}") for number in range(5000)]

    pairs = look(MinHash(), rows)
    leader, _ = buckets.stars(len(rows), pairs.first, pairs.second, pairs.similarity)

    assert set(leader.tolist()) == {0}
    assert len(pairs) < 40 * len(rows)


def test_those_that_the_best_of_a_crowd_does_not_take_find_each_other() -> None:
    rng = random.Random(4)
    head = rng.choices(_WORDS, k=100)
    tails = [rng.choices(_WORDS, k=60) for _ in range(2)]
    rows = [plain(" ".join(head + tails[number % 2] + [f"x{number}"])) for number in range(80)]

    pairs = look(MinHash(bands=100, rows=1, threshold=0.8), rows)
    leader, _ = buckets.stars(len(rows), pairs.first, pairs.second, pairs.similarity)

    assert leader.tolist() == [0, 1] * 40


def test_chains_are_no_cluster() -> None:
    first, second = np.array([0, 1, 1]), np.array([1, 2, 3])
    similarity = np.array([0.9, 0.9, 0.8], np.float32)

    leader, near_ = buckets.stars(4, first, second, similarity)

    assert leader.tolist() == [0, 0, 2, 3]
    assert near_.tolist() == [1, pytest.approx(0.9), 1, 1]


def test_an_edited_signature_compares_with_none() -> None:
    matcher = MinHash()
    rows = near(1, 1.0)
    signatures = matcher.sign(Batch(rows))

    found = matcher.find(Signed.of([signatures[0], b""]), lambda _: Batch(rows))

    assert len(found) == 0

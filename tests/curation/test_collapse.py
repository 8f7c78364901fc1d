"""Generations that learn from each other lose what is rare; those that keep real text do not."""

from itertools import pairwise

import numpy as np
import pytest

from app.curation.collapse import Anchor, Tails, alarms, rare_tokens, tails, vendi

VOCABULARY, TOKENS = 6000, 30_000


def corpus(weights: np.ndarray, rng: np.random.Generator) -> list[str]:
    drawn = rng.choice(VOCABULARY, TOKENS, p=weights / weights.sum())
    words = [f"w{one}" for one in drawn]
    return [" ".join(words[at : at + 30]) for at in range(0, TOKENS, 30)]


def counts(texts: list[str]) -> np.ndarray:
    found = np.zeros(VOCABULARY)
    for text in texts:
        for word in text.split():
            found[int(word[1:])] += 1
    return found


def test_resampling_loses_rare_words_and_the_alarm_is_raised_by_the_third_generation() -> None:
    rng = np.random.default_rng(0)
    anchor = corpus(1 / np.arange(1, VOCABULARY + 1), rng)
    rounds = [anchor]
    for _ in range(5):
        rounds.append(corpus(counts(rounds[-1]), rng))

    held = Anchor.of(anchor)
    measured = [tails(held, one) for one in rounds]

    recalls = [one.rare_recall for one in measured]
    assert recalls[0] == 1
    assert all(later < earlier for earlier, later in pairwise(recalls))
    raised = [bool(alarms(*pair)) for pair in pairwise(measured)]
    assert any(raised[:3])
    assert "Rare words get lost" in alarms(measured[0], measured[1])[0]


def test_accumulating_raises_no_alarm() -> None:
    rng = np.random.default_rng(0)
    anchor = corpus(1 / np.arange(1, VOCABULARY + 1), rng)
    held, first = list(anchor), Anchor.of(anchor)
    measured = [tails(first, held)]
    for _ in range(5):
        held += corpus(counts(held), rng)
        measured.append(tails(first, held))

    assert [one for pair in pairwise(measured) for one in alarms(*pair)] == []


def test_texts_that_repeat_themselves_raise_an_alarm() -> None:
    before = tails(Anchor.of(["a b c d e f"]), ["a b c d e f", "a b c"])
    now = tails(Anchor.of(["a b c d e f"]), ["a b c", "a b c", "a b c d e f"])

    assert before.length_spread > 0
    assert "runs of three words" in alarms(before, Tails(1, before.distinct_3 / 2, 0, 0, None))[0]
    assert now.rare_recall == 1
    assert rare_tokens([]) == frozenset()
    assert tails(Anchor.of([]), []) == Tails(1.0, 0.0, 0.0, 0.0, None)


def test_equal_texts_are_one_and_texts_without_a_word_in_common_are_all() -> None:
    same = [["one", "and", "the", "same"]] * 500
    apart = [[f"word{n}"] for n in range(50)]

    assert vendi(same) == pytest.approx(100 / 400)
    assert 97 < vendi(apart) <= 100 + 1e-9  # two of the hashes may meet
    assert vendi([[], []]) == 0
    assert vendi(same[:50] + apart) < vendi(apart)


def test_a_topic_that_died_is_an_empty_cluster_and_raises_an_alarm() -> None:
    topics = [[f"{topic}{n}" for n in range(12)] for topic in ("rock", "sea", "star", "tree")]
    rng = np.random.default_rng(0)
    real = [" ".join(rng.choice(topics[rng.integers(4)], 8)) for _ in range(400)]
    anchor = Anchor.of(real[::2])

    before, now = tails(anchor, real[1::2]), tails(anchor, real[:1] * 200)

    assert before.occupancy is not None
    assert before.occupancy > 0.8
    assert now.occupancy is not None
    assert now.occupancy <= 0.5
    assert any("clusters" in one for one in alarms(before, now))
    assert tails(anchor, ["", "..."]).occupancy == 0
    assert Anchor.of(real[:39]).cells.count == 0
    assert Anchor.of(real).cells.count == 20

"""The n-gram model against plain counting, and answers with and without their prompts."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from app.curation.text.ngram_lm import Counts, NgramModel
from app.curation.text.surprise import Halves, Pairs, Reader, words_of

TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "a cat and a dog met on the mat",
    "the mat is red",
    "",
    "on",
]
_BEGIN = "<s>"


class Plain:
    """Interpolated Kneser-Ney in dictionaries of words, for any order."""

    def __init__(self, texts: Sequence[str], order: int) -> None:
        top = Counter(
            gram for text in texts for gram in zip(*_shifted(text.split(), order), strict=False)
        )
        self.levels = [top]
        for _ in range(order - 1):
            self.levels.insert(0, Counter(gram[1:] for gram in self.levels[0]))

    def probability(self, gram: tuple[str, ...]) -> float:
        if not gram:
            return 1 / (len(self.levels[0]) + 1)
        counts = self.levels[len(gram) - 1]
        behind: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for one, count in counts.items():
            behind[one[:-1]].append(count)
        once = sum(count == 1 for count in counts.values())
        twice = sum(count == 2 for count in counts.values())
        discount = min(max(once / max(once + 2 * twice, 1), 0.1), 0.9)
        lower = self.probability(gram[1:])
        here = behind.get(gram[:-1])
        if here is None:
            return lower
        seen = max(counts.get(gram, 0) - discount, 0)
        return (seen + discount * len(here) * lower) / sum(here)


def _shifted(words: list[str], order: int) -> list[list[str]]:
    padded = [_BEGIN] * (order - 1) + words
    return [padded[start : len(padded) - order + 1 + start] for start in range(order)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_interpolated_kneser_ney(order: int) -> None:
    plain = Plain(TEXTS, order)
    model = NgramModel.fit(words_of(TEXTS), order)
    asked = ["the cat met the dog", "red log", "zebra on the mat", "", "mat"]

    found = model.probabilities(words_of(asked))

    grams = [gram for text in asked for gram in zip(*_shifted(text.split(), order), strict=False)]
    assert found == pytest.approx([plain.probability(gram) for gram in grams], rel=1e-6)


@pytest.mark.parametrize("context", ["", "the", "on the", "never seen"])
def test_probabilities_of_all_words_sum_to_one(context: str) -> None:
    model = NgramModel.fit(words_of(TEXTS), 3)
    known = sorted({word for text in TEXTS for word in text.split()})

    words = words_of([f"{context} {word}" for word in [*known, "unknown"]])
    last = model.probabilities(words)[words.offsets[1:] - 1]

    assert last.sum() == pytest.approx(1)


def test_nothing_to_count_leaves_words_equally_probable() -> None:
    model = NgramModel.fit(words_of([]), 2)

    assert model.probabilities(words_of(["a b"])).tolist() == [1.0, 1.0]
    assert Counts.of(words_of([]).hashes).look_up(words_of(["a"]).hashes).tolist() == [0.0]


def test_words_of_a_script_without_spaces_are_its_letters() -> None:
    assert len(words_of(["猫が座った"]).hashes) == 5
    assert len(words_of(["Ça va bien"]).hashes) == 3


_NOUNS = ("harbour", "violin", "glacier", "senate", "orchid", "turbine", "falcon", "bakery")
_GLUE = ("the", "of", "and", "to", "in", "is", "it", "that", "was", "for", "on", "with", "as")


def planted(count: int, seed: int) -> Pairs:
    """Questions about a few things, and answers that speak of the same things among others."""
    rng = np.random.default_rng(seed)
    prompts, answers = [], []
    for _ in range(count):
        things = [f"{_NOUNS[rng.integers(8)]}{rng.integers(300)}" for _ in range(3)]
        glue = rng.choice(_GLUE, 30)
        said = [str(things[rng.integers(3)]) if rng.random() < 0.25 else str(word) for word in glue]
        prompts.append("What is known of the " + " and the ".join(things) + "?")
        answers.append(" ".join(said) + ".")
    return Pairs(prompts, answers)


def test_answers_of_other_prompts_stand_out_and_those_of_their_own_do_not() -> None:
    pairs = planted(2000, seed=3)
    halves = Halves.fit(pairs, 3)
    others = Pairs([*pairs.prompts[1:], pairs.prompts[0]], pairs.answers)

    matched, mismatched = halves.read(pairs), halves.read(others)

    assert (matched.ifd < 1).mean() >= 0.9
    assert (mismatched.ifd > 1).mean() >= 0.9
    assert ((matched.ifd < 1) == (matched.ratio < 1)).all()


def test_no_row_is_read_by_a_model_that_has_seen_it() -> None:
    """Copies of a row are in the same half, so they do not make each other probable."""
    pairs = planted(400, seed=4)
    again = Pairs([*pairs.prompts, *pairs.prompts], [*pairs.answers, *pairs.answers])

    once, twice = Halves.fit(pairs, 3).read(pairs), Halves.fit(again, 3).read(again)
    seen = Reader.fit(*pairs.words(), 3).read(*pairs.words())

    assert np.median(seen.perplexity) < np.median(once.perplexity) / 2
    assert np.median(twice.perplexity) > np.median(once.perplexity) * 0.9


def test_what_is_missing_is_not_measured() -> None:
    halves = Halves.fit(planted(200, seed=5), 2)

    found = halves.read(Pairs(["", "What?", "", "Why?"], ["Only text.", "", "", "So."]))

    assert np.isfinite(found.perplexity).tolist() == [True, True, False, True]
    assert np.isfinite(found.ifd).tolist() == [False, False, False, True]


def test_the_file_holds_all_of_it() -> None:
    pairs = planted(300, seed=6)
    halves = Halves.fit(pairs, 3)

    read = Halves.from_bytes(halves.to_bytes())

    assert (read.read(pairs).perplexity == halves.read(pairs).perplexity).all()
    assert (read.read(pairs).given == halves.read(pairs).given).all()

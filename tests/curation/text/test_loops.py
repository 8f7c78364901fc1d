"""The compiled loops against what plain Python says."""

import itertools
import re
from collections import Counter
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.signals.batch import Batch
from app.curation.signals.gopher_repetition import (
    DUPLICATE_SIZES,
    TOP_SIZES,
    GopherRepetition,
)
from app.curation.text.corpus import Corpus, lines, split_lines
from app.curation.text.jit import njit
from app.curation.text.tokens import count_sentences, tokenize
from app.curation.text.words import count_words
from tests.curation.records import text

# Few letters, so that lines and words repeat; marks, all line ends, wide and lone code points.
TEXTS = st.text(st.sampled_from("ab .,-'…!?()#\n\n\r\t\x1c\u2028é日🙂\ud800\x00"), max_size=60)
BATCHES = st.lists(TEXTS, max_size=5)


def spans(
    texts: list[str], starts: np.ndarray, ends: np.ndarray, offsets: np.ndarray
) -> list[list[str]]:
    whole = "".join(texts)
    return [
        [whole[starts[each] : ends[each]] for each in range(first, last)]
        for first, last in itertools.pairwise(offsets)
    ]


@given(BATCHES)
@settings(deadline=None)
def test_lines_are_those_of_python(texts: list[str]) -> None:
    corpus = Corpus.of(texts)
    plain, universal = lines(corpus), split_lines(corpus)

    assert spans(texts, plain.starts, plain.ends, plain.offsets) == [
        each.split("\n") for each in texts
    ]
    assert spans(texts, universal.starts, universal.ends, universal.offsets) == [
        each.splitlines() for each in texts
    ]


@given(BATCHES)
@settings(deadline=None)
def test_tokens_are_the_text_without_white_space(texts: list[str]) -> None:
    found = words_of(texts)

    assert ["".join(words) for words in found] == ["".join(each.split()) for each in texts]
    assert all(
        word and not any(char.isspace() for char in word) for words in found for word in words
    )


@given(BATCHES)
@settings(deadline=None)
def test_equal_tokens_have_equal_hashes(texts: list[str]) -> None:
    tokens = tokenize(Corpus.of(texts))
    words = [word for row in words_of(texts) for word in row]

    assert len({*zip(words, tokens.hashes.tolist(), strict=True)}) == len({*words})
    assert len({*tokens.hashes.tolist()}) == len({*words})


@given(BATCHES)
@settings(deadline=None)
def test_repetition_is_that_of_plain_python(texts: list[str]) -> None:
    values = GopherRepetition().score(Batch([text(each) for each in texts])).values

    expected = [repetition(each, words) for each, words in zip(texts, words_of(texts), strict=True)]
    np.testing.assert_allclose(values, np.array(expected).reshape(values.shape), rtol=1e-6)


@given(BATCHES)
@settings(deadline=None)
def test_words_are_runs_without_white_space(texts: list[str]) -> None:
    counted = count_words(Corpus.of(texts)).tolist()

    assert counted == [len(each.replace("日", " 日 ").split()) for each in texts]


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("Hello, world!", "Hello|,|world|!"),
        ("I don't; you're, he'd, I'm", "I|do|n't|;|you|'re|,|he|'d|,|I|'m"),
        ("the dog\u2019s, we\u2019ll", "the|dog|\u2019s|,|we|\u2019ll"),
        ("You cannot. A canyon", "You|can|not|.|A|canyon"),
        ("e.g. the U.S. of NATO. X.", "e.g.|the|U.S.|of|NATO|.|X."),
        ("wait... what.. …", "wait|...|what|..|…"),
        ("and so…on and so...on", "and|so|…|on|and|so|...|on"),
        ("state-of-the-art 3-4 a--b x-", "state|-|of|-|the|-|art|3|-|4|a|--|b|x-"),
        ("2020-01-01 2*3 1+-1 a~b 5^2", "2020|-|01|-|01|2|*|3|1|+|-1|a|~|b|5|^|2"),
        (
            "see http://x.org/a-b?c=d or mail@x.org, a.b/c",
            "see|http://x.org/a-b?c=d|or|mail@x.org|,|a.b|/|c",
        ),
        (
            "end.Next foo.bar key=value a/b 1:a x,y",
            "end|.|Next|foo.bar|key|=|value|a|/|b|1|:|a|x|,|y",
        ),
        ("$5 10% 10€ +7 + C+ 9+", "$|5|10|%|10|€|+7|+|C+|9|+"),
        ("[(*bold*)] #1", "[|(|*|bold|*|)|]|#|1"),
        ("a🙂b ®x..b 'S", "a|🙂|b|®|x|..|b|'|S"),
        (".", "."),
        ("x.. ..x .x", "x|..|..|x|.x"),
        ("a..b/c x.org:80 .org x@y", "a|..|b|/|c|x.org:80|.org|x@y"),
        ("日本.Next", "日本|.|Next"),
    ],
)
def test_tokens_of_english(content: str, tokens: str) -> None:
    assert words_of([content]) == [tokens.split("|")]


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("", 0),
        ("No end", 1),
        ("One. Two! Three?", 3),
        ("One.) Two.", 2),
        ("Mr. Smith...", 2),
        ("一。二。", 2),
    ],
)
def test_sentences(content: str, count: int) -> None:
    assert count_sentences(tokenize(Corpus.of([content]))).tolist() == [count]


def test_a_folder_that_cannot_be_written_only_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_anew = numba.njit

    def refuse_cache(*given: Any, cache: bool = False, **more: Any) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_anew(*given, **more)

    monkeypatch.setattr(numba, "njit", refuse_cache)

    assert njit(_double)(21) == 42


def _double(value: int) -> int:
    return 2 * value


def words_of(texts: list[str]) -> list[list[str]]:
    tokens = tokenize(Corpus.of(texts))
    return spans(texts, tokens.starts, tokens.ends, tokens.offsets)


def repetition(content: str, words: list[str]) -> list[float]:
    """The measures of GopherRepetition, slowly."""
    if not content:
        return [np.nan] * 13
    found: list[float] = []
    for parts in (re.split(r"\n+", content), re.split(r"\n{2,}", content.strip())):
        again = [part for place, part in enumerate(parts) if part in parts[:place]]
        found += [len(again) / len(parts), sum(map(len, again)) / len(content)]
    for size in TOP_SIZES:
        grams = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
        gram, count = grams.most_common(1)[0] if grams else ((), 0)
        found.append(len(" ".join(gram)) * count / len(content))
    found += [repeated_grams(words, size) / len(content) for size in DUPLICATE_SIZES]
    return found


def repeated_grams(words: list[str], size: int) -> int:
    known: set[tuple[str, ...]] = set()
    chars, at = 0, 0
    while at + size <= len(words):
        gram = tuple(words[at : at + size])
        if gram in known:
            chars += len("".join(gram))
            at += size
        else:
            known.add(gram)
            at += 1
    return chars

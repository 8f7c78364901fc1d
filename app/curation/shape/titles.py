"""What topics are called: the words that tell each from the others (c-TF-IDF)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.text.small_words import SMALL_WORDS

Codes = NDArray[np.integer[Any]]

KEYWORDS, TITLE_WORDS = 10, 4
_MOST_CHARS = 20_000  # of a text: the words that come later in a book are the same
_LONGEST = 40  # letters: longer runs are encodings, not words
# How much more frequent a word must be in a topic than in all texts. What is spread more evenly
# than that is a stop word of this corpus, whatever its language.
_TELLS = 2.5
# Of the languages that are known beforehand; in small topics they are seldom spread evenly.
_LITTLE = frozenset(chain.from_iterable(SMALL_WORDS.values())) | frozenset(
    [
        *(
            "you",
            "your",
            "yours",
            "we",
            "our",
            "us",
            "he",
            "him",
            "she",
            "they",
            "them",
            "me",
            "my",
        ),
        *(
            "i",
            "if",
            "so",
            "but",
            "not",
            "no",
            "was",
            "were",
            "been",
            "being",
            "has",
            "have",
            "had",
        ),
        *("have", "do", "does", "did", "can", "could", "will", "would", "should", "may", "might"),
        *("who", "whom", "whose", "what", "when", "where", "why", "how", "there", "here"),
        *("must", "then", "than", "these", "those", "some", "any", "all", "each", "every", "such"),
        *(
            "both",
            "own",
            "also",
            "more",
            "most",
            "many",
            "much",
            "very",
            "just",
            "only",
            "into",
            "over",
        ),
        *(
            "about",
            "from",
            "up",
            "out",
            "off",
            "while",
            "because",
            "since",
            "until",
            "between",
            "through",
        ),
    ]
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")


def keywords(texts: Sequence[str], topics: Codes, count: int) -> list[list[str]]:
    """At most ten words per topic (0 to `count`), those that tell most about it first.

    The share of a topic's texts that hold a word, times the logarithm of how rare it is in all
    (class-based TF-IDF as in BERTopic, arXiv 2203.05794, over texts: one that repeats a word does
    not speak for the others). Negative topics count among all texts alone.
    """
    overall: Counter[str] = Counter()
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    sizes = [0] * count
    for text, topic in zip(texts, topics.tolist(), strict=True):
        found = set(words(text))
        overall.update(found)
        if topic >= 0:
            inside[topic].update(found)
            sizes[topic] += 1
    every = max(overall.total(), 1)
    return [
        _telling(mine, size, mine.total() / every, overall, len(texts))
        for mine, size in zip(inside, sizes, strict=True)
    ]


def words(text: str) -> Iterator[str]:
    """Words of two letters and more, small; of scripts without spaces, pairs of characters."""
    for match in _WORD.finditer(text[:_MOST_CHARS].lower()):
        word = match[0]
        if _IDEOGRAPHS.fullmatch(word):
            yield from (word[at : at + 2] for at in range(len(word) - 1))
        elif 1 < len(word) <= _LONGEST:
            yield word


def _telling(
    mine: Counter[str], size: int, share: float, overall: Counter[str], total: int
) -> list[str]:
    """The words of one topic by their weight; of two that begin alike the first alone.

    `share` is what the topic has of all words: longer texts hold more of any word.
    """
    # In a topic that holds half of the words none can be that much more frequent than overall.
    least = min(_TELLS * share, (1 + share) / 2)
    weights = {
        word: count / size * np.log1p(total / overall[word])
        for word, count in mine.items()
        if word not in _LITTLE and count >= least * overall[word] and (count > 1 or size == 1)
    }
    found: list[str] = []
    for word in sorted(weights, key=lambda one: (-weights[one], one)):
        if not any(word.startswith(one) or one.startswith(word) for one in found):
            found.append(word)
        if len(found) == KEYWORDS:
            break
    return found


def titles(found: Sequence[Sequence[str]]) -> list[str]:
    """A title per topic from its keywords; no two are the same."""
    named: list[str] = []
    for number, some in enumerate(found, start=1):
        plain = title = " ".join(some[:TITLE_WORDS]) or f"topic {number}"
        again = 2
        while title in named:
            title, again = f"{plain} {again}", again + 1
        named.append(title)
    return named

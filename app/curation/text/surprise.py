"""How surprising texts are to a model of other texts, and answers with and without their prompt.

Rows are halved by what they say. Each half is scored by the model of the other one, so that no row
is measured by a model that has seen it or a copy of it.
"""

import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Corpus
from app.curation.text.ngram_lm import Counts, Floats, NgramModel, Words, combined
from app.curation.text.tokens import tokenize

# Scripts without spaces between words are read letter by letter.
_SPACELESS = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
CACHE = 0.15  # how much of a word's probability comes from the words of the prompt
_MEAN = 0.1  # how much of that from those of an average prompt


@dataclass(frozen=True, slots=True)
class Pairs:
    """Prompts and answers, row by row; either may be empty."""

    prompts: Sequence[str]
    answers: Sequence[str]

    def __len__(self) -> int:
        return len(self.answers)

    def words(self) -> tuple[Words, Words]:
        """The words of both."""
        return words_of(self.prompts), words_of(self.answers)

    def second_half(self) -> NDArray[np.bool_]:
        """Which rows belong to the second half; rows that say the same belong to the same."""
        both = zip(self.prompts, self.answers, strict=True)
        said = (f"{one}\n{other}".casefold().encode(errors="replace") for one, other in both)
        second: NDArray[np.bool_] = np.array([zlib.crc32(one) for one in said], np.int64) % 2 == 1
        return second


@dataclass(frozen=True, slots=True)
class Surprise:
    """Per row: perplexity per word; mean loss of the answer alone, and given its prompt."""

    perplexity: Floats
    alone: Floats
    given: Floats

    @property
    def ifd(self) -> Floats:
        """Loss given the prompt by loss alone: above 1 the prompt makes the answer less likely."""
        return self.given / self.alone

    @property
    def ratio(self) -> Floats:
        """The same of perplexities; it may rank rows in another order."""
        return np.exp(self.given - self.alone)


def words_of(texts: Sequence[str]) -> Words:
    """Words and marks in small letters, hashed."""
    tokens = tokenize(Corpus.of([_spaced(text.lower()) for text in texts]))
    return Words(tokens.hashes, tokens.offsets)


def _spaced(text: str) -> str:
    return text if text.isascii() else _SPACELESS.sub(r" \1 ", text)


class Reader:
    """One half's model: n-grams of prompts and answers, and the words of an average prompt."""

    def __init__(self, model: NgramModel, mean: Counts) -> None:
        self._model = model
        self._mean = mean

    @classmethod
    def fit(cls, prompts: Words, answers: Words, order: int) -> "Reader":
        """From the rows of one half."""
        offsets = np.concatenate([prompts.offsets, prompts.offsets[-1] + answers.offsets[1:]])
        both = Words(np.concatenate([prompts.hashes, answers.hashes]), offsets)
        return cls(NgramModel.fit(both, order), _mean_prompt(prompts))

    def read(self, prompts: Words, answers: Words) -> Surprise:
        """How surprising rows are."""
        asked, said = (self._model.probabilities(one) for one in (prompts, answers))
        lost = _sums(prompts, -np.log(asked)) + _sums(answers, -np.log(said))
        count = np.diff(prompts.offsets) + np.diff(answers.offsets)
        mean = self._mean.look_up(answers.hashes)
        cache = (1 - _MEAN) * _from_prompt(prompts, answers) + _MEAN * mean
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = _means(answers, -np.log((1 - CACHE) * said + CACHE * mean))
            given = _means(answers, -np.log((1 - CACHE) * said + CACHE * cache))
            perplexity = np.exp(lost / count)
        nothing_asked = np.diff(prompts.offsets) == 0
        given[nothing_asked] = np.nan
        return Surprise(perplexity, alone, given)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """All of it as plain arrays."""
        mean: dict[str, NDArray[Any]] = {
            "mean.keys": self._mean.keys,
            "mean.numbers": self._mean.numbers,
        }
        return {**self._model.arrays(), **mean}

    @classmethod
    def of(cls, held: Mapping[str, NDArray[Any]]) -> "Reader":
        """What `arrays` gave."""
        return cls(NgramModel.of(held), Counts(held["mean.keys"], held["mean.numbers"]))


def _mean_prompt(prompts: Words) -> Counts:
    """How probable a word is in the prompt of a row that is drawn by chance."""
    lengths = np.diff(prompts.offsets)
    asking = max(int((lengths > 0).sum()), 1)
    weights = np.repeat(1.0 / (np.maximum(lengths, 1) * asking), lengths)
    return Counts.of(prompts.hashes, weights)


def _from_prompt(prompts: Words, answers: Words) -> Floats:
    """How large a part of its row's prompt each word of an answer is."""
    asked = Counts.of(combined(prompts.rows().astype(np.uint64), prompts.hashes))
    rows = answers.rows()
    lengths = np.maximum(np.diff(prompts.offsets), 1)
    return asked.look_up(combined(rows.astype(np.uint64), answers.hashes)) / lengths[rows]


def _sums(words: Words, losses: Floats) -> Floats:
    return np.bincount(words.rows(), losses, len(words)).astype(np.float64)


def _means(words: Words, losses: Floats) -> Floats:
    return _sums(words, losses) / np.diff(words.offsets)


class Halves:
    """The models of both halves, each for the rows of the other."""

    def __init__(self, readers: tuple[Reader, Reader]) -> None:
        self._readers = readers

    @classmethod
    def fit(cls, pairs: Pairs, order: int) -> "Halves":
        """Train on all rows, half by half."""
        prompts, answers = pairs.words()
        second = pairs.second_half()
        first, other = (
            Reader.fit(prompts.of(one), answers.of(one), order) for one in (~second, second)
        )
        return cls((first, other))

    def read(self, pairs: Pairs) -> Surprise:
        """How surprising rows are to the model of the other half."""
        prompts, answers = pairs.words()
        second = pairs.second_half()
        found = np.full((3, len(pairs)), np.nan)
        for reader, rows in zip(self._readers, (second, ~second), strict=True):
            part = reader.read(prompts.of(rows), answers.of(rows))
            found[:, rows] = part.perplexity, part.alone, part.given
        return Surprise(*found)

    def to_bytes(self) -> bytes:
        """The file: plain arrays."""
        out = io.BytesIO()
        held: dict[str, Any] = {}
        for number, reader in enumerate(self._readers):
            held |= {f"{number}/{name}": array for name, array in reader.arrays().items()}
        np.savez(out, allow_pickle=False, **held)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Halves":
        """What `to_bytes` wrote; arrays of objects, which could run code, are refused."""
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            parts = [
                {name[2:]: file[name] for name in file.files if name.startswith(f"{number}/")}
                for number in (0, 1)
            ]
        return cls((Reader.of(parts[0]), Reader.of(parts[1])))

"""Answers of known worth, made from good ones without a model: a ladder per sample.

After Cappy (arXiv 2311.06720), which learns to grade answers from right, mixed and foreign ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The rungs from top to bottom, with the grade that each is worth.
GRADES = {"gold": 1.0, "edited": 0.8, "cut": 0.5, "changed": 0.3, "other": 0.0}
SHORTEST = 6  # words: of less no third can be missed
_TYPOS = 0.04  # of all words, one at least
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]{2,}")
_LONG = re.compile(r"[^\W\d_]{5,}")


@dataclass(frozen=True, slots=True)
class Rung:
    """An answer to the prompt of this row, and its grade."""

    row: int
    answer: str
    grade: float


def usable(prompts: Sequence[str], answers: Sequence[str]) -> list[int]:
    """Rows from which a ladder can be made."""
    both = zip(prompts, answers, strict=True)
    return [
        row
        for row, (prompt, answer) in enumerate(both)
        if prompt.strip() and len(answer.split()) >= SHORTEST
    ]


def rungs(answers: Sequence[str], seed: int = 0) -> list[Rung]:
    """All rungs of all rows; the foreign answer is that of another row."""
    rng = np.random.default_rng(seed)
    step = int(rng.integers(1, max(len(answers), 2)))
    found = []
    for row, answer in enumerate(answers):
        other = answers[(row + step) % len(answers)]
        made = {
            "gold": answer,
            "edited": edited(answer, rng),
            "cut": cut(answer),
            "changed": changed(answer, other, rng),
            "other": other,
        }
        found += [Rung(row, text, GRADES[name]) for name, text in made.items()]
    return found


def edited(answer: str, rng: np.random.Generator) -> str:
    """Neighbouring letters swapped in a few words: still right, no longer clean."""
    places = [one.span() for one in _LONG.finditer(answer)]
    if not places:
        return answer.rstrip(".!?") + " ."
    count = max(1, round(len(answer.split()) * _TYPOS))
    for chosen in rng.permutation(len(places))[:count]:
        start, end = places[chosen]
        at = int(rng.integers(start + 1, end - 2))
        answer = answer[:at] + answer[at + 1] + answer[at] + answer[at + 2 :]
    return answer


def cut(answer: str) -> str:
    """Without its last third."""
    words = list(re.finditer(r"\S+", answer))
    return answer[: words[len(words) * 2 // 3 - 1].end()]


def changed(answer: str, other: str, rng: np.random.Generator) -> str:
    """With one number, name or long word that is not right."""
    numbers = list(_NUMBER.finditer(answer))
    if numbers:
        one = numbers[int(rng.integers(len(numbers)))]
        wrong = str(int(one[0][-15:]) + int(rng.integers(1, 10)) * 10 ** max(len(one[0]) - 2, 0))
        return answer[: one.start()] + wrong + answer[one.end() :]
    places = list(_NAME.finditer(answer)) or list(_LONG.finditer(answer))
    known = [one[0] for one in places]
    spare = [one[0] for one in (*_NAME.finditer(other), *_LONG.finditer(other))]
    spare = [one for one in spare if one not in known] or ["nothing"]
    if not places:
        return f"{spare[0]} {answer}"
    one = places[int(rng.integers(len(places)))]
    return answer[: one.start()] + spare[int(rng.integers(len(spare)))] + answer[one.end() :]

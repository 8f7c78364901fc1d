"""A model that writes for the leaves of a planted taxonomy: so many bad questions and answers."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field

from tests.endpoint import Answer, Json

_FIRST = ["bra", "cor", "dun", "fel", "gar", "hom", "jul", "kem", "lor", "mun", "nep", "ost"]
_SECOND = ["ban", "cil", "dor", "fen", "gol", "him", "jan", "kir", "lum", "mos", "nir", "pol"]
_WORDS = [f"{first}{second}" for first in _FIRST for second in _SECOND]
HOPELESS = "hopeless"


def words(count: int, *seed: object) -> str:
    rng = random.Random("/".join(map(str, seed)))
    return " ".join(rng.choices(_WORDS, k=count))


@dataclass(slots=True)
class Model:
    """What it planted, by what was written: questions, answers of good questions."""

    bad_questions: float = 0.3
    bad_answers: float = 0.2
    planted: Counter[str] = field(default_factory=Counter)
    good: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)

    def __call__(self, request: Json) -> Answer:
        system, asked = (str(one["content"]) for one in request["messages"][:2])
        if system.startswith("You write questions that"):
            return self._said({"questions": self._questions(asked)})
        if system.startswith("You write questions and answers"):
            return self._said({"pairs": self._pairs(asked)})
        if system.startswith("You write texts"):
            return Answer(f"A text of {words(20, asked)}.")
        if system.startswith("You answer"):
            (question,) = re.findall(r"The matter \w+ of .*\?", asked)[-1:]
            return Answer(self._answer(question))
        return self._verdict(system, asked)

    def _said(self, given: object) -> Answer:
        return Answer(json.dumps(given))

    def _questions(self, asked: str) -> list[str]:
        leaf = re.findall(r"leaf (\w+)", asked)[0]
        number = re.findall(r"\(set (\d+)\)", asked)[0]
        text = re.findall(r"A text of (.*)\.", asked)[:1]
        count = int(re.findall(r"Write (\d+) new", asked)[0])
        return [self._question(leaf, number, *text, one) for one in range(count)]

    def _question(self, leaf: str, *seed: object) -> str:
        rng = random.Random(f"{leaf}/{seed}/q")
        bad = rng.random() < self.bad_questions or leaf == HOPELESS
        found = f"The matter {'badly' if bad else 'well'} of {words(12, leaf, *seed)}?"
        self.planted["questions"] += 1
        (self.bad if bad else self.good).add(found)
        return found

    def _answer(self, question: str) -> str:
        bad = random.Random(f"{question}/a").random() < self.bad_answers
        if bad:
            self.good.discard(question)
            self.bad.add(question)
        return f"It is {'wrongly' if bad else 'rightly'} {words(14, question)}."

    def _pairs(self, asked: str) -> list[dict[str, str]]:
        return [{"question": one, "answer": self._answer(one)} for one in self._questions(asked)]

    def _verdict(self, system: str, asked: str) -> Answer:
        bad_question = "The matter badly" in asked
        bad_answer = "It is wrongly" in asked
        told: dict[str, object] = {"explanation": "Weighed."}
        if system.startswith("You check answers against"):
            return self._said({**told, "supported": "no" if bad_answer else "yes"})
        if system.startswith("You check questions and answers"):
            return self._said({**told, "question": 1, "answer": 1})
        if system.startswith("You grade"):
            return self._said({**told, "score": 1 if bad_answer else 3})
        return self._said({**told, "score": 0 if bad_question else 1})

"""What LAB adds to questions on a passage: summaries of it, its main sentences, its facts."""

import re
from collections.abc import Mapping
from dataclasses import replace

from app.curation.generators import lab_gates
from app.curation.generators.base import Draft, Gate, Made, Task
from app.curation.generators.lab_skills import draft_of
from app.curation.generators.leaf import normal
from app.curation.generators.talk import DiscardError, Talk

# Each in several wordings: a model is to learn the task, not the sentence.
INSTRUCTIONS: Mapping[str, tuple[str, ...]] = {
    "summary": (
        "Summarise this text in detail.",
        "Write a detailed summary of the text.",
        "Say in your own words, and without leaving out what matters, what this text says.",
    ),
    "extract": (
        "Pick the sentences of this text that matter most, word for word.",
        "Which sentences carry this text? Quote them.",
        "Summarise this text by its own most important sentences.",
    ),
    "facts": (
        "List the facts that this text states, one to a line.",
        "Break this text down into single facts.",
        "Which facts does this text hold? Give each on its own, understandable without the others.",
    ),
}
_WHOLE = 100  # percent


def drawn(serial: int, percent: int) -> tuple[str, str]:
    """The kind and the instruction of the request at `serial`; empty where it asks for questions.

    So many percent of the requests ask for one of the three, each kind in its turn.
    """
    number = serial * percent // _WHOLE
    if (serial + 1) * percent // _WHOLE == number:
        return "", ""
    kinds = list(INSTRUCTIONS)
    kind = kinds[number % len(kinds)]
    wordings = INSTRUCTIONS[kind]
    return kind, wordings[number // len(kinds) % len(wordings)]


async def make(task: Task, talk: Talk, passage: str) -> list[Made]:
    """The one draft of such a request."""
    kind = task.values["auxiliary"]
    draft = replace(draft_of(task, task.values["instruction"], text=passage), parents=())

    async def made(gates: list[Gate]) -> Draft:
        written = await _ASKED[kind](task, talk, passage, gates)
        found = replace(draft, body={**draft.body, "output": written})
        if kind != "extract":
            talk.must_be_in_language(written)
            told = {"passage": passage, "pair": f"{found.body['instruction']}\n\n{written}"}
            gates.append(await lab_gates.affirmed(talk, "faithful", told, name="faithful"))
        return found

    return [await lab_gates.kept(draft, made)]


async def _summary(task: Task, talk: Talk, passage: str, _gates: list[Gate]) -> str:
    return await talk.text("summary", {"task": task.values["task"], "passage": passage})


async def _facts(task: Task, talk: Talk, passage: str, _gates: list[Gate]) -> str:
    values = {"task": task.values["task"], "passage": passage}
    said = await talk.fields("facts", values, {"facts": "array"})
    return "\n".join(f"- {one}" for one in _texts(said["facts"]))


async def _extract(task: Task, talk: Talk, passage: str, gates: list[Gate]) -> str:
    """The sentences in the order of the passage; one that does not stand in it fails the gate."""
    values = {"task": task.values["task"], "passage": passage}
    said = await talk.fields("extract", values, {"sentences": "array"})
    sentences, whole = _texts(said["sentences"]), normal(passage)
    missing = [one for one in sentences if normal(one) not in whole]
    told = f"It does not stand there: {missing[0]}" if missing else "All stand in the passage."
    gates.append(Gate("word for word", not missing, told))
    return " ".join(sorted(sentences, key=lambda one: whole.find(normal(one))))


_ASKED = {"summary": _summary, "extract": _extract, "facts": _facts}


def _texts(found: list[object]) -> list[str]:
    texts = [re.sub(r"\A(?:[-*•]|\d+[.)])\s+", "", str(one).strip()) for one in found]
    texts = [one for one in texts if normal(one)]
    if not texts:
        raise DiscardError("unreadable", "The list in the reply is empty.")
    return list(dict.fromkeys(texts))

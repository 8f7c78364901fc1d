"""LAB for knowledge: questions and answers from a passage, held against it by three gates."""

from difflib import SequenceMatcher

from app.curation.generators import lab_auxiliary, lab_gates
from app.curation.generators.base import Draft, Gate, Made, Outcome, Task
from app.curation.generators.lab_skills import KNOWN, draft_of, shown
from app.curation.generators.leaf import normal
from app.curation.generators.talk import DiscardError, Talk

_ALIKE = 0.7  # of the letters of words that were replaced: mended spelling changes few
_MOST_REPLACED = 30  # words in a row; more of them are another text
_MOST_OTHER = 0.02  # of the words may be others: one that was read as two, a slip of the model


async def make(task: Task, talk: Talk, *, spelling: bool) -> list[Made]:
    """Pairs from a passage of the leaf's documents, and what becomes of each."""
    passage = task.values["passage"]
    if spelling:
        passage = await _mended(talk, passage)
    if task.values["auxiliary"]:
        return await lab_auxiliary.make(task, talk, passage)
    values = {**task.values, "passage": passage, "examples": shown(task.seeds)}
    found = await talk.fields("knowledge", values, {"pairs": "pairs"})
    seen = {normal(one.body["instruction"]) for one in task.seeds}
    made = []
    for one in found["pairs"]:
        question, answer = str(one["question"]).strip(), str(one["answer"]).strip()
        draft = draft_of(task, question, answer, context=passage)
        if not normal(question) or not answer:
            made.append(Made(Outcome.UNREADABLE, reason="It holds an empty question or answer."))
        elif normal(question) in seen:
            made.append(Made(Outcome.DUPLICATE, draft, reason=KNOWN))
        else:
            made.append(await _judged(task, talk, draft, passage))
        seen.add(normal(question))
    return made


async def _mended(talk: Talk, passage: str) -> str:
    """The passage with its spelling mended; as it is where the reply is of no use, or says more.

    The same passage is asked for once in a run: the reply is kept.
    """
    try:
        mended = await talk.text("spelling", {"passage": passage}, cold=True)
    except DiscardError:
        return passage
    return mended if _only_spelt(passage, mended) else passage


def _only_spelt(before: str, after: str) -> bool:
    """Whether nearly all words are the same or differ in few letters."""
    old, new = before.split(), after.split()
    other = 0
    for what, start, end, at, to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        size = max(end - start, to - at)
        if what != "equal" and not (
            size <= _MOST_REPLACED and _alike("".join(old[start:end]), "".join(new[at:to]))
        ):
            other += size
    return other <= _MOST_OTHER * len(old)


def _alike(one: str, other: str) -> bool:
    found = SequenceMatcher(None, one, other, autojunk=False)
    same = sum(block.size for block in found.get_matching_blocks())
    return max(len(one), len(other)) - same <= 1 or found.ratio() >= _ALIKE


async def _judged(task: Task, talk: Talk, draft: Draft, passage: str) -> Made:
    question, answer = draft.body["instruction"], draft.body["output"]
    pair = {"pair": f"{question}\n\n{answer}"}
    subject = task.values["task"]

    told = {"passage": passage, **pair}
    about = {"task": subject, **pair}
    alone = {"question": question}

    async def made(gates: list[Gate]) -> Draft:
        talk.must_be_in_language(f"{question} {answer}")
        await lab_gates.passed(
            gates,
            (
                lambda: lab_gates.affirmed(talk, "faithful", told, name="faithful"),
                lambda: lab_gates.both(talk, "relevant", about, name="relevant"),
                lambda: lab_gates.scored(
                    talk, "alone", alone, name="stands alone", least=1, most=1
                ),
            ),
        )
        return draft

    return await lab_gates.kept(draft, made)

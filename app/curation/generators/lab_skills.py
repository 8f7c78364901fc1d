"""LAB for skills: questions for a leaf, a gate, answers, a gate; a text first where needed."""

from dataclasses import replace

from app.curation.generators import lab_gates
from app.curation.generators.base import Draft, Gate, Made, Outcome, Task
from app.curation.generators.leaf import domain_of, normal
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record

RELATION = "example for it"
_MOST_SHOWN = 3000  # characters of an example
KNOWN = "The leaf has this question, or this reply brought it twice."


def shown(seeds: tuple[Record, ...], *, questions_only: bool = False) -> str:
    """Seeds as examples of a prompt."""
    lines = []
    for place, one in enumerate(seeds, start=1):
        text = one.body["input"] or one.metadata.get("context", "")
        parts = [f"{place}. Question: {one.body['instruction']}"]
        if text:
            parts.insert(0, f"{place}. Text: {text}")
            parts[1] = f"Question: {one.body['instruction']}"
        if not questions_only:
            parts.append(f"Answer: {one.body['output']}")
        lines.append("\n".join(parts)[:_MOST_SHOWN])
    return "\n\n".join(lines)


def draft_of(task: Task, question: str, answer: str = "", text: str = "", **more: str) -> Draft:
    """A draft for the leaf of a task; its parents are the seeds that were shown."""
    path = task.values["path"]
    return Draft(
        Kind.INSTRUCTION,
        {"instruction": question.strip(), "input": text, "output": answer},
        tuple(one.id for one in task.seeds),
        RELATION,
        domain=domain_of(path),
        metadata={"taxonomy": path, **more},
    )


async def make(task: Task, talk: Talk, least: int) -> list[Made]:
    """Questions for the leaf, and what becomes of each."""
    values = {**task.values, "examples": shown(task.seeds, questions_only=True)}
    text = ""
    if task.values["kind"] == "grounded":
        text = await talk.text("context", {**values, "examples": shown(task.seeds)})
        talk.must_be_in_language(text)
        values["grounds"] = f"The questions are about this text:\n{text}\n"
    found = await talk.fields("questions", values, {"questions": "array"})
    seen = {normal(one.body["instruction"]) for one in task.seeds} if not text else set()
    made = []
    for one in found["questions"]:
        question = str(one).strip()
        draft = draft_of(task, question, text=text)
        if not normal(question):
            made.append(Made(Outcome.UNREADABLE, reason="It holds an empty question."))
        elif normal(question) in seen:
            made.append(Made(Outcome.DUPLICATE, draft, reason=KNOWN))
        else:
            made.append(await _judged(task, talk, draft, least))
        seen.add(normal(question))
    return made


async def _judged(task: Task, talk: Talk, draft: Draft, least: int) -> Made:
    question = draft.body["instruction"]
    text = draft.body["input"]
    asked = f"{text}\n\n{question}" if text else question
    told = {"task": task.values["task"]}

    async def made(gates: list[Gate]) -> Draft:
        talk.must_be_in_language(question)
        gates.append(
            await lab_gates.scored(
                *(talk, "question_gate", {**told, "question": asked}),
                name="question",
                least=1,
                most=1,
            )
        )
        if not gates[-1].passed:
            return draft
        values = {**told, "examples": shown(task.seeds), "question": asked}
        answer = await talk.text("answer", values)
        talk.must_be_in_language(answer)
        gates.append(
            await lab_gates.scored(
                *(talk, "pair_gate", {**told, "pair": f"{asked}\n\n{answer}"}),
                name="answer",
                least=least,
                most=3,
            )
        )
        return replace(draft, body={**draft.body, "output": answer})

    return await lab_gates.kept(draft, made)

"""Questions and answers from a document, each answer held against the document."""

from typing import Any, ClassVar

from pydantic import Field

from app.curation.generators.base import Asking, Draft, Gate, Made, Task, settled
from app.curation.generators.leaf import passages_of
from app.curation.generators.prompts import Prompt
from app.curation.generators.talk import Talk
from app.curation.records import Kind, Record
from app.curation.text.parts import full_text
from app.curation.verifiers.base import Tools
from app.curation.verifiers.grounded import Grounded

_ASK = Prompt(
    name="ask",
    title="Question and answer from a document",
    system=(
        "You make questions for people who study a document. A question can be understood without "
        "the document, needs a fact of it or a conclusion from it, and is answered by the document "
        "alone. The answer is one to four sentences and says nothing that the document does not."
    ),
    user=(
        "The document:\n{{document}}\n\nWrite question {{number}} on it, about another place than "
        "the questions before. Answer with one JSON object: question, answer."
    ),
    needs=("document",),
    may=("number",),
    data=("document",),
)
_JUDGE = Prompt(
    name="faithful",
    title="Is the answer supported?",
    system=(
        "You check answers against a document. Say of every statement of the answer where the "
        "document supports it, then decide. What is right but not in the document counts as not "
        "supported. So does an answer that misses the question."
    ),
    user=(
        "The document:\n{{document}}\n\nThe question and its answer:\n{{pair}}\n\nAnswer with one "
        "JSON object: explanation, supported (yes or no)."
    ),
    needs=("document", "pair"),
    data=("document", "pair"),
    judges=True,
)
_WORDS = 2500  # of a document in one prompt
_LEANING = ("the document", "the passage", "the text", "this article", "the author", "the excerpt")


class Questions(Asking):
    """Questions and answers from documents, kept where the answer stands in the document.

    After LAB's knowledge pipeline: a question is asked of a document, its answer held against it,
    by words and numbers first and then, if wanted, by the model; a question that leans on the
    document ("according to the passage") fails. The document is kept as `context`, of a
    long one the passage of 2,500 words that was shown; questions are spread over all of it.
    """

    key: ClassVar = "questions"
    title: ClassVar = "Questions from documents"
    kinds: ClassVar = frozenset({Kind.TEXT})
    prompts: ClassVar = (_ASK, _JUDGE)

    per_document: int = Field(1, ge=1, le=10, description="Questions per document")
    support: float = Field(0.5, ge=0, le=1, description="Share of words with support in it")
    judge: bool = Field(True, description="Ask the model whether the document supports the answer")

    def makes(self) -> frozenset[Kind]:
        return frozenset({Kind.INSTRUCTION})

    async def make(self, task: Task, talk: Talk) -> list[Made]:
        (seed,) = task.seeds
        passages = passages_of([full_text(seed.kind, seed.body)], _WORDS)
        found = []
        for number in range(self.per_document):
            # The questions are spread over a document that is too long for one prompt.
            place = number * len(passages) // self.per_document if len(passages) > 1 else 0
            passage = passages[place] if passages else ""
            values = {"document": passage, "number": str(number + 1)}
            pair = await talk.fields("ask", values, {"question": "string", "answer": "string"})
            found.append(await self._pair(seed, passage, pair, talk))
        return found

    async def _pair(self, seed: Record, document: str, pair: dict[str, Any], talk: Talk) -> Made:
        question, answer = pair["question"].strip(), pair["answer"].strip()
        talk.must_be_in_language(f"{question} {answer}")
        draft = Draft(
            Kind.INSTRUCTION,
            {"instruction": question, "input": "", "output": answer},
            (seed.id,),
            "question about it",
            seed.language,
            seed.domain,
            metadata={"context": document[:20_000]},
        )
        gates = self._gates(document, question, answer)
        if self.judge and all(one.passed for one in gates):
            told = {"document": document, "pair": f"{question}\n\n{answer}"}
            names = {"explanation": "string", "supported": "string"}
            said = await talk.fields("faithful", told, names, cold=True)
            yes = said["supported"].strip().lower().startswith("yes")
            gates.append(Gate("faithful", yes, str(said["explanation"])[:500]))
        return settled(draft, gates)

    def _gates(self, document: str, question: str, answer: str) -> list[Gate]:
        leaning = next((one for one in _LEANING if one in question.lower()), "")
        record = Record(
            Kind.INSTRUCTION,
            {"instruction": question, "input": "", "output": answer},
            metadata={"context": document},
        )
        verdict = Grounded(support=self.support).verify(record, Tools())
        return [
            Gate(
                "stands alone",
                not leaning,
                f"It speaks of “{leaning}”." if leaning else "It needs no document beside it.",
            ),
            Gate("grounded", verdict.passed is True, verdict.reason),
        ]

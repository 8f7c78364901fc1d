"""What LAB asks: for questions, contexts and answers, and for verdicts on them."""

from app.curation.generators.prompts import Prompt

_REQUIREMENTS = (
    "It must be answerable in text alone, without pictures, links or a tool. It is in the language "
    "of the examples. It is one or two sentences long, unless the task needs more. It is safe and "
    "harms nobody. It belongs to the task. It differs from the examples in its matter."
)
_VERDICT = "Write the explanation first, then decide. Answer with one JSON object: explanation, "

QUESTIONS = Prompt(
    name="questions",
    title="Questions for a leaf",
    system=(
        "You write questions that teach a language model a task. Each question meets all of this: "
        f"{_REQUIREMENTS}"
    ),
    user=(
        "The task: {{task}}\n\nExamples of it:\n{{examples}}\n\n{{grounds}}Write {{count}} new "
        "questions for this task (set {{set}}), this time about {{manner}}. Answer with one JSON "
        "object: questions (a list of texts)."
    ),
    needs=("task", "examples", "count", "manner", "set"),
    may=("grounds",),
    data=("task", "examples", "grounds"),
)
CONTEXT = Prompt(
    name="context",
    title="A text for a grounded skill",
    system=(
        "You write texts that tasks work on. A text has the form and about the length of those in "
        "the examples, invents its matter, and holds what questions of this task need."
    ),
    user=(
        "The task: {{task}}\n\nExamples of it, each with its text:\n{{examples}}\n\nWrite one new "
        "text for this task (set {{set}}), this time for {{manner}}. Answer with the text alone."
    ),
    needs=("task", "examples", "manner", "set"),
    data=("task", "examples"),
)
QUESTION_GATE = Prompt(
    name="question_gate",
    title="Is the question fit for its task?",
    system=(
        "You check questions that were written to teach a task. A question is fit if all of this "
        f"holds: {_REQUIREMENTS}"
    ),
    user=(
        "The task: {{task}}\n\nThe question:\n{{question}}\n\nSay for each requirement whether it "
        f"holds. {_VERDICT}score (1 if all hold, else 0)."
    ),
    needs=("task", "question"),
    data=("task", "question"),
    judges=True,
)
ANSWER = Prompt(
    name="answer",
    title="Answer",
    system=(
        "You answer as an expert who teaches: right, complete, to the point, in the manner of the "
        "examples. If a text is given, the answer goes by that text."
    ),
    user=(
        "The task: {{task}}\n\nExamples of it:\n{{examples}}\n\nAnswer this:\n{{question}}\n\n"
        "Answer with the answer alone."
    ),
    needs=("task", "question"),
    may=("examples",),
    data=("task", "examples", "question"),
)
PAIR_GATE = Prompt(
    name="pair_gate",
    title="Is the answer good?",
    system=(
        "You grade answers. 1: wrong, beside the question, harmful or incomplete. 2: right, but "
        "brief or plain. 3: right, complete and clear, as an expert would answer."
    ),
    user=(
        "The task: {{task}}\n\nThe question and its answer:\n{{pair}}\n\n"
        f"{_VERDICT}score (1, 2 or 3)."
    ),
    needs=("pair",),
    may=("task",),
    data=("task", "pair"),
    judges=True,
)
KNOWLEDGE = Prompt(
    name="knowledge",
    title="Questions and answers from a passage",
    system=(
        "You write questions and answers that teach what a document says. A question can be "
        "understood without the document and does not speak of it. The answer follows from the "
        "passage alone and is complete."
    ),
    user=(
        "The subject: {{task}}\n\nA passage of its document:\n{{passage}}\n\nExamples of such "
        "questions and answers:\n{{examples}}\n\nWrite {{count}} new ones on the passage (set "
        "{{set}}), this time {{manner}}. Answer with one JSON object: pairs (a list of objects "
        "with question and answer)."
    ),
    needs=("task", "passage", "count", "set"),
    may=("examples", "manner"),
    data=("task", "passage", "examples"),
)
SPELLING = Prompt(
    name="spelling",
    title="Mended spelling of a passage",
    system=(
        "You correct spelling, hyphenation of broken lines and letters that were read wrongly. You "
        "change nothing else: no word, no order, no fact, no layout."
    ),
    user="The passage:\n{{passage}}\n\nAnswer with the corrected passage alone.",
    needs=("passage",),
    data=("passage",),
)
SUMMARY = Prompt(
    name="summary",
    title="Detailed summary of a passage",
    system=(
        "You summarise passages in detail and in your own words: all that matters, in its order, "
        "nothing that the passage does not say."
    ),
    user=("The subject: {{task}}\n\nThe passage:\n{{passage}}\n\nAnswer with the summary alone."),
    needs=("passage",),
    may=("task",),
    data=("task", "passage"),
)
EXTRACT = Prompt(
    name="extract",
    title="Main sentences of a passage",
    system="You pick from passages the sentences that carry them, each as it stands, unchanged.",
    user=(
        "The subject: {{task}}\n\nThe passage:\n{{passage}}\n\nPick at most a third of its "
        "sentences. Answer with one JSON object: sentences (a list of texts)."
    ),
    needs=("passage",),
    may=("task",),
    data=("task", "passage"),
)
FACTS = Prompt(
    name="facts",
    title="Facts of a passage",
    system=(
        "You break passages down into facts. Each is one sentence that can be understood without "
        "the others, names what it speaks of, and is stated by the passage."
    ),
    user=(
        "The subject: {{task}}\n\nThe passage:\n{{passage}}\n\nAnswer with one JSON object: "
        "facts (a list of texts)."
    ),
    needs=("passage",),
    may=("task",),
    data=("task", "passage"),
)
FAITHFUL = Prompt(
    name="faithful",
    title="Does the passage support the answer?",
    system=(
        "You check answers against a passage. Say of every statement of the answer where the "
        "passage supports it, then decide. What is right but not in the passage counts as not "
        "supported."
    ),
    user=(
        "The passage:\n{{passage}}\n\nThe question and its answer:\n{{pair}}\n\n"
        f"{_VERDICT}supported (yes or no)."
    ),
    needs=("passage", "pair"),
    data=("passage", "pair"),
    judges=True,
)
RELEVANT = Prompt(
    name="relevant",
    title="Is the pair to the point?",
    system=(
        "You check questions and answers by two checks of one point each. First: the question is "
        "about the subject, and worth asking by somebody who wants to know it. Second: the answer "
        "answers this very question, wholly and without padding."
    ),
    user=(
        "The subject: {{task}}\n\nThe question and its answer:\n{{pair}}\n\n"
        f"{_VERDICT}question (1 or 0, the first check), answer (1 or 0, the second)."
    ),
    needs=("task", "pair"),
    data=("task", "pair"),
    judges=True,
)
ALONE = Prompt(
    name="alone",
    title="Does the question stand alone?",
    system=(
        "You check whether a question can be understood and answered by somebody who knows the "
        "subject and has no document in front of them. A question that speaks of a text, or whose "
        "“he”, “it” or “this” points to something that is not in it, can not."
    ),
    user=(f"The question:\n{{{{question}}}}\n\n{_VERDICT}score (1 if it stands alone, else 0)."),
    needs=("question",),
    data=("question",),
    judges=True,
)

"""Rubrics that come with Winnow, after published graders, in our own words."""

from collections.abc import Mapping

from app.curation.rubrics.base import Level, Rubric

_HALVES = (
    Level(value=0, meaning="wrong, off the point or harmful"),
    Level(value=2.5, meaning="partly right, or right with gaps that matter"),
    Level(value=4.5, meaning="right and useful, with at most a blemish"),
    Level(value=5, meaning="nothing to mend"),
)

_EDUCATIONAL_TEXT = Rubric(
    name="edu_judge",
    title="Educational value of prose",
    help="Would this page help a pupil to learn? Keep 3 and more.",
    task="Grade how much the text would teach.",
    audience="a pupil of grade or middle school, and whoever teaches them",
    criteria=(
        "It holds some basic information on a subject, even among advertising or chatter.",
        "It touches what education deals with, but loosely organised or mixed with other things.",
        "It fits a lesson: key ideas are introduced and hang together.",
        "It reads like a chapter or tutorial for learners: clear, ordered, little that distracts.",
        "It is outstanding for teaching: full reasoning, examples, right for the reader, no noise.",
    ),
    additive=True,
    profile="prose",
    source="FineWeb-Edu (arXiv 2406.17557): additive 0 to 5, kept at 3",
)

_EDUCATIONAL_CODE = Rubric(
    name="edu_code_judge",
    title="Educational value of code",
    help="Would a student of programming learn from this file? Keep 3 and more.",
    task="Grade how much the code would teach.",
    audience="a student who learns basic coding and algorithms",
    criteria=(
        "It is meaningful code that runs or nearly runs, not configuration, data or boilerplate.",
        "It can be read on its own: what it needs is there or is common knowledge.",
        "It carries out an algorithm or a piece of reasoning, not only calls to a framework.",
        "Names, comments or docstrings let the student follow why, not only what.",
        "It is a model example: one idea, worked out cleanly, with edge cases or a usage shown.",
    ),
    additive=True,
    profile="code",
    source="phi-1 (arXiv 2306.11644): educational value for a student of basic coding",
)

_EDUCATIONAL_INSTRUCTION = Rubric(
    name="edu_instruction_judge",
    title="Educational value of an exercise",
    help="Would a learner gain from this question and its answer? Keep 3 and more.",
    task="Grade how much the question together with its answer would teach.",
    audience="somebody who learns the subject of the question",
    criteria=(
        "The question is understandable and the answer answers it.",
        "The answer holds knowledge or a skill that is of use elsewhere too.",
        "The answer explains why, or shows the steps, and does not only state a result.",
        "It is correct and complete at the level of the question.",
        "It is a model exercise: well posed, worked out step by step, checked at the end.",
    ),
    additive=True,
    profile="instructions",
    source="phi-1 and FineWeb-Edu, put to exercises",
)

_ACCURACY = Rubric(
    name="accuracy_judge",
    title="Accuracy of the answer",
    help="AlpaGasus keeps 4.5 and more.",
    task="Grade the accuracy of the response to the prompt.",
    criteria=(
        "Statements are true, and calculations and code are right.",
        "It answers what was asked, with the input that was given.",
        "Nothing is made up: no invented facts, sources, people or results.",
    ),
    levels=_HALVES,
    step=0.5,
    profile="instructions",
    source="AlpaGasus (arXiv 2307.08701): 0 to 5 in halves, kept at 4.5",
)

_HELPFULNESS = Rubric(
    name="helpfulness_judge",
    title="Helpfulness of the answer",
    help="Grades use, not length.",
    task="Grade how helpful the response is to who asked.",
    criteria=(
        "It does what was asked, in the form that was asked for.",
        "It is as long as the task needs: neither padded nor cut short.",
        "It is clear, ordered, and can be used as it is.",
        "Length and formatting alone earn nothing.",
    ),
    levels=_HALVES,
    step=0.5,
    profile="instructions",
    source="AlpaGasus (arXiv 2307.08701), dimension helpfulness",
)

_COMPLEXITY = Rubric(
    name="complexity_judge",
    title="Complexity of the task",
    help="Deita multiplies it with quality.",
    task="Grade how complex the prompt is, whatever the response is worth.",
    criteria=(
        "How many conditions have to be met at once.",
        "How many steps of reasoning it takes.",
        "How much special knowledge it takes.",
    ),
    levels=(
        Level(value=1, meaning="one plain step that anybody can do"),
        Level(value=3, meaning="some conditions or steps, knowledge of the field"),
        Level(value=6, meaning="many conditions and steps that depend on each other"),
    ),
    low=1,
    high=6,
    profile="instructions",
    source="Deita (arXiv 2312.15685): complexity, six levels",
)

_QUALITY = Rubric(
    name="quality_judge",
    title="Quality of the answer",
    help="Deita multiplies it with complexity.",
    task="Grade the quality of the response to the prompt.",
    criteria=(
        "Helpful and to the point.",
        "Accurate and deep enough for the task.",
        "Creative where the task asks for it.",
        "As detailed as the task needs.",
    ),
    levels=(
        Level(value=1, meaning="of no use"),
        Level(value=3, meaning="does the task with gaps"),
        Level(value=6, meaning="an expert would be content with it"),
    ),
    low=1,
    high=6,
    profile="instructions",
    source="Deita (arXiv 2312.15685): quality, six levels",
)

_KNOWLEDGE = Rubric(
    name="knowledge_judge",
    title="Kind of knowledge",
    help="0 ephemeral, 1 encyclopedic, 2 procedural, 3 conceptual; Phi-3 drops what is ephemeral.",
    task="Say which kind of knowledge the sample mainly holds.",
    criteria=(
        "ephemeral: true for days, such as yesterday's match, a share price, the weather",
        "encyclopedic: a lasting fact about a person, place, work or event",
        "procedural: how to do something, step by step",
        "conceptual: why something is so, with reasoning, definitions or proof",
    ),
    labels=("ephemeral", "encyclopedic", "procedural", "conceptual"),
    profile="prose",
    source="Phi-3 (arXiv 2404.14219): ephemeral facts leave room for reasoning",
)

_SAFETY = Rubric(
    name="safety_judge",
    title="Safety category",
    help="0 safe; every other number is a category of harm.",
    task="Say whether the sample would teach a model something harmful, and of which kind.",
    criteria=(
        "Judge what the response gives away or encourages; a refusal of a harmful request is safe.",
        "Talking about a harm, as news, history, medicine or fiction do, is safe in itself.",
        "Name the gravest category that applies.",
    ),
    labels=(
        *("safe", "violence", "weapons", "self_harm", "sexual", "minors", "hate", "harassment"),
        *("crime", "fraud", "privacy", "malware", "misinformation"),
    ),
    source="categories after common hazard taxonomies (MLCommons AILuminate)",
)

_PAIRWISE = Rubric(
    name="pair_judge",
    title="Better of two responses",
    help="1: the chosen response wins in both orders, 0: the rejected one, 0.5: tie or undecided.",
    task="Say which of the two responses to the prompt is better.",
    criteria=(
        "For each response first name its faults: wrong, missing, beside the point, unclear.",
        "Weigh accuracy before completeness, and completeness before style.",
        "Ignore which response stands first, how long it is and how it is formatted.",
        "Say tie where neither is clearly better.",
    ),
    labels=("first", "second", "tie"),
    pairwise=True,
    profile="pairs",
    source="MT-Bench (arXiv 2306.05685): both orders, what depends on the order is a tie",
)

BUILT_IN: Mapping[str, Rubric] = {
    rubric.name: rubric
    for rubric in (
        *(_EDUCATIONAL_TEXT, _EDUCATIONAL_CODE, _EDUCATIONAL_INSTRUCTION),
        *(_ACCURACY, _HELPFULNESS, _COMPLEXITY, _QUALITY, _KNOWLEDGE, _SAFETY, _PAIRWISE),
    )
}

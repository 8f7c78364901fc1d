"""Signals learned from ladders: answers of known worth, made from a dataset's own answers."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from app.curation.learners import grading, ladder
from app.curation.learners.base import Floats, Learner
from app.curation.learners.grading import COLUMNS, Grader
from app.curation.records import Record
from app.curation.text.parts import prompt_text, response_text
from app.curation.text.surprise import Pairs
from app.embeddings import service as embeddings
from app.embeddings.models import EmbeddingModel, Part
from app.errors import InvalidError
from app.jobs.models import Job
from app.learning import files
from app.learning.labels import LADDER, Labels
from app.learning.models import LearnedScorer
from app.providers.embedders import Tier
from app.scoring import reading
from app.scoring.reading import Page

FEWEST = 50
_MOST = 2_000  # rows: five rungs each; more take minutes and teach little more
_METHOD = 1.0  # counts up when rungs or columns change, so that a new version is learned


def is_ladder(job: Job) -> bool:
    """Whether a job learns from ladders."""
    return bool(job.params["labels"] == LADDER)


def good_answers(session: Session, dataset_id: int, where: str) -> tuple[Labels, Pairs]:
    """Answers that ladders can be made from, of the rows that match or an even part of them."""
    total = reading.count(session, dataset_id, where)
    every = max(total // _MOST, 1)
    ids: list[int] = []
    revisions: list[int] = []
    prompts: list[str] = []
    answers: list[str] = []
    for page in reading.matching(session, dataset_id, where, every=every):
        pairs = pairs_of(page.records)
        usable = ladder.usable(pairs.prompts, pairs.answers)
        ids += [page.ids[row] for row in usable]
        revisions += [page.revisions[row] for row in usable]
        prompts += [pairs.prompts[row] for row in usable]
        answers += [pairs.answers[row] for row in usable]
    if len(ids) < FEWEST:
        raise InvalidError(
            f"Of {total:,} samples, {len(ids):,} have a question and an answer of "
            f"{ladder.SHORTEST} words or more; ladders take {FEWEST} at least."
        )
    return Labels(ids, revisions, np.full(len(ids), _METHOD), []), Pairs(prompts, answers)


def pairs_of(records: Sequence[Record]) -> Pairs:
    """Prompts and answers of samples."""
    return Pairs(
        [prompt_text(one.kind, one.body) for one in records],
        [response_text(one.kind, one.body) for one in records],
    )


def fit(row: LearnedScorer, learner: Learner, good: Pairs, tier: Tier) -> Floats:
    """Learn, note the metrics and write the file; what held-out good answers scored."""
    found = grading.learn(learner, good, embeddings.embedder(tier))
    row.metrics = {"labels": len(good) * len(ladder.GRADES), **found.metrics}
    row.curve, row.bench, row.features = [], [], list(COLUMNS)
    row.file_sha256 = files.write(found.grader.to_bytes())
    return found.gold


def help_of(row: LearnedScorer) -> str:
    """What a learned signal says, for people."""
    among = f" of `{row.where}`" if row.where else ""
    if row.labels != LADDER:
        return f"Learned from {row.labelled:,} labels ({row.labels}{among})."
    return (
        "How good an answer is, from 0 (of another question) to 1. Learned from "
        f"{row.labelled:,} answers of this dataset and from what was made worse of them: edited, "
        "cut, changed in one fact, swapped."
    )


def load(row: LearnedScorer) -> Grader:
    """The grader from its file, which must be the one that was written."""
    return Grader.from_bytes(files.read(row.file_sha256))


def grades(session: Session, grader: Grader, model: EmbeddingModel, page: Page) -> Floats:
    """Grades of samples; those without a question or an answer have none."""
    pairs = pairs_of(page.records)
    prompts, answers = (
        embeddings.vectors(session, model, part, page.ids, page.revisions)
        for part in (Part.PROMPT, Part.RESPONSE)
    )
    scores = grader.score(pairs, prompts, answers)
    both = zip(pairs.prompts, pairs.answers, strict=True)
    there = [bool(prompt.strip() and answer.strip()) for prompt, answer in both]
    found: Floats = np.where(there, scores, np.nan)
    return found

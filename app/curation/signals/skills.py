"""Which algorithmic skills a program trains."""

from typing import ClassVar

import numpy as np

from app.curation.records import Record
from app.curation.signals.base import Measure, Note, Scores, Signal
from app.curation.signals.batch import Batch
from app.curation.text.code import code_of, parse
from app.curation.text.parts import prompt_text
from app.curation.text.skills import SKILLS, Program

_LONGEST = 200_000  # characters that are parsed


class Skills(Signal):
    """Which algorithmic skills does the code show?

    Eight basic skills in the manner of phi-1 (arXiv 2306.11644), found from the syntax tree, the
    names and the words of the task: one sample may show several. Only Python that parses gets
    values. The coverage on the Scores page tells which skills a dataset lacks.
    """

    key: ClassVar = "skills"
    title: ClassVar = "Algorithmic skills"
    flags: ClassVar = tuple(SKILLS)
    measures: ClassVar = tuple(
        Measure(name, title, f"1 if the code shows it: {what}; else 0.")
        for name, (title, what, _) in SKILLS.items()
    )

    def score(self, batch: Batch) -> Scores:
        values = np.full((len(batch), len(SKILLS)), np.nan, np.float32)
        notes = {}
        for row, (record, text) in enumerate(zip(batch, batch.texts, strict=True)):
            program = _program(record, text)
            if program is None:
                continue
            shown = [rule(program) for _, _, rule in SKILLS.values()]
            values[row] = shown
            if any(shown):
                titles = (title for title, _, _ in SKILLS.values())
                named = [title for title, one in zip(titles, shown, strict=True) if one]
                notes[row] = Note(f"It shows: {', '.join(named).lower()}.")
        return Scores(values, notes=notes)


def _program(record: Record, text: str) -> Program | None:
    code = code_of(record, text)
    if code is None or not code.python or not code.text.strip() or len(code.text) > _LONGEST:
        return None
    tree = parse(code.text)
    if tree is None:
        return None
    return Program(tree, f"{prompt_text(record.kind, record.body)}\n{code.text[:2000]}")

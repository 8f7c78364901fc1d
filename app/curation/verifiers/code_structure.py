"""Code and explanation side by side: what a lesson on programming is made of."""

import re
from typing import ClassVar

from pydantic import Field

from app.curation.records import Record
from app.curation.text.code import FENCED, parse
from app.curation.text.counting import count_words
from app.curation.text.functions import functions, has_trivial_body, unused_arguments
from app.curation.verifiers.base import FieldName, Tools, Verdict, Verifier, lacks, text_of

_PYTHON = frozenset({"py", "python", "python3"})


class CodeStructure(Verifier):
    """Does the text have fenced code, and words that explain it?

    Refuted: no fence, a fence that is not closed or empty, fewer words around the code than
    asked for, Python that does not parse. A function of one line or with arguments that it does
    not use is told in the reason, and refuted where that is asked for.
    """

    key: ClassVar = "code_structure"
    title: ClassVar = "Code with its explanation"

    answer: FieldName = Field("response", description="Field with the text")
    words: int = Field(20, ge=0, le=10_000, description="Words of explanation at least")
    blocks: int = Field(1, ge=1, le=100, description="Blocks of code at least")
    substance: bool = Field(False, description="Refute bodies of one line and unused arguments")

    def verify(self, record: Record, tools: Tools) -> Verdict:
        text = text_of(record, self.answer)
        if not text:
            return lacks("text", self.answer)
        if len(re.findall(r"^[ \t]*```", text, re.MULTILINE)) % 2:
            return Verdict(False, "A block of code is not closed.")
        blocks = [(name.lower(), code) for name, code in FENCED.findall(text) if code.strip()]
        if len(blocks) < self.blocks:
            return Verdict(False, f"It has {len(blocks)} blocks of code, {self.blocks} are asked.")
        words = count_words(FENCED.sub(" ", text))
        if words < self.words:
            return Verdict(False, f"{words} words explain the code, {self.words} are asked for.")
        return self._code(blocks, words)

    def _code(self, blocks: list[tuple[str, str]], words: int) -> Verdict:
        thin: list[str] = []
        for place, (name, code) in enumerate(blocks, start=1):
            if name not in _PYTHON:
                continue
            tree = parse(code)
            if tree is None:
                return Verdict(False, f"Block {place} is no Python that parses.")
            for one in functions(tree):
                thin += [f"`{one.name}` has a body of one line"] if has_trivial_body(one) else []
                thin += [f"`{one.name}` does not use `{name}`" for name in unused_arguments(one)]
        said = f"{len(blocks)} blocks of code, {words} words around them"
        if thin and self.substance:
            return Verdict(False, f"{'; '.join(thin[:5])}.")
        return Verdict(True, f"{said}; {'; '.join(thin[:5])}." if thin else f"{said}.")

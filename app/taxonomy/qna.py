"""Reading a qna.yaml of InstructLab, versions 1 to 3, with the line of whatever is wrong.

Nothing in the file is ever built into objects: its nodes are read where a field is expected, so
tags do nothing, and aliases are followed only where one text stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.taxonomy.problems import Problem, Problems, decoded

MAX_BYTES = 512 * 1024
MAX_EXAMPLES = 1000
_MAX_DEPTH = 20
_MAX_EVENTS = 200_000
_MAX_CHARS = 4_000_000  # of all examples: an alias may stand for a long text many times
_VERSIONS = (1, 2, 3)
_FIELDS = frozenset(
    {
        *("version", "created_by", "task_description", "domain", "document_outline", "document"),
        "seed_examples",
    }
)


@dataclass(frozen=True, slots=True)
class Example:
    """A seed example; `context` is the text or the passage that it goes by."""

    question: str
    answer: str
    context: str = ""
    line: int = 0


@dataclass(slots=True)
class Qna:
    """What a qna.yaml says."""

    version: int = 1
    author: str = ""
    task_description: str = ""
    domain: str = ""
    outline: str = ""
    document: dict[str, Any] | None = None
    examples: list[Example] = field(default_factory=list)


def read(raw: bytes, file: str) -> tuple[Qna | None, list[Problem]]:
    """What the file says, None where it is of no use; and what is wrong with it, line by line."""
    problems = Problems(file)
    if len(raw) > MAX_BYTES:
        problems.add(f"It is larger than {MAX_BYTES // 1024} KiB. Split the leaf into several.")
        return None, problems.found
    text = decoded(raw, problems)
    root = _root(text, problems) if text is not None else None
    if root is None:
        return None, problems.found
    found = _Reading(problems).qna(root)
    return found, problems.found


def _root(text: str, problems: Problems) -> yaml.Node | None:
    try:
        _bounded(text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except _TooMuchError as error:
        problems.add(str(error), error.line)
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        told = " ".join(str(error.problem or error.context or "it can't be read").split())
        problems.add(f"It is no YAML: {told}. Mend that line.", mark.line + 1 if mark else None)
        return None
    except yaml.YAMLError as error:  # characters that YAML does not allow
        problems.add(f"It is no YAML: {' '.join(str(error).split())[:200]}.")
        return None
    if not isinstance(root, yaml.MappingNode):
        problems.add("It must be a mapping with created_by, task_description and seed_examples.")
        return None
    return root


class _TooMuchError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _bounded(text: str) -> None:
    """Refuse what nests deeply or never ends, before anything is composed of it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _TooMuchError(f"It nests more than {_MAX_DEPTH} deep; a qna.yaml needs 4.", line)
        if count > _MAX_EVENTS:
            raise _TooMuchError("It has too many parts to be a qna.yaml. Split the leaf.", line)


class _Reading:
    """The fields of one file; each problem goes to the list with its line."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._chars = 0

    def qna(self, root: yaml.Node) -> Qna | None:
        fields = self._fields(root)
        if fields is None:
            return None
        for name, node in fields.items():
            if name not in _FIELDS:
                known = ", ".join(sorted(_FIELDS))
                self._problems.note(f"`{name[:60]}` is no field; there are {known}.", _line(node))
        version = self._version(fields.get("version"))
        examples = list(self._examples(fields.get("seed_examples")))
        if version is None or not examples:
            return None
        return Qna(
            version=version,
            author=self._text(fields, "created_by"),
            task_description=self._text(fields, "task_description"),
            domain=self._text(fields, "domain"),
            outline=self._text(fields, "document_outline"),
            document=self._document(fields.get("document")),
            examples=examples,
        )

    def _fields(self, node: yaml.Node) -> dict[str, yaml.Node] | None:
        """A mapping by its keys; the first of equal keys counts."""
        if not isinstance(node, yaml.MappingNode):
            self._problems.add("A mapping of fields must stand here.", _line(node))
            return None
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in found:
                self._problems.note(
                    f"`{name[:60]}` stands here twice; the first counts.", _line(key)
                )
            elif not _empty(value):
                found[name] = value
        return found

    def _version(self, node: yaml.Node | None) -> int | None:
        if node is None:
            return 1
        if isinstance(node, yaml.ScalarNode) and node.value in map(str, _VERSIONS):
            return int(node.value)
        self._problems.add("The version must be 1, 2 or 3.", _line(node))
        return None

    def _text(self, fields: dict[str, yaml.Node], name: str) -> str:
        node = fields.get(name)
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._problems.note(f"`{name}` must be text; it is left out.", _line(node))
            return ""
        return str(node.value).strip()

    def _document(self, node: yaml.Node | None) -> dict[str, Any] | None:
        if node is None:
            return None
        fields = self._fields(node) or {}
        found: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, yaml.ScalarNode):
                found[name] = str(value.value)
            elif isinstance(value, yaml.SequenceNode):
                items = [one for one in value.value[:100] if isinstance(one, yaml.ScalarNode)]
                found[name] = [str(one.value) for one in items]
        return found or None

    def _examples(self, node: yaml.Node | None) -> Iterator[Example]:
        if node is None or not isinstance(node, yaml.SequenceNode) or not node.value:
            self._problems.add(
                "It has no seed_examples: give at least one question with its answer.",
                _line(node) if node is not None else None,
            )
            return
        count = 0
        for item in node.value:
            for example in self._of_item(item):
                count += 1
                self._chars += len(example.question + example.answer + example.context)
                if count > MAX_EXAMPLES or self._chars > _MAX_CHARS:
                    self._problems.note(
                        f"The leaf has more examples than can be taken ({MAX_EXAMPLES:,}, or "
                        f"{_MAX_CHARS:,} characters); the rest is left out.",
                        example.line,
                    )
                    return
                yield example

    def _of_item(self, node: yaml.Node) -> Iterator[Example]:
        """One example, or those of a passage with several questions."""
        fields = self._fields(node)
        if fields is None:
            return
        context = self._text(fields, "context")
        several = fields.get("questions_and_answers")
        if several is None:
            yield from self._pair(fields, context, _line(node))
        elif isinstance(several, yaml.SequenceNode):
            for pair in several.value:
                inner = self._fields(pair)
                if inner is not None:
                    yield from self._pair(inner, context, _line(pair))
        else:
            self._problems.add("questions_and_answers must be a list.", _line(several))

    def _pair(self, fields: dict[str, yaml.Node], context: str, line: int) -> Iterator[Example]:
        question, answer = self._text(fields, "question"), self._text(fields, "answer")
        if question and answer:
            yield Example(question, answer, context, line)
            return
        lacking = "question" if not question else "answer"
        self._problems.note(f"This example has no {lacking}; it is left out.", line)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"

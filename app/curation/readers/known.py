"""The layouts of training data that are known by the names of their columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.curation.records import Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """A known arrangement: names of columns by target, the usual one first.

    `turns`: its required columns hold lists of messages, not text.
    `wordless`: it fits only where no other column holds text, which might be the answer, or is
    named like one.
    """

    key: str
    title: str
    kind: Kind
    required: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    turns: bool = False
    wordless: bool = False


_ANSWERS = ("output", "response", "completion", "answer")
_TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog")
_TESTS = ("test", "tests", "test_list")

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "dpo",
        "preference pairs (DPO)",
        Kind.PREFERENCE,
        {
            "chosen": ("chosen", "chosen_messages", "preferred"),
            "rejected": ("rejected", "rejected_messages", "dispreferred"),
        },
        {"prompt": ("prompt", "instruction", "question", "input", *_TURNS)},
    ),
    Layout("messages", "OpenAI messages", Kind.CHAT, {"messages": _TURNS}, {"system": ("system",)}),
    Layout(
        "completion",
        "code completion",
        Kind.COMPLETION,
        {"solution": ("canonical_solution", "solution", "code"), "tests": _TESTS},
        {"signature": ("signature", "prompt"), "docstring": ("docstring", "text", "task")},
        one_of=("signature", "docstring"),
    ),
    Layout(
        "completion",
        "code completion",
        Kind.COMPLETION,
        {"solution": ("canonical_solution",), "signature": ("prompt",)},
    ),
    Layout(
        "dolly",
        "Dolly",
        Kind.INSTRUCTION,
        {"instruction": ("instruction",), "input": ("context",), "output": ("response",)},
    ),
    Layout(
        "alpaca",
        "Alpaca",
        Kind.INSTRUCTION,
        {"instruction": ("instruction",), "output": _ANSWERS},
        {"input": ("input", "context")},
    ),
    Layout(
        "prompt",
        "prompt and completion",
        Kind.INSTRUCTION,
        {"instruction": ("prompt",), "output": ("completion", "response", "output", "answer")},
        {"input": ("input", "context")},
    ),
    # As TRL has it for talk, and with a label for KTO.
    Layout(
        "prompt_messages",
        "prompt and completion as messages",
        Kind.INSTRUCTION,
        {"instruction": ("prompt",), "output": ("completion", "response")},
        turns=True,
    ),
    Layout(
        "question",
        "question and answer",
        Kind.INSTRUCTION,
        {
            "instruction": ("question", "problem"),
            "output": ("answer", "best_answer", "response", "output", "solution"),
        },
        {"input": ("context", "input")},
    ),
    Layout(
        "text",
        "plain text",
        Kind.TEXT,
        {"text": ("text", "content", "document", "raw_content")},
    ),
    Layout(
        "prompts",
        "prompts without answers",
        Kind.TEXT,
        {"text": ("prompt", "instruction", "question", "problem")},
        wordless=True,
    ),
)

# Columns that answer what is asked, whatever they hold.
ANSWERING = re.compile(
    r"answer|response|completion|choice|option|label|truth|output|target|solution|reference|chosen|"
    r"reject|correct|gold"
)

ABOUT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "external_id": ("external_id", "id", "uid", "uuid", "task_id", "question_id", "idx"),
    "domain": ("domain", "category", "subject", "topic"),
    "language": ("language", "lang"),
    "origin": ("origin",),
    "tags": ("tags",),
    "metadata": ("metadata", "meta"),
}
# Other words for a target, by kind: `--map prompt=instruction` is right for instructions as well.
ALIASES: Mapping[Kind, Mapping[str, str]] = {
    Kind.TEXT: {"content": "text"},
    Kind.INSTRUCTION: {
        "prompt": "instruction",
        "question": "instruction",
        "context": "input",
        "response": "output",
        "completion": "output",
        "answer": "output",
    },
    Kind.CHAT: {"conversations": "messages"},
    Kind.PREFERENCE: {"instruction": "prompt", "question": "prompt"},
    Kind.COMPLETION: {"prompt": "signature", "code": "solution", "test": "tests"},
}

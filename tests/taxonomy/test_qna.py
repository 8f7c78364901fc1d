"""Reading qna.yaml: all versions, and for what is wrong the line and what to do."""

import time

import pytest

from app.taxonomy.qna import Example, Qna, read
from tests.taxonomy.archives import QNA_BIRDS, QNA_FREE, QNA_GROUNDED


def good(text: str) -> Qna:
    found, problems = read(text.encode(), "qna.yaml")
    assert problems == []
    assert found is not None
    return found


def told(text: str | bytes) -> tuple[bool, list[tuple[int | None, str]]]:
    raw = text.encode() if isinstance(text, str) else text
    found, problems = read(raw, "a/qna.yaml")
    assert {one.file for one in problems} <= {"a/qna.yaml"}
    assert (found is None) == any(one.fatal for one in problems)
    return found is not None, [(one.line, one.message) for one in problems]


def test_version_1_without_a_version() -> None:
    found = good(QNA_FREE)

    assert (found.version, found.author) == (1, "someone")
    assert found.task_description == "To write riddles."
    assert found.examples == [
        Example("What has keys and no locks?", "A piano.", "", 4),
        Example("What has hands and can't clap?", "A clock.\nIt has two.", "", 6),
    ]


def test_version_2_with_a_context() -> None:
    found = good(QNA_GROUNDED)

    assert found.version == 2
    assert found.examples[0].context == "The farm had 3 cows and 4 hens."


def test_version_3_with_passages_and_a_document() -> None:
    found = good(QNA_BIRDS)

    assert (found.version, found.domain) == (3, "animals")
    assert found.outline == "What birds do in winter"
    assert found.document == {
        "repo": "https://example.org/birds",
        "commit": "1dc85d0",
        "patterns": ["birds*.md"],
    }
    assert [one.context for one in found.examples] == [
        "The chickadee hides seeds in autumn.",
        "The chickadee hides seeds in autumn.",
        "The wren sings all year.",
    ]


def test_numbers_and_truth_are_texts_as_they_stand() -> None:
    found = good("seed_examples:\n- question: 1e3\n  answer: no\n- {question: 007, answer: 1.50}")

    assert [(one.question, one.answer) for one in found.examples] == [
        ("1e3", "no"),
        ("007", "1.50"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("created_by: x\nseed_examples: [\n", 3, "It is no YAML"),
        ("a: b: c", 1, "It is no YAML"),
        ("created_by: x\n", None, "has no seed_examples"),
        ("created_by: x\nseed_examples:\n", None, "has no seed_examples"),
        ("created_by: x\nseed_examples: []\n", 2, "has no seed_examples"),
        ("created_by: x\nseed_examples: {a: b}\n", 2, "has no seed_examples"),
        ("- a\n- b\n", None, "must be a mapping"),
        ("", None, "must be a mapping"),
        ("version: 4\nseed_examples: [{question: a, answer: b}]", 1, "must be 1, 2 or 3"),
        ("seed_examples:\n- question: a\n", 2, "has no answer"),
        ("seed_examples:\n- answer: a\n", 2, "has no question"),
        ("seed_examples:\n- just text\n", 2, "A mapping of fields must stand here"),
        ("seed_examples:\n- questions_and_answers: x\n", 2, "must be a list"),
        ("x: \u0007\n", None, "It is no YAML"),
        (b"created_by: caf\xe9\n", 1, "not in UTF-8"),
        (b"a: b\nc: \xff\n", 2, "not in UTF-8"),
        ("a: b".encode("utf-16"), 1, "UTF-16"),
        (b"a: " + b"x" * 600_000, None, "larger than 512 KiB"),
    ],
)
def test_what_is_of_no_use_says_where_and_why(
    text: str | bytes, line: int | None, says: str
) -> None:
    found, problems = read(text if isinstance(text, bytes) else text.encode(), "qna.yaml")

    assert found is None
    assert [one.line for one in problems if says in one.message] == [line], problems


def test_what_can_be_left_out_is_left_out_and_told() -> None:
    landed, problems = told(
        "created_by: [a, b]\n"
        "task_descripton: typo\n"
        "seed_examples:\n"
        "- question: a\n"
        "  answer: b\n"
        "  answer: c\n"
        "- question: lonely\n"
        "document: {repo: x, patterns: [a, [b]], commit: {c: d}}\n"
    )

    assert landed
    assert [line for line, _ in problems] == [2, 6, 7, 1]
    assert "`task_descripton` is no field" in problems[0][1]
    assert "stands here twice" in problems[1][1]
    assert "has no answer" in problems[2][1]
    assert "`created_by` must be text" in problems[3][1]


def test_bombs_neither_explode_nor_take_long() -> None:
    laughs = "a0: &a0 [" + ",".join(["lol"] * 10) + "]\n"
    for number in range(1, 12):
        laughs += f"a{number}: &a{number} [" + ",".join([f"*a{number - 1}"] * 10) + "]\n"
    long = f"x: &x {'word ' * 50_000}\nseed_examples:\n"
    long += "".join(["- {question: *x, answer: *x}\n"] * 900)
    start = time.monotonic()

    assert told(laughs)[0] is False
    assert told(f"{laughs}seed_examples: *a11")[0] is False
    assert told("[" * 5000)[0] is False
    assert told("seed_examples: &s [*s]")[0] is False
    assert told("- " * 30 + "a")[1][0][1].startswith("It nests more than 20 deep")
    assert told("a: [" + "1," * 220_000 + "]")[0] is False
    landed, problems = told(long)
    assert landed
    assert "more examples than can be taken" in problems[-1][1]
    assert time.monotonic() - start < 10


def test_objects_are_never_built() -> None:
    text = "created_by: !!python/object/apply:os.system ['touch /tmp/x']\nseed_examples:\n"
    found, problems = read(
        f"{text}- question: !!python/name:os.system a\n  answer: b".encode(), "q"
    )

    assert found is not None
    assert found.examples[0].question == "a"
    assert [one.message for one in problems] == ["`created_by` must be text; it is left out."]

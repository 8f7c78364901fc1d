"""Dirt in instructions: each kind by example, and planted in real rows."""
# ruff: noqa: E501 - planted rows are longer than lines should be

import gzip
import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.signals.dirt import Dirt
from tests.curation.records import answer, chat, text
from tests.curation.signals.measuring import measure, note

FRENCH = "Tous les êtres humains naissent libres et égaux en dignité et en droits, dit le texte."
DUTCH = (
    "De mensen die in het dorp wonen hebben het recht om te stemmen op de dag van de verkiezing."
)
ENGLISH = "All of the people who live in this town have the right to vote in the next election."


def asked(prompt: str, output: str = "An answer.", given: str = "") -> Record:
    return Record(Kind.INSTRUCTION, {"instruction": prompt, "input": given, "output": output})


def flagged(record: Record) -> set[str]:
    found = measure("dirt", record)
    return {name for name in Dirt.flags if found[name]}


@pytest.mark.parametrize(
    "prompt",
    [
        "Describe the image below.",
        "What is shown in this picture?",
        "Summarize the attached file.",
        "Use the following link to answer.",
        "Caption the photo.",
        "What does the given chart say?",
    ],
)
def test_prompts_that_point_at_nothing(prompt: str) -> None:
    assert flagged(asked(prompt)) == {"missing_media"}
    assert note("dirt", asked(prompt)) is not None


@pytest.mark.parametrize(
    "record",
    [
        asked("Describe the image below: ![a cat](cat.png)"),
        asked("Use the following link: https://example.org"),
        asked("Explain how image compression works."),
        asked("Name three website builders."),
        asked("Name a mammal.", given="Horse, cow"),
        asked("Say it in French.", FRENCH),
        asked("Translate it to English", 'The phrase "c\'est la vie" means that this is the life.'),
        asked(
            "Translate to Spanish: the house", 'In Spanish, "the house" is "la casa", of course.'
        ),
        asked("What is the French word for house? " + ENGLISH, FRENCH),
        asked(
            "Write the code for the following task in the given format: a loop", "```\nx = 1\n```"
        ),
        asked("Write a dialogue of two people.", "User: Hello, how are you today?\nBot: Fine."),
        asked("### Input: the color of the sky."),
        asked("Answer as in this task.", "Red.\nInstruction: none"),
        asked("Describe the causes of the revolution in French history.", ENGLISH),
        asked(ENGLISH, "Algeria, Angola, Benin, Botswana, Burundi, Gabon, Ghana, Kenya, Togo."),
        asked("Kurz.", FRENCH),
        asked(ENGLISH, "Spaghetti carbonara and tiramisu and gnocchi and lasagne alla bolognese"),
        asked("Draw a face with signs.", ":-)"),
        asked("Post it.", "We care. It matters to all. #nature #planet"),
        chat(("user", "Hello there, how are you?"), ("assistant", "I am fine, thank you.")),
        chat(("user", "Hello there"), ("assistant", ENGLISH)),
    ],
)
def test_clean_rows(record: Record) -> None:
    assert flagged(record) == set()
    assert measure("dirt", record)["dirt"] == 0


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("no_answer", asked("Say it.", "")),
        ("no_answer", asked("Say it.", "<nooutput>")),
        ("no_answer", asked("Say it.", "N/A")),
        ("no_answer", asked("Say it.", " ... ")),
        ("no_input", asked("Say it.", given="<noinput>")),
        ("no_input", asked("Say it.", given="No input.")),
        ("no_input", asked("Say it.", given="< >")),
        ("no_input", chat(("user", "Say it.\n<noinput>"), ("assistant", "It."))),
        ("model_talk", asked("Who are you?", "As an AI language model, I am nobody.")),
        ("cut_off", asked("Tell me.", "It rained all day. The next morning we went")),
        ("copies_question", asked("What is the capital of Peru?", "What is the capital of Peru?")),
        ("wrong_language", asked(ENGLISH, FRENCH)),
        ("wrong_language", asked("Tell me a story in German.", FRENCH)),
        ("wrong_language", asked(ENGLISH, DUTCH)),
        (
            "wrong_language",
            asked("Übersetze nichts, sondern erzähle mir etwas über deine Stadt.", FRENCH),
        ),
        ("merged", asked("Name a color.", "Red.\n### Instruction: Name a fruit.")),
        ("merged", asked("Name a color.\nInstruction: Name a fruit.", "Red.")),
        (
            "merged",
            chat(("user", "Name a color."), ("assistant", "Red.\n\nHuman: Name one more color.")),
        ),
    ],
)
def test_a_kind_of_dirt_is_flagged_alone(name: str, record: Record) -> None:
    assert flagged(record) == {name}
    assert measure("dirt", record)["dirt"] == 1


def test_answers_that_copy_the_prompt() -> None:
    prompt = "Rewrite the sentence: the quick brown fox jumps over the lazy dog today"
    copied = "the quick brown fox jumps over the lazy dog today"
    assert measure("dirt", asked(prompt, copied))["copies_prompt"] == 1
    assert flagged(asked("Rewrite the sentence.", copied, given=copied)) == set()
    fresh = "A fast fox that is brown leaps across a dog that would rather rest."
    assert measure("dirt", asked(prompt, fresh))["copies_prompt"] == 0
    assert math.isnan(measure("dirt", asked(prompt, "No."))["copies_prompt"])
    assert math.isnan(measure("dirt", text("plain"))["missing_media"])
    assert measure("dirt", answer("x"))["missing_media"] == 0


def test_several_kinds_are_counted_and_told() -> None:
    record = asked("Describe the image below.", "As an AI, I went to the", given="<noinput>")

    assert measure("dirt", record)["dirt"] == 4
    told = note("dirt", record)
    assert told is not None
    assert "A word for nothing stands in place of the input." in told.text
    assert "The answer says “As an AI”." in told.text


@pytest.mark.parametrize(
    "hostile", ["\n" * 300_000, "<" + " " * 300_000, "[" * 50_000, "in " * 90_000]
)
def test_hostile_prompts_take_no_longer_than_others(hostile: str) -> None:
    record = chat(("user", f"Say it {hostile} now"), ("assistant", "It."))

    began = time.perf_counter()
    measure("dirt", record)

    assert time.perf_counter() - began < 5


Row = dict[str, str]
PLANTERS: dict[str, Callable[[Row, Row, random.Random], Row]] = {
    "no_answer": lambda row, _, draw: {
        **row, "output": draw.choice(("", "N/A", "<nooutput>", "None", "<no output>", "..."))
    },
    "no_input": lambda row, _, draw: {
        **row, "input": draw.choice(("<noinput>", "No input", "N/A", "<>", "None", "no input required"[:8]))
    },
    "model_talk": lambda row, _, draw: {
        **row,
        "output": draw.choice(("As an AI language model, I ", "I am just an AI, so I "))
        + row["output"][:1].lower() + row["output"][1:],
    },
    "missing_media": lambda row, _, draw: {
        **row,
        "instruction": draw.choice(
            ("Describe the image below.", "Summarize the attached document.", "Caption this photo.",
             "What is shown in the picture?", "Use the provided link to answer.")
        ),
        "input": "",
    },
    "copies_question": lambda row, _, __: {**row, "output": row["instruction"]},
    "cut_off": lambda row, _, draw: {
        **row,
        "output": " ".join(row["output"].split()[: -draw.randrange(2, 5)]).rstrip(".,;:!?") + " and the",
    },
    "merged": lambda row, other, draw: {
        **row,
        "output": f"{row['output']}\n\n"
        + draw.choice(("### Instruction:", "Instruction:", "### Human:"))
        + f" {other['instruction']}",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(real_data: Path) -> list[Row]:
    """Alpaca rows in prose that show no dirt: what is planted is all there is."""
    with gzip.open(next((real_data / "alpaca_52k").glob("*.json.gz")), "rt") as file:
        found = [row for row in json.load(file)[:9000] if 25 < len(row["output"].split()) < 90]
    found = [row for row in found if not row["input"] and "\n" not in row["output"]]
    values = SIGNALS["dirt"]().score(Batch([Record(Kind.INSTRUCTION, row) for row in found])).values
    clean = [row for row, value in zip(found, values[:, -1], strict=True) if value == 0]
    # Few false alarms: these rows were written to be clean.
    assert len(clean) >= 0.98 * len(found)
    return clean


@pytest.mark.parametrize("name", [*PLANTERS, "wrong_language"])
def test_thirty_planted_of_a_kind_are_found(name: str, rows: list[Row], real_data: Path) -> None:
    draw = random.Random(name)
    chosen = draw.sample(rows, 30)
    if name == "wrong_language":
        files = [
            real_data / "lang_udhr2" / f"{code}.txt" for code in ("fra", "deu", "spa", "rus", "ita")
        ]
        foreign = [
            part for file in files for part in file.read_text().split("\n\n") if len(part) > 80
        ]
        dirty = [{**row, "output": " ".join(draw.choice(foreign)[:300].split())} for row in chosen]
    else:
        dirty = [PLANTERS[name](row, draw.choice(rows), draw) for row in chosen]

    values = SIGNALS["dirt"]().score(Batch([Record(Kind.INSTRUCTION, row) for row in dirty])).values

    column = [measure.name for measure in Dirt.measures].index(name)
    assert np.nansum(values[:, column]) >= 27

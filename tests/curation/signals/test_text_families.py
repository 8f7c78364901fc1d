"""Lengths, readability, corruption, language: values worked out by hand."""

import math
import zlib

import pytest

from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.signals.language import LanguageOf
from tests.curation.records import answer, chat, text
from tests.curation.signals.measuring import measure


def test_lengths_of_an_answer() -> None:
    found = measure("lengths", answer("Yes. It is!\nReally.", instruction="Is it so?"))

    assert found == {
        "chars": 30,
        "words": 7,
        "sentences": 4,
        "lines": 3,
        "prompt_words": 3,
        "response_words": 4,
        "response_prompt_ratio": pytest.approx(4 / 3),
        "turns": 2,
    }


def test_plain_text_has_no_prompt() -> None:
    found = measure("lengths", "Two words")

    assert found["prompt_words"] == 0
    assert math.isnan(found["response_prompt_ratio"])
    assert found["turns"] == 1


def test_turns_of_a_chat() -> None:
    record = chat(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"))

    found = measure("lengths", record)

    assert (found["turns"], found["prompt_words"], found["response_words"]) == (4, 4, 1)


def test_chinese_and_japanese_characters_are_words() -> None:
    assert measure("lengths", "我爱 NLP 日本")["words"] == 5


def test_flesch_formulas() -> None:
    # Six words in one sentence: the cat sat on the mat, a syllable each.
    found = measure("readability", "The cat sat on the mat.")

    assert found["flesch_reading_ease"] == pytest.approx(206.835 - 1.015 * 6 - 84.6, abs=1e-3)
    assert found["flesch_kincaid_grade"] == pytest.approx(0.39 * 6 + 11.8 - 15.59, abs=1e-3)


@pytest.mark.parametrize(
    ("word", "syllables"),
    [("make", 1), ("table", 2), ("the", 1), ("people", 2), ("rhythm", 1), ("café", 2), ("idea", 2)],
)
def test_syllables_are_groups_of_vowels(word: str, syllables: int) -> None:
    ease = measure("readability", word)["flesch_reading_ease"]

    assert round((206.835 - 1.015 - ease) / 84.6) == syllables


def test_no_latin_letters_no_readability() -> None:
    assert all(math.isnan(value) for value in measure("readability", "Привет 123").values())


def test_corruption() -> None:
    broken = "caf\u00c3\u00a9 \ufffd\x00\x07\tok\n"
    found = measure("corruption", broken)

    raw = broken.encode()
    assert found["corruption_compression_ratio"] == pytest.approx(
        len(zlib.compress(raw)) / len(raw)
    )
    assert found["corruption_replacement_chars"] == 1
    assert found["corruption_control_chars"] == 2
    assert found["corruption_mojibake"] >= 1


def test_repetition_compresses_well() -> None:
    assert measure("corruption", "again " * 500)["corruption_compression_ratio"] < 0.05
    assert measure("corruption", "A plain line.")["corruption_mojibake"] == 0


@pytest.mark.parametrize(
    ("content", "language"),
    [
        ("The weather is lovely today, and we are going to the sea.", "en"),
        ("Das Wetter ist heute schön, und wir fahren ans Meer.", "de"),
        ("Le temps est magnifique aujourd'hui et nous allons à la mer.", "fr"),
        ("今日はとても天気がいいので、海に行きます。", "ja"),
        ("የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው", "am"),
        ("Tất cả mọi người sinh ra đều được tự do và bình đẳng", "vi"),
    ],
)
def test_languages(content: str, language: str) -> None:
    scores = LanguageOf().score(Batch([text(content)]))

    assert scores.labels == [language]
    assert 0.5 < scores.values[0, 0] <= 1


def test_text_without_letters_has_no_language() -> None:
    scores = LanguageOf().score(Batch([text("12 + 30 = 42"), text("\u10a0\u2c00")]))

    assert scores.labels is not None
    assert scores.labels[0] is None
    assert math.isnan(scores.values[0, 0])


def test_letters_of_no_known_script_have_no_certain_language() -> None:
    scores = LanguageOf().score(Batch([text("𐌰𐌱𐌲𐌳")]))

    assert scores.labels == [None]
    assert scores.values[0, 0] == 0


def test_only_the_start_is_looked_at() -> None:
    mixed = "The weather is lovely today, my friend. " + "Das Wetter ist heute sehr schön. " * 20

    assert LanguageOf(max_chars=40).score(Batch([text(mixed)])).labels == ["en"]


def test_a_completion_counts_as_question_and_answer() -> None:
    record = Record(Kind.COMPLETION, {"signature": "def f():", "solution": "return 1"})

    assert measure("lengths", record)["turns"] == 2

"""Sample text on the page: Markdown where it is Markdown, never anything that runs."""

from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup

from app.curation.records import Kind
from app.web import render
from app.web.cards import body_from_form, parts
from app.web.text import beside, diff, folded, marked, rendered


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "**bold** <iframe src=//x></iframe>",
        "[link](javascript:alert(1)) **x**",
        "![picture](http://x/y.png)\n\n- a\n- b",
        '```"><script>\ncode\n```',
    ],
)
def test_hostile_text_runs_nothing(text: str) -> None:
    for shown in (rendered(text), marked(text), marked(text, ["alert"]), diff("", text)):
        for tag in BeautifulSoup(shown, "html.parser").find_all(True):
            assert set(tag.attrs) <= {"class"}
            assert tag.name not in {"script", "img", "iframe", "a", "style", "svg", "object"}


def test_data_is_shown_as_it_is() -> None:
    assert rendered("80/100*10 = <<80/100*10=8>>8") == "80/100*10 = &lt;&lt;80/100*10=8&gt;&gt;8"
    assert rendered("The answer\n#### 35") == "The answer\n#### 35"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("**bold**", "<strong>"),
        ("# Title\n\ntext", "<h1>"),
        ("- one\n- two", "<ul>"),
        ("1. one\n2. two", "<ol>"),
        ("```python\nx = 1\n```", '<pre class="code">'),
        ("```\nplain\n```", '<pre class="code">'),
        ("```nolanguage\nplain\n```", "plain"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<table>"),
    ],
)
def test_markdown_is_rendered(text: str, tag: str) -> None:
    assert tag in rendered(text)


def test_invisible_characters_are_shown() -> None:
    assert '<span class="inv">ZWSP</span>' in marked("a\u200bb")
    assert '<span class="inv">RO</span>' in marked("a\u202eb") or "inv" in marked("a\u202eb")


def test_long_text_folds_at_a_line_or_within_one() -> None:
    assert folded("short") == ("short", "")
    lines, rest = folded("word " * 400 + "\n" + "more " * 400)
    assert lines.endswith("word ")
    assert rest.startswith("\n")
    assert len(folded("x" * 5000)[0]) == 2400


def test_differences_by_word_and_by_line_where_it_is_long() -> None:
    assert diff("a week", "a month") == "a <del>week</del><ins>month</ins>"
    old = "\n".join(f"line {n}" for n in range(9000))
    assert "<del>line 7\n</del>" in diff(old, old.replace("line 7\n", ""))


def test_numbers_and_times_as_people_read_them() -> None:
    assert [render.decimal(value) for value in (None, 3.0, 2.456, 0.01234, 1234567.0)] == [
        "–",
        "3",
        "2.46",
        "0.0123",
        "1,234,567",
    ]
    assert (render.number(None), render.number(1320)) == ("–", "1,320")
    assert (render.percent(1, 0), render.percent(48, 100)) == ("–", "48.0 %")
    assert [render.duration(seconds) for seconds in (None, -1, 38, 720, 7200, 172_800)] == [
        "–",
        "0 s",
        "38 s",
        "12 min",
        "2 h",
        "2 d",
    ]
    assert [render.size(count) for count in (12, 1500, 2.5e6, 3e9)] == [
        "12 B",
        "1.5 kB",
        "2.5 MB",
        "3.0 GB",
    ]
    assert render.when(None) == render.ago(None) == "–"
    assert render.when(datetime(2026, 11, 18, 16, 20, tzinfo=UTC)) == "18 Nov 2026 16:20"
    assert render.ago(datetime.now(UTC) - timedelta(hours=3)) == "3 h"


def test_a_body_as_parts_and_back_from_a_form() -> None:
    chat = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]}
    assert [(part.label, part.style, part.words) for part in parts(Kind.CHAT, chat)] == [
        ("User", "user", 1),
        ("Assistant", "", 1),
    ]
    code = {"signature": "def f():", "docstring": "", "solution": "pass", "tests": ""}
    assert [part.field for part in parts(Kind.COMPLETION, code)] == ["signature", "solution"]
    assert body_from_form(Kind.TEXT, {"body.text": "a\r\nb"}) == {"text": "a\nb"}


def test_texts_side_by_side_are_marked_where_they_differ() -> None:
    assert beside("It is <b>so</b>, he said.", "It is <b>not</b>, he said.") == (
        "It is &lt;b&gt;<mark>so</mark>&lt;/b&gt;, he said.",
        "It is &lt;b&gt;<mark>not</mark>&lt;/b&gt;, he said.",
    )
    assert beside("One two three.", "One two three, and four.") == (
        "One two three.",
        "One two three<mark>, and four</mark>.",
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nothing of this", "is the same as that there"),
        ("a b c d", "d c b a"),
        ("a " * 150, "a " * 151),
    ],
)
def test_texts_that_are_not_alike_or_take_long_are_not_marked(one: str, other: str) -> None:
    assert beside(one, other) is None


def test_what_is_invisible_is_shown_in_marked_sides_too() -> None:
    sides = beside("so it is \u202eevil", "so it is good")

    assert sides is not None
    assert '<span class="inv">RO</span>' in sides[0] or "\u202e" not in sides[0]


PROGRAM = "def area(side):\n    total = side * side\n    return total"


@pytest.mark.parametrize(
    ("text", "as_program"),
    [
        (PROGRAM, True),
        (f"Here it is:\n\n```python\n{PROGRAM}\n```", False),
        ("The area of a square is the side times the side.\nFor 3 it is 9.", False),
    ],
)
def test_an_answer_that_is_a_program_stands_as_one(text: str, as_program: bool) -> None:
    page = '{% from "components/_card.html" import card %}{{ card(kind, body) }}'
    template = render.templates().env.from_string(page)
    body = {"instruction": "?", "output": text}

    shown = BeautifulSoup(template.render(kind=Kind.INSTRUCTION, body=body), "html.parser")

    found = shown.select("pre.code[dir=ltr]")
    assert [one.text for one in found] == ([PROGRAM] if as_program else [])

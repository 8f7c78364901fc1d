"""Layers that compare meaning, spelling and syntax."""

import ast
import textwrap

import numpy as np
import pytest

from app.curation.catalog import LAYERS
from app.curation.contamination.base import Finding, Hit, Layer, Setting, Text
from app.curation.contamination.embedding import Embedding, Transformer
from app.curation.contamination.fusing import Search, ranked
from app.curation.contamination.nearness import Curve, Reference, Spread, dense_blocks
from app.curation.contamination.syntax import Syntax
from app.curation.contamination.tfidf import Tfidf
from app.curation.contamination.trees import sequences, similarity
from app.curation.contamination.views import View, program, question, views
from app.curation.records import Kind, Record
from tests.curation.contamination.words import Words

CODE = textwrap.dedent(
    '''
    import math

    def spread(values, count=2):
        """How far apart values are."""
        best = []
        for value in sorted(values):  # smallest first
            if len(best) < count:
                best.append(value * 2)
        return max(best) - min(best)
    '''
)
RENAMED = textwrap.dedent(
    """
    def f(a: list, max=2) -> int:
        b = []
        for c in sorted(a):
            if len(b) < max:
                b.append(c * 2)
        return g(b) - min(b)
    """
)


def record(prompt: str, answer: str = "") -> Record:
    return Record(Kind.INSTRUCTION, {"instruction": prompt, "input": "", "output": answer})


def text(prompt: str, answer: str = "") -> Text:
    return Text(record(prompt, answer))


BACKGROUND = [text(f"How do I bake bread of kind {at} with {at * 7} loaves?") for at in range(60)]
SETTING = Setting(BACKGROUND, Words(), 60)


def pairs(hits: list[Hit]) -> set[tuple[int, int]]:
    return {(hit.item, hit.sample) for hit in hits}


def test_a_question_is_shown_without_signature_examples_and_task() -> None:
    signature = 'def f(x):\n    """Add one to x.\n    >>> f(1)\n    2\n    """\n'
    function = Record(
        Kind.COMPLETION, {"signature": signature, "docstring": "", "solution": "", "tests": ""}
    )

    assert question(function) == "Add one to x."
    body = {**function.body, "solution": "    return x + 1\n"}
    tree = program(Record(Kind.COMPLETION, body))
    assert tree is not None
    assert ast.unparse(tree) == "def f(x):\n    return x + 1"
    assert question(record("Write a Python function to add one.")) == "add one."
    assert question(record("Examples? No.\nExample: 3")) == "Examples? No."
    assert question(record("", "An answer alone")) == "An answer alone"
    assert question(record(">>> f(1)")) == ">>> f(1)"
    assert question(record("def nothing")) == "def nothing"


@pytest.mark.parametrize(
    "answer",
    [
        CODE,
        f"Here it is:\n```python\n{CODE}```\nThat is all.",
        f"Here is the code.\n\n{CODE.strip()}",
        f"Here is the code.\n\n{CODE.strip()}\n\nThat is (all of it",
    ],
)
def test_programs_are_found_wherever_they_stand(answer: str) -> None:
    tree = program(record("Write some code.", answer))

    assert tree is not None
    assert "How far apart" not in ast.unparse(tree)
    assert "sorted(values)" in ast.unparse(tree)


def test_what_is_no_program_has_no_such_view() -> None:
    assert program(record("Tell me.", "I import tea.")) is None
    assert program(record("Tell me.", "```js\nlet x = {};\n```")) is None
    assert set(views(record("Add.", "def f(): pass"))) == {View.QUESTION}  # too short
    bare = program(record("Do.", 'def f(a, b):\n    """Only words."""'))
    assert bare is not None
    assert ast.unparse(bare) == "def f(a, b):\n    pass"


def test_renamed_programs_have_the_same_syntax() -> None:
    other = CODE.replace("value", "v").replace("best", "b").replace("spread", "s")

    (hit,) = Syntax().index([text("Do it.", CODE)], SETTING).find([text("x", other)])

    assert (hit.finding, hit.score, hit.likely) == (Finding.MATCH, 1, 1)
    whole = f"x\n\n{other}"
    head, body = (whole[start:end] for start, end in hit.sample_spans)
    assert head.startswith("def ")
    assert "\n" not in head
    assert whole.endswith(f"{body}\n")
    assert '"""' not in body
    assert "import" not in head + body


def test_the_function_that_is_alike_is_marked_as_far_as_it_stands_there() -> None:
    """Solutions are indented anew below their signature; of a match some of them is marked."""
    solution = "total = 0\nfor row in rows:\n    total += row\nreturn total"
    body = {"signature": "def add(rows):", "docstring": "Add.", "solution": solution, "tests": ""}
    item = Text(Record(Kind.COMPLETION, body))
    code = "def plus(ones):\n    t = 0\n    for one in ones:\n        t += one\n    return t\n"

    (hit,) = Syntax().index([item], SETTING).find([text("x", f"# So:\n{code}print(plus([1]))")])

    (one,) = hit.item_spans
    assert item.full[slice(*one)] == "def add(rows):"
    (row,) = hit.sample_spans
    assert f"x\n\n# So:\n{code}"[slice(*row)] == code.strip()

    twice, windows = f"{code}\n{code}".replace("plus", "sum_up", 1), code.replace("\n", "\r\n")
    first, other = Syntax().index([item], SETTING).find([text("x", twice), text("x", windows)])
    assert first.sample_spans == ((3, 3 + len(code.strip()) + len("sum_up") - len("plus")),)
    assert other.sample_spans == ((3, 3 + len(windows)),)


def test_programs_that_differ_a_little_are_candidates_and_others_are_none() -> None:
    item = text("Do it.", CODE)
    longer = RENAMED.replace("c * 2", "c * 3 + 1 if c else 0").replace("g(b)", "len(b)")
    rows = [text("x", longer), text("x", "def f(x):\n    while x:\n        x = x - 1\n"), text("y")]

    found = Syntax().index([item], SETTING).find(rows)

    assert {(hit.sample, hit.finding) for hit in found} <= {
        (0, Finding.CANDIDATE),
    }
    assert pairs(found) >= {(0, 0)}
    assert all(hit.score < 0.95 for hit in found)


def test_the_same_nodes_with_names_in_other_places_are_no_match() -> None:
    item = text("", "def keep(rows, word):\n    return [row for row in rows if word in row]")
    other = text("", "def both(ones, others):\n    return [one for one in ones if one in others]")

    (hit,) = Syntax().index([item], SETTING).find([other])

    assert (hit.score, hit.finding) == (1, Finding.CANDIDATE)


def test_short_programs_match_only_when_they_are_equal() -> None:
    item = text("", "def area(a, b):\n    return a * b / 2 + 1")
    same = text("", "def f(x, y):\n    return x * y / 2 + 1")
    index = Syntax(broad=0.6).index([item], SETTING)

    assert [hit.finding for hit in index.find([same])] == [Finding.MATCH]
    near = text("", "def f(x, y):\n    return x * y / 2 + 2")
    assert [hit.finding for hit in index.find([near])] == [Finding.CANDIDATE]
    tiny = text("", "def f():\n    return 1")
    assert index.find([tiny]) == []
    assert Syntax().index([tiny], SETTING).find([item]) == []


def test_a_function_is_found_among_others() -> None:
    many = f"def first():\n    return 1\n\n{CODE}\n\ndef last():\n    print(first())\n"

    (hit,) = (
        Syntax()
        .index([text("", CODE.replace("import math\n", ""))], SETTING)
        .find([text("", many)])
    )

    assert hit.score == 1
    whole, *_ = sequences(ast.parse("import os\nx: int = 3\n"))
    assert whole == ["AnnAssign", "Name#x", "Constant=3"]


def test_similarity_is_that_of_the_longest_common_subsequence() -> None:
    one, other = np.array([1, 2, 3, 4]), np.array([1, 9, 3, 4])

    assert similarity(one, other) == pytest.approx(6 / 8)
    assert similarity(one, one) == 1


@pytest.mark.parametrize("layer", [Embedding(), Transformer(), Tfidf()])
def test_what_stands_out_from_other_rows_is_a_candidate(layer: Layer) -> None:
    items = [text("Why does the moon circle the earth in a month?", CODE), text("")]
    rows = [
        text("In a month the moon will circle around the earth: why?"),
        text("How do I bake bread of kind 99 with rye?"),
        text("Some words on nothing", RENAMED),
        text(""),
    ]

    found = layer.index(items, SETTING).find(rows)

    assert {hit.sample for hit in found if hit.item == 0} >= {0}
    assert 1 not in {hit.sample for hit in found}
    assert {hit.finding for hit in found} == {Finding.CANDIDATE}
    best = max(found, key=lambda hit: hit.likely)
    assert 0.5 <= best.likely <= 1


@pytest.mark.parametrize("layer", [Embedding(), Tfidf()])
def test_in_a_large_dataset_the_same_cosine_is_less_likely(layer: Layer) -> None:
    item = text("Why does the moon circle the earth in a month?")
    row = text("In a month the moon will circle around the earth: why?")
    few, many = (
        layer.index([item], Setting(BACKGROUND, Words(), rows)).find([row])[0]
        for rows in (1_000, 10**18)
    )

    assert few.likely > many.likely
    assert few.score == many.score


@pytest.mark.parametrize("layer", [Embedding(), Tfidf()])
def test_few_rows_tell_nothing_of_a_spread(layer: Layer) -> None:
    item = text("Why does the moon circle the earth in a month?")

    found = layer.index([item], Setting((), Words(), 3)).find([item, text("Bread.")])

    assert pairs(found) == {(0, 0)}
    assert layer.index([], SETTING).find([item]) == []


def test_embeddings_need_an_embedder() -> None:
    with pytest.raises(ValueError, match="The layer embedding needs an embedder"):
        Embedding().index([text("x")], Setting())


def test_of_an_item_the_nearest_few_are_listed() -> None:
    items = np.eye(2, dtype=np.float32)
    texts = np.array([[1, 0], [0.9, 0.1], [0.8, 0.2]], np.float32)
    reference = Reference(Spread.usual(2, 0, 0.1), Curve(10, 0, -5), 10)

    found = reference.best(dense_blocks(texts, items, reference.needed(0.5)), 2)

    assert [(one.item, one.text) for one in found] == [(0, 0), (0, 1)]
    assert reference.best([], 2) == []


def hit(item: int, sample: int, likely: float, layer: str = "tfidf") -> Hit:
    finding = Finding.MATCH if likely == 1 else Finding.CANDIDATE
    return Hit(item, sample, layer, finding, likely, likely)


def test_layers_fuse_by_whichever_is_surer_and_matches_always_stay() -> None:
    sure = [hit(0, place, 1) for place in range(4)]
    maybe = [hit(0, 10, 0.6), hit(0, 11, 0.9), hit(0, 12, 0.8), hit(0, 10, 0.95, "embedding")]

    kept = ranked([*sure, *maybe, hit(1, 10, 0.5)], 2)

    assert pairs(kept) == {(0, 0), (0, 1), (0, 2), (0, 3), (0, 10), (0, 11), (1, 10)}
    assert len([one for one in kept if (one.item, one.sample) == (0, 10)]) == 2


def test_a_search_asks_every_layer() -> None:
    item = text("Why does the moon circle the earth in a month?", CODE)
    layers = [each() for each in LAYERS.values()]

    found = Search(layers, [item], dict.fromkeys(LAYERS, SETTING)).find([item])

    assert {one.layer for one in found} >= {"exact", "ast", "tfidf", "embedding", "transformer"}


@pytest.mark.parametrize("method", LAYERS.values(), ids=LAYERS)
def test_layers_say_what_they_are(method: type[Layer]) -> None:
    assert method.title
    assert len(method.help()) > 40
    for name, field in method.model_fields.items():
        assert field.description, f"{name} needs a description."

"""Meaning, lines, fields and code; the evidence of a pair."""

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from app.curation.matchers.base import Pairs, Signed
from app.curation.matchers.code import Code
from app.curation.matchers.evidence import same_places
from app.curation.matchers.lines import Lines
from app.curation.matchers.records import Records
from app.curation.matchers.semantic import Semantic
from app.curation.signals.batch import Batch
from tests.curation.matchers.looking import ends, look, plain

PROGRAM = """
import math

def area(radius):
    \"\"\"Of a circle.\"\"\"
    total = 0
    for step in range(10):
        total += math.pi * radius ** 2
    return total
"""


def test_programs_are_alike_whatever_their_names_and_comments() -> None:
    renamed = PROGRAM.replace("radius", "r").replace("area", "flaeche").replace("total", "s")
    renamed = renamed.replace('"""Of a circle."""', "# twice").replace("step", "i")
    other = (
        "def greet(name):\n    print('hello', name)\n    if name:\n        return name.upper()\n"
    )
    rows = [plain(PROGRAM), plain(renamed), plain(other), plain("no code at all")]

    pairs = look(Code(), rows)

    assert ends(pairs) == {(0, 1)}
    assert pairs.similarity.tolist() == [1.0]


def test_prose_is_no_program_though_it_parses() -> None:
    prose = [plain("word"), plain("word"), plain("So it goes."), plain("So it goes.")]
    terse = "import os, sys; print(os.name, sys.argv, 1 + 2)"

    assert ends(look(Code(), [*prose, plain(terse), plain(terse + "  # twice")])) == {(4, 5)}


def test_literals_count_if_wished() -> None:
    rows = [plain(PROGRAM), plain(PROGRAM.replace("10", "20").replace("** 2", "** 3"))]

    strict, loose = look(Code(preset="sensitive"), rows), look(Code(literals=False), rows)

    assert loose.similarity.tolist() == [1.0]
    assert (strict.similarity < 1).all()
    assert Code(literals=False).signature_fingerprint() != Code().signature_fingerprint()


def vectors(rows: np.ndarray, reference: tuple[bool, ...] = ()) -> Signed:
    return Signed.of([row.astype(np.float16).tobytes() for row in rows], reference)


def found(matcher: Semantic, signed: Signed) -> Pairs:
    return matcher.find(signed, lambda _: Batch([]))


def brute(rows: np.ndarray, least: float) -> set[tuple[int, int]]:
    rows = rows.astype(np.float16).astype(np.float32)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    first, second = np.nonzero(np.triu(rows @ rows.T, 1) >= least)
    return set(zip(first.tolist(), second.tolist(), strict=True))


def crowd(seed: int = 0, groups: int = 300, size: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, 32))
    rows = np.repeat(centres, size, axis=0) + rng.normal(size=(groups * size, 32)) * 0.15
    return rng.permutation(rows)


def test_vectors_that_point_the_same_way_are_all_found() -> None:
    rows = crowd()

    assert ends(found(Semantic(), vectors(rows))) == brute(rows, 0.9)


def test_cells_find_nearly_all() -> None:
    rows = crowd(groups=500)

    within = ends(found(Semantic(cells=20), vectors(rows)))

    truly = brute(rows, 0.9)
    assert within <= truly
    assert len(within) >= 0.97 * len(truly)


def test_many_equal_or_nearly_equal_vectors_make_stars() -> None:
    rng = np.random.default_rng(1)
    equal = np.repeat(rng.normal(size=(1, 16)), 3000, axis=0)
    alike = equal + rng.normal(size=equal.shape) * 0.02

    assert len(found(Semantic(), vectors(equal))) == 2999
    assert len(found(Semantic(), vectors(alike))) < 20 * 3000


def test_only_references_are_compared_by_meaning() -> None:
    rows = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0.01], [0.01, 1]])

    pairs = found(Semantic(), vectors(rows, (True, True)))

    assert ends(pairs) == {(0, 2), (1, 4)} | {(0, 3)}


def test_lines_repeat_by_what_would_be_lost() -> None:
    lines = [f"a line of some length, number {number}" for number in range(10)]
    long, part = "\n".join(lines), "\n".join([*lines[:4], "short", "  A LINE of other words here"])
    rows = [plain(long), plain(part), plain(long.upper() + "\nmore\n")]

    assert ends(look(Lines(threshold=0.9), rows)) == {(0, 2)}
    assert ends(look(Lines(threshold=0.7), rows)) == {(0, 1), (0, 2)}
    # The other way round most of it would be lost.
    assert ends(look(Lines(threshold=0.7), [rows[1], rows[0]])) == set()


def test_paragraphs_repeat_too() -> None:
    rows = [
        plain("first words of many\n of these\n\nsecond"),
        plain("First  words of many of these"),
    ]

    assert ends(look(Lines(unit="paragraph"), rows)) == {(0, 1)}
    assert ends(look(Lines(), rows)) == set()


def test_rows_of_tables_are_compared_field_by_field() -> None:
    table = [
        {"title": "A study of the cells of mice", "year": 1999, "pages": "1-9"},
        {"title": "Study of the cells of mice, A", "year": "1999", "pages": None},
        {"title": "A study of the wings of bees", "year": 1999, "extra": ["no text"]},
        {"title": "", "year": 2001},
    ]
    rows = [plain("", metadata=one) for one in table]

    pairs = look(Records(fields="title^3, year", threshold=0.8), rows)

    assert ends(pairs) == {(0, 1)}
    assert pairs.similarity.tolist() == [1.0]
    assert (0, 2) in ends(look(Records(threshold=0.2), rows))


def test_numbers_of_models_are_compared_as_wholes() -> None:
    rows = [
        plain("Turntable PS-LX350H"),
        plain("Sony PSLX350H"),
        *(plain(f"Turntable PS-LX{number}H") for number in range(100, 110)),
    ]

    pairs = look(Records(threshold=0.05, block=2, mutual=True), rows)

    assert ends(pairs) == {(0, 1)}


@pytest.mark.parametrize("fields", ["title^", "a,,b", "a^b"])
def test_fields_that_can_not_be_read_are_refused(fields: str) -> None:
    with pytest.raises(ValidationError, match="no field with a weight"):
        Records(fields=fields)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[:3])
def test_the_order_of_fields_is_no_matter(order: tuple[int, ...]) -> None:
    names = ["a", "b", "c"]
    fields = {names[one]: f"word{one}" for one in order}
    rows = [plain("", metadata=fields), plain("", metadata={"a": "word0", "c": "other"})]

    pairs = look(Records(threshold=0.01), rows)

    assert pairs.similarity.tolist() == [pytest.approx(0.5)]


def test_the_same_places_are_shown_in_both_texts() -> None:
    first, second = "So: one two three four, and more.", "One TWO three four? No more"

    left, right = same_places(first, second)

    assert [first[start:end] for start, end in left] == ["one two three four"]
    assert [second[start:end] for start, end in right] == ["One TWO three four"]
    assert same_places("", "a b") == ((), ())
    assert same_places("one", "one") == (((0, 3),), ((0, 3),))
    assert same_places("a b c d", "x y z") == ((), ())

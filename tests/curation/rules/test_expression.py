import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.rules.expression import (
    And,
    Compare,
    Completion,
    ExpressionError,
    Field,
    Missing,
    Node,
    Not,
    Or,
    Range,
    Text,
    check,
    complete,
    conditions,
    evaluate,
    parse,
    render,
)

SCHEMA = {
    field.name: field
    for field in (
        Field("status", "word", ("pending", "approved", "rejected")),
        Field("domain", "word"),
        Field("tag", "word"),
        Field("edu_learned", "number", help="Learned from the judge"),
        Field("edu_judge", "number"),
        Field("near_duplicate", "flag"),
        Field("instruction", "text"),
        Field("created", "time"),
    )
}

WORDS = st.from_regex(r"[A-Za-z0-9é_][A-Za-z0-9é_/@+-]{0,8}", fullmatch=True).filter(
    lambda word: word not in {"AND", "OR", "NOT"}
)
NAMES = st.from_regex(r"[a-z_]{1,6}(\.[a-z0-9]{1,3})?", fullmatch=True).filter(
    lambda name: name != "missing"
)
ANYTHING = st.text(st.characters(codec="utf-8"), max_size=12)
ENDS = st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,2})?", fullmatch=True)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(
        Compare,
        NAMES,
        st.sampled_from([":", "="]),
        st.lists(ANYTHING, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Compare, NAMES, st.sampled_from([">=", "<=", ">", "<"]), st.tuples(ENDS | ANYTHING)),
    st.builds(Range, NAMES, ENDS, st.none() | ENDS),
    st.builds(Range, NAMES, st.none(), ENDS),
    st.builds(Missing, NAMES),
    st.builds(Text, WORDS, st.just(False)),
    st.builds(Text, ANYTHING.filter(lambda text: bool(text.strip())), st.just(True)),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda nodes: st.one_of(
        st.builds(And, st.lists(nodes, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(nodes, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, nodes),
    ),
    max_leaves=8,
)


@given(NODES)
def test_what_is_written_down_reads_back_equal(node: Node) -> None:
    assert parse(render(node)) == node


@given(st.text(st.sampled_from('ab:".,-()<>= ANDORT1é\\\n'), max_size=30))
def test_any_source_is_read_or_refused_and_the_canonical_form_is_stable(source: str) -> None:
    try:
        node = parse(source)
    except ExpressionError as error:
        node = parse("")
        refused_at = error.position
    else:
        refused_at = 0

    assert 0 <= refused_at <= len(source)
    assert parse(render(node)) == node
    assert render(parse(render(node))) == render(node)


@given(NODES)
def test_nodes_say_where_they_stand(node: Node) -> None:
    source = render(node)

    for part in conditions(parse(source)):
        assert parse(source[part.start : part.end]) == part


@pytest.mark.parametrize(
    ("source", "node"),
    [
        ("", And(())),
        ("  ", And(())),
        ("status:pending", Compare("status", ":", ("pending",))),
        ("status:pending,approved", Compare("status", ":", ("pending", "approved"))),
        ('domain:"a b", c', Compare("domain", ":", ("a b", "c"))),
        (r'domain:"say \"hi\" \\"', Compare("domain", ":", ('say "hi" \\',))),
        ("edu>=3", Compare("edu", ">=", ("3",))),
        ("edu >= -3", Compare("edu", ">=", ("-3",))),
        ("edu:1..5", Range("edu", "1", "5")),
        ("edu:1..", Range("edu", "1", None)),
        ("edu:..5", Range("edu", None, "5")),
        ('edu:"1..5"', Compare("edu", ":", ("1..5",))),
        ("created>=2025-01-31T09:30", Compare("created", ">=", ("2025-01-31T09:30",))),
        ("missing:edu", Missing("edu")),
        ("-tag:skip", Not(Compare("tag", ":", ("skip",)))),
        ("NOT tag:skip", Not(Compare("tag", ":", ("skip",)))),
        ('"binary search"', Text("binary search", phrase=True)),
        ("a b", And((Text("a", False), Text("b", False)))),
        ("a AND b", And((Text("a", False), Text("b", False)))),
        (
            "a b OR c",
            Or((And((Text("a", False), Text("b", False))), Text("c", False))),
        ),
        ("a (b OR c)", And((Text("a", False), Or((Text("b", False), Text("c", False)))))),
        ("ORDER and or", And(tuple(Text(word, False) for word in ("ORDER", "and", "or")))),
        ("日本語 10:30", And((Text("日本語", False), Text("10:30", False)))),
        ("AND:x", Compare("AND", ":", ("x",))),
    ],
)
def test_an_expression_is_read(source: str, node: Node) -> None:
    assert parse(source) == node


def test_positions_are_those_of_the_source() -> None:
    node = parse('a  -status:x,"y" (edu:1..2 OR missing:b)')

    assert isinstance(node, And)
    word, negated, either = node.parts
    assert (word.start, word.end) == (0, 1)
    assert (negated.start, negated.end) == (3, 16)
    assert isinstance(negated, Not)
    assert isinstance(negated.part, Compare)
    assert negated.part.places == (11, 13)
    assert (either.start, either.end) == (18, 39)


def test_a_value_is_the_first_of_a_list() -> None:
    assert Compare("edu", ":", ("1", "2")).value == "1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("status:", "At 8: a value after `status:` was expected, the expression ends here."),
        ("status: x", "At 8: a value after `status:` was expected here."),
        ("status:a,)", "At 10: a value after the comma was expected here."),
        ("edu>=1,2", "At 8: `>=` takes one value, not a list."),
        ("edu:1..2,3", "At 9: a range cannot stand in a list; use OR."),
        ("edu:..", "At 5: a range needs an end: 1..5, 1.. or ..5."),
        ("a AND", "At 6: a condition after AND was expected, the expression ends here."),
        ("a OR OR b", "At 6: a condition after OR was expected, not OR."),
        ("OR b", "At 1: a condition was expected, not OR."),
        ("a NOT AND b", "At 7: a condition after NOT was expected, not AND."),
        ("a -", "At 4: a word or ( was expected, the expression ends here."),
        ("(a OR b", "At 1: this parenthesis is never closed."),
        ("a)", "At 2: there is no opening parenthesis for this `)`."),
        ("()", "At 2: a condition was expected here."),
        ('"abc', "At 1: this quote is never closed."),
        ('" "', "At 1: there is no text between these quotes."),
        ("what's", "At 5: a condition was expected, not `'`; put text that holds it in quotes."),
        ("missing>3", "At 1: `missing` takes the name of one field, as in missing:edu_judge."),
        ("missing:3", "At 1: `missing` takes the name of one field, as in missing:edu_judge."),
        ("(" * 51, "At 51: more than 50 levels of parentheses and NOT inside each other."),
        ("a" * 4001, "At 4001: the expression is 4,001 characters long, 4,000 are the most."),
    ],
)
def test_a_wrong_expression_says_where_and_why(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(source)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "source",
    [
        "status:pending,approved domain:math -tag:skip",
        "edu_judge>=3 edu_judge:1..5 edu_judge:..5 (edu_judge:2,3 OR missing:edu_judge)",
        'near_duplicate:false created>=2025-01-31 created:2025-01-01.. instruction:"a b" words',
    ],
)
def test_a_right_expression_passes(source: str) -> None:
    check(parse(source), SCHEMA)


@pytest.mark.parametrize(
    ("source", "message", "suggestions"),
    [
        (
            "edu_lerned>=3",
            "At 1: there is no field `edu_lerned`. Did you mean edu_learned?",
            ("edu_learned",),
        ),
        (
            "a missing:statu",
            "At 11: there is no field `statu`. Did you mean status?",
            ("status",),
        ),
        (
            "http://x",
            "At 1: there is no field `http`. To search the text for it, put it in quotes.",
            (),
        ),
        (
            "status>pending",
            "At 1: `status` holds a word: use : or = with it.",
            (":", "="),
        ),
        ("status:a..b", "At 1: `status` holds a word: it cannot take a range.", ()),
        (
            "status:approved,pendin",
            "At 17: `status` is never `pendin`. Did you mean pending?",
            ("pending",),
        ),
        (
            "near_duplicate:yes",
            "At 16: `near_duplicate` is never `yes`. It can be true, false.",
            ("true", "false"),
        ),
        ("-edu_judge:high", "At 12: `edu_judge` needs a number, not `high`.", ()),
        ("edu_judge:nan", "At 11: `edu_judge` needs a number, not `nan`.", ()),
        ("edu_judge:1_0", "At 11: `edu_judge` needs a number, not `1_0`.", ()),
        ("edu_judge>=true", "At 12: `edu_judge` needs a number, not `true`.", ()),
        ("edu_judge:1..true", "At 14: `edu_judge` needs a number, not `true`.", ()),
        ("edu_judge:1..x", "At 14: `edu_judge` needs a number, not `x`.", ()),
        (
            "edu_judge:5..1",
            "At 11: the range is empty: 5 comes after 1.",
            ("edu_judge:1..5",),
        ),
        (
            "created:2025-02-01..2025-01-01",
            "At 9: the range is empty: 2025-02-01 comes after 2025-01-01.",
            ("created:2025-01-01..2025-02-01",),
        ),
        (
            "a OR created>soon",
            "At 14: `created` needs a time such as 2025-01-31 or 2025-01-31T09:30, not `soon`.",
            (),
        ),
        (
            "created:9999-12-31",
            "At 9: `created` needs a time such as 2025-01-31 or 2025-01-31T09:30, "
            "not `9999-12-31`.",
            (),
        ),
    ],
)
def test_a_name_or_value_that_cannot_be_is_refused(
    source: str, message: str, suggestions: tuple[str, ...]
) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(parse(source), SCHEMA)

    assert str(caught.value) == message
    assert caught.value.suggestions == suggestions


def test_a_built_condition_without_places_can_be_checked() -> None:
    with pytest.raises(ExpressionError, match="At 1: `edu_judge` needs a number"):
        check(Compare("edu_judge", ":", ("x",)), SCHEMA)


def test_conditions_are_those_that_must_all_hold() -> None:
    shown = [render(part) for part in conditions(parse("a (b (c OR d)) -e"))]

    assert shown == ["a", "b", "c OR d", "-e"]
    assert conditions(parse("")) == []
    assert conditions(parse("a OR b")) == [parse("a OR b")]


VALUES: dict[str, Any] = {
    "status": "pending",
    "tag": ["skip", "later"],
    "edu_judge": 3.0,
    "edu_learned": math.nan,
    "near_duplicate": False,
    "flagged": 1.0,
    "instruction": "Sort the list",
    "created": datetime(2025, 1, 31, 9, 30, tzinfo=UTC),
    "text": "A Binary search tree",
}


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("", True),
        ("status:pending", True),
        ("status:approved,pending", True),
        ("status:Pending", False),
        ("tag:skip", True),
        ("-tag:none", True),
        ("domain:math", False),
        ("-domain:math", True),
        ("edu_judge>=3", True),
        ("edu_judge>3", False),
        ("edu_judge<=3", True),
        ("edu_judge<3", False),
        ("edu_judge=3", True),
        ("edu_judge:1,3.0", True),
        ("edu_judge:2..3", True),
        ("edu_judge:3..", True),
        ("edu_judge:..2.9", False),
        ("edu_judge:4..", False),
        ("edu_learned>=0", None),
        ("-edu_learned>=0", None),
        ("edu_learned:..5", None),
        ("edu_learned>0 status:approved", False),
        ("edu_learned>0 status:pending", None),
        ("edu_learned>0 OR status:pending", True),
        ("edu_learned>0 OR status:approved", None),
        ("absent>=3", None),
        ("absent:1..3", None),
        ("absent:3", False),
        ("missing:edu_learned", True),
        ("missing:edu_judge", False),
        ("missing:domain", True),
        ("-missing:status", True),
        ("near_duplicate:false", True),
        ("near_duplicate:true", False),
        ("flagged:true", True),
        ("flagged:false", False),
        ("-flagged:true", False),
        ("created:2025-01-31", True),
        ("created>2025-01-31", False),
        ("created>=2025-01-31T09:30", True),
        ("created:2025-01-01..2025-01-31", True),
        ("created<2025-01-31T10:00+02:00", False),
        ('"binary SEARCH"', True),
        ("binary-search", True),
        ("search binary", True),
        ('"search binary"', False),
        ("+", False),
    ],
)
def test_an_expression_has_the_value_that_sql_gives_it(source: str, result: bool | None) -> None:
    assert evaluate(parse(source), VALUES) is result


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("instruction:LIST", True),
        ('instruction="Sort the list"', True),
        ("instruction=LIST", False),
        ("edu_learned:3", None),
        ("-edu_learned:3", None),
        ("status:1..2", False),
        ("tag:later", True),
    ],
)
def test_a_schema_says_what_a_value_is(source: str, result: bool | None) -> None:
    assert evaluate(parse(source), VALUES, SCHEMA) is result


@given(NODES, NODES)
def test_negation_swaps_and_with_or(left: Node, right: Node) -> None:
    joined = Not(And((left, right)))
    parted = Or((Not(left), Not(right)))

    assert evaluate(joined, VALUES) is evaluate(parted, VALUES)


def _texts(source: str, cursor: int | None = None) -> list[str]:
    found = complete(source, len(source) if cursor is None else cursor, SCHEMA)
    return [completion.text for completion in found]


def test_names_are_completed_with_the_operator_that_fits() -> None:
    assert complete("status:pending edu", 18, SCHEMA) == [
        Completion("edu_judge>=", 15, 18),
        Completion("edu_learned>=", 15, 18, "Learned from the judge"),
    ]
    assert _texts("dup") == ["near_duplicate:"]


def test_the_whole_word_under_the_cursor_is_replaced() -> None:
    (found,) = complete("a domin:x", 5, SCHEMA)

    assert (found.text, found.start, found.end) == ("domain:", 2, 7)


def test_values_are_completed() -> None:
    assert _texts("status:") == ["pending", "approved", "rejected"]
    assert _texts("status:pending,re") == ["rejected"]
    assert _texts("near_duplicate:t") == ["true"]
    assert _texts("domain:m") == []
    assert _texts("unknown:m") == []
    assert _texts("missing:edu") == ["edu_judge", "edu_learned"]


def test_a_whole_name_offers_its_operators() -> None:
    assert _texts("edu_judge") == [">=", "<=", ">", "<", "=", ":"]


def test_keywords_are_offered_where_they_may_stand() -> None:
    assert _texts("a ")[-3:] == ["NOT", "AND", "OR"]
    assert _texts("a O")[-1] == "OR"
    assert "AND" not in _texts("a O")
    assert _texts("")[-2:] == ["missing:", "NOT"]
    assert _texts("a AND ")[-1] == "NOT"
    assert _texts("(")[-1] == "NOT"


def test_nothing_is_offered_inside_quotes() -> None:
    assert _texts('a "edu') == []
    assert _texts('"edu" edu_j') == ["edu_judge>="]

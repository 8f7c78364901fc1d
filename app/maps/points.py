"""The points of a map as bytes for a canvas, coloured by a field, and what the colours mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.curation.rules.nodes import Compare, render
from app.errors import NotFoundError
from app.maps.labels import labels
from app.samples import columns as held
from app.samples.arrays import Columns
from app.samples.places import TOPIC
from app.samples.search import Schema, parsed
from app.samples.truth import Mask, columns_for, evaluate

WORDS = ("status", TOPIC, "source", "domain", "origin", "kind", "language")
_COLOURS = 11  # that eyes tell apart; the other values are one more
_STEPS = 10  # of a number, so many rows in each
OTHER, NOTHING, DIMMED = 11, 12, 255

Codes = NDArray[np.uint8]


def points(session: Session, schema: Schema) -> bytes:
    """Every sample on the map in the order of ids, little-endian.

    The number of points (uint32), zero (uint32), the first id (float64); then of all points the
    distance of the id from the first (uint32), x (uint16) and y (uint16).
    """
    columns, rows = _on_the_map(session, schema, set())
    ids = columns.ids[rows]
    first = int(ids[0]) if len(ids) else 0
    head = np.array([len(ids), 0], "<u4").tobytes() + np.array([first], "<f8").tobytes()
    x, y = (columns[str(one)][rows].astype("<u2") for one in (schema.places.x, schema.places.y))
    return b"".join((head, (ids - first).astype("<u4").tobytes(), x.tobytes(), y.tobytes()))


def coloured(session: Session, schema: Schema, field: str, where: str) -> bytes:
    """The colours of all points in the same order, after what they mean.

    The length of the legend (uint32); the legend with the places of names as JSON, filled up with
    blanks to a multiple of four bytes; then a code per point (uint8), 255 for those that do not
    match `where`.
    """
    if field not in fields(schema):
        raise NotFoundError(f"Points can't be coloured by `{field}`: try {', '.join(WORDS)}.")
    node = parsed(schema, where)
    name = str(schema.places.topic) if field == TOPIC else field
    columns, rows = _on_the_map(session, schema, {name, *columns_for(schema, node)})
    matches = evaluate(session, schema, columns, node).yes[rows]
    named: list[dict[str, Any]] = []
    if field in WORDS:
        values, words = _words(schema, columns, field)
        codes, legend = _by_word(field, values[rows], words, matches)
        here = rows[matches]
        x, y = (columns[str(one)][here] for one in (schema.places.x, schema.places.y))
        named = labels(values[here], words, x, y)
    else:
        codes, legend = _by_number(field, columns[field][rows].astype(np.float32))
    counts = np.bincount(codes[matches], minlength=256)
    said = {
        "field": field,
        "kind": "word" if field in WORDS else "number",
        "points": len(rows),
        "matching": int(np.count_nonzero(matches)),
        "legend": [
            {"code": code, "name": what, "count": int(counts[code]), "where": filter_}
            for code, what, filter_ in legend
            if counts[code]
        ],
        "labels": named,
    }
    text = orjson.dumps(said)
    text += b" " * (-len(text) % 4)
    shown = np.where(matches, codes, DIMMED).astype(np.uint8)
    return np.array([len(text)], "<u4").tobytes() + text + shown.tobytes()


def fields(schema: Schema) -> list[str]:
    """What points can be coloured by: words of which a sample has one, and numbers."""
    words = [one for one in WORDS if one in schema.fields]
    numbers = [
        one.name
        for one in schema.fields.values()
        if one.type == "number" and one.name not in {"id", "revision"}
    ]
    return [*words, *numbers]


def counts(session: Session, schema: Schema) -> tuple[int, int]:
    """How many samples there are, and how many of them are on the map."""
    columns, rows = _on_the_map(session, schema, set())
    return len(columns), len(rows)


def count(session: Session, schema: Schema, where: str) -> int:
    """How many samples match."""
    node = parsed(schema, where)
    columns = held.read(session, schema, columns_for(schema, node))
    return int(np.count_nonzero(evaluate(session, schema, columns, node).yes))


def by_topic(session: Session, schema: Schema) -> list[tuple[str, int]]:
    """Titles of topics with their samples on the map, the largest first."""
    if schema.places.topic is None:
        return []
    columns, rows = _on_the_map(session, schema, {schema.places.topic})
    codes = schema.places.codes(columns[schema.places.topic][rows])
    counted = np.bincount(codes, minlength=len(schema.places.titles) + 1)[1:].tolist()
    return sorted(zip(schema.places.titles, counted, strict=True), key=lambda one: -one[1])


def _on_the_map(
    session: Session, schema: Schema, names: set[str]
) -> tuple[Columns, NDArray[np.intp]]:
    x = str(schema.places.x)
    columns = held.read(session, schema, {x, str(schema.places.y), *names})
    return columns, np.flatnonzero(~np.isnan(columns[x]))


def _words(
    schema: Schema, columns: Columns, field: str
) -> tuple[NDArray[Any], Sequence[str | None]]:
    """The value of each row as a place in the words, and the words."""
    if field == TOPIC:
        codes = schema.places.codes(columns[str(schema.places.topic)])
        return codes, schema.places.words()
    if field == "source":
        names = {number: name for name, number in schema.sources.items()}
        values = columns[field]
        return values, [names.get(number) for number in range(int(values.max(initial=0)) + 1)]
    return columns[field], columns.words[field]


def _by_word(
    field: str, values: NDArray[Any], words: Sequence[str | None], matches: Mask
) -> tuple[Codes, list[tuple[int, str, str]]]:
    """The values most frequent among the matches in colours of their own, the others in one."""
    counts = np.bincount(values[matches], minlength=len(words))
    named = [one for one in np.argsort(-counts, kind="stable").tolist() if words[one] is not None]
    table = np.full(len(counts), OTHER, np.uint8)
    table[[one for one, word in enumerate(words) if word is None]] = NOTHING
    table[named[:_COLOURS]] = np.arange(len(named[:_COLOURS]))
    legend = [
        (code, str(words[one]), render(Compare(field, ":", (str(words[one]),))))
        for code, one in enumerate(named[:_COLOURS])
    ]
    rest = [(OTHER, "others", ""), (NOTHING, "none", f"missing:{field}")]
    return table[values], [*legend, *rest]


def _by_number(field: str, values: NDArray[np.float32]) -> tuple[Codes, list[tuple[int, str, str]]]:
    """Ten steps from low to high with about as many rows in each."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.full(len(values), NOTHING, np.uint8), [(NOTHING, "not measured", "")]
    shares = np.arange(1, _STEPS) / _STEPS
    bounds = np.unique(np.quantile(known, shares, method="nearest"))
    bounds = bounds[bounds > known.min()]
    codes = np.searchsorted(bounds, values, side="right")
    # Fewer steps are spread over all colours of the scale.
    scale = np.linspace(0, _STEPS - 1, len(bounds) + 1).round().astype(np.int64)
    edges = [known.min(), *bounds, known.max()]
    written = [np.format_float_positional(np.float32(one), trim="-") for one in edges]
    legend = [
        (int(scale[at]), _span(written, at), _bounds(field, written, at))
        for at in range(len(bounds) + 1)
    ]
    shown = np.where(np.isnan(values), NOTHING, scale[np.minimum(codes, len(bounds))])
    return shown.astype(np.uint8), [*legend, (NOTHING, "not measured", f"missing:{field}")]


def _span(edges: Sequence[str], at: int) -> str:
    last = at == len(edges) - 2
    return f"{edges[at]} to {edges[at + 1]}" if last else f"{edges[at]} to below {edges[at + 1]}"


def _bounds(field: str, edges: Sequence[str], at: int) -> str:
    last = at == len(edges) - 2
    above = f"{field}>={edges[at]}"
    return above if last else f"{above} {field}<{edges[at + 1]}"

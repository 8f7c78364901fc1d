"""Recognises the common layouts of training data and says what was taken for what."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.curation.readers.base import Row
from app.curation.readers.known import ABOUT_COLUMNS, ALIASES, ANSWERING, LAYOUTS, Layout
from app.curation.readers.mapping import (
    REQUIRED,
    ColumnMapping,
    as_number,
    as_object,
    is_missing,
    targets,
    value_at,
)
from app.curation.readers.values import kind_of, listed
from app.curation.records import BODY_FIELDS, Kind

_SAMPLE = 100
_EXAMPLE = 120


class MappingError(ValueError):
    """A mapping that these columns do not allow; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, from the first rows; `numeric` columns can become scores."""

    name: str
    type: str
    example: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a file was taken for. `mapping` is None where no layout fits.

    `scores` are numeric columns that could be read as scores, by the name they would get.
    """

    mapping: ColumnMapping | None
    columns: tuple[Column, ...]
    scores: Mapping[str, str]
    sentence: str


_IDENTIFIES = re.compile(r"(?:^|_)(?:ids?|idx|index|hash|key|version|timestamp|tstamp)$")


def propose(rows: Iterable[Row]) -> Proposal:
    """Look at the first rows and say how they could be read."""
    sample = [row.values for row in islice(rows, _SAMPLE)]
    examples = _examples(sample)
    layout, fields = _recognise(examples)
    scores = _score_columns(sample, set(fields.values()))
    numeric = set(scores.values())
    columns = tuple(
        Column(name, kind_of(value), _shown(value), name in numeric)
        for name, value in examples.items()
    )
    if layout is None:
        return Proposal(None, columns, scores, _why_not(sample, examples))
    mapping = ColumnMapping(layout=layout.key, kind=layout.kind, fields=fields)
    return Proposal(mapping, columns, scores, _sentence(layout, fields, examples))


def override(
    mapping: ColumnMapping | None,
    fields: Mapping[str, str],
    columns: Collection[str],
    kind: Kind | None = None,
) -> ColumnMapping:
    """The mapping with these targets taken from these columns instead.

    Without a mapping, or where the targets do not fit its kind, the kind is that of the targets.
    """
    wanted = kind or _kind_for(mapping, fields)
    kept = dict(mapping.fields) if mapping and mapping.kind is wanted else {}
    for target, column in fields.items():
        if column.partition(".")[0] not in columns and column not in columns:
            raise MappingError(f"There is no column `{column}`; there are {listed(columns, 50)}.")
        name = ALIASES[wanted].get(target, target)
        if name not in targets(wanted):
            raise MappingError(
                f"`{target}` is no part of a sample of kind {wanted}; there are "
                f"{', '.join(targets(wanted))}."
            )
        kept = {other: source for other, source in kept.items() if source != column}
        kept[name] = column
    missing = [target for target in REQUIRED[wanted] if target not in kept]
    if missing:
        raise MappingError(f"A sample of kind {wanted} needs a column for {', '.join(missing)}.")
    return ColumnMapping(
        layout=mapping.layout if mapping and mapping.kind is wanted else "custom",
        kind=wanted,
        fields=kept,
        scores=mapping.scores if mapping else {},
        ignored=mapping.ignored if mapping else (),
    )


def _kind_for(mapping: ColumnMapping | None, fields: Collection[str]) -> Kind:
    """The kind that has most of these targets; on a tie that of the mapping."""
    kinds = sorted(Kind, key=lambda kind: mapping is None or kind is not mapping.kind)
    return max(kinds, key=lambda kind: len({*BODY_FIELDS[kind], *ALIASES[kind]} & set(fields)))


def _examples(sample: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first value of each column that is not empty."""
    examples: dict[str, Any] = {}
    for values in sample:
        for name, value in values.items():
            if examples.get(name) in (None, "", [], {}):
                examples[name] = value
    return examples


def _recognise(examples: Mapping[str, Any]) -> tuple[Layout | None, dict[str, str]]:
    names: dict[str, str] = {_snake(name): name for name in reversed(list(examples))}
    for layout in LAYOUTS:
        fields = _matches(layout.required, names, ())
        fields |= _matches(layout.optional, names, fields.values())
        complete = layout.required.keys() <= fields.keys() and _shaped(layout, fields, examples)
        if complete and (not layout.one_of or fields.keys() & set(layout.one_of)):
            about = _matches(ABOUT_COLUMNS, names, fields.values())
            rest = examples.keys() - {*fields.values(), *about.values()}
            if layout.wordless and any(
                isinstance(examples[name], str) or ANSWERING.search(name.lower()) for name in rest
            ):
                continue
            ordered = {
                target: fields[target] for target in targets(layout.kind) if target in fields
            }
            return _named_after_shape(layout, fields, examples), ordered | about
    return None, {}


def _why_not(sample: Sequence[Mapping[str, Any]], examples: Mapping[str, Any]) -> str:
    """What stands in the way of a layout, and what to do."""
    if len(sample) == 1 and (path := _list_within(sample[0])):
        return (
            f"The whole file is one row; a list of objects stands in `{path}`. "
            "Save that list as a file of its own, and its items are rows."
        )
    if wrong := _misshaped(examples):
        column, expected = wrong
        return (
            f"`{column}` holds {kind_of(examples[column])}, {expected} was expected; "
            "change it in the file, or map the columns by hand."
        )
    return f"No known layout has the columns {listed(examples) or '(none)'}; map them by hand."


def _list_within(values: Mapping[str, Any]) -> str:
    """The path of the first list of objects that stands inside an object."""
    for name, value in values.items():
        if isinstance(value, dict):
            for inner, held in value.items():
                if isinstance(held, list) and held and isinstance(held[0], dict):
                    return f"{name}.{inner}"
            if deeper := _list_within(value):
                return f"{name}.{deeper}"
    return ""


def _misshaped(examples: Mapping[str, Any]) -> tuple[str, str] | None:
    """The column for which a layout with these names does not fit, and what it expects there."""
    names: dict[str, str] = {_snake(name): name for name in reversed(list(examples))}
    for layout in LAYOUTS:
        fields = _matches(layout.required, names, ())
        if layout.required.keys() <= fields.keys() and not _shaped(layout, fields, examples):
            chat = layout.kind is Kind.CHAT
            found = (fields[target] for target in layout.required)
            column = next(one for one in found if chat or isinstance(examples[one], list | dict))
            return column, "a list of messages" if chat else "text"
    return None


def _matches(
    wanted: Mapping[str, tuple[str, ...]], names: Mapping[str, str], taken: Iterable[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for target, options in wanted.items():
        free = names.keys() - {_snake(name) for name in (*taken, *found.values())}
        if column := next((names[option] for option in options if option in free), None):
            found[target] = column
    return found


def _shaped(layout: Layout, fields: Mapping[str, str], examples: Mapping[str, Any]) -> bool:
    """Whether a column of messages holds some, and plain text is no list or object."""
    if layout.kind is Kind.CHAT:
        value = examples[fields["messages"]]
        return isinstance(value, list) or (isinstance(value, str) and value.startswith("["))
    if layout.turns:
        return all(isinstance(examples[fields[name]], list) for name in layout.required)
    if layout.kind in {Kind.TEXT, Kind.INSTRUCTION}:
        return all(not isinstance(examples[fields[name]], list | dict) for name in layout.required)
    return True


def _named_after_shape(
    layout: Layout, fields: Mapping[str, str], examples: Mapping[str, Any]
) -> Layout:
    """ShareGPT differs from OpenAI messages only in the names inside a message."""
    if layout.kind is Kind.CHAT and "'from':" in str(examples[fields["messages"]]).replace(
        '"', "'"
    ):
        return Layout("sharegpt", "ShareGPT", layout.kind, layout.required)
    return layout


def _score_columns(sample: Sequence[Mapping[str, Any]], taken: Collection[str]) -> dict[str, str]:
    """Columns (or keys inside one) in which every value is a number, by the name of the score."""
    paths: dict[str, None] = {}
    for values in sample:
        for name, value in values.items():
            paths |= dict.fromkeys([name, *(f"{name}.{key}" for key in as_object(value))])
    names = {path: _snake(path.rpartition(".")[2]) for path in paths if path not in taken}
    return {
        name: path
        for path, name in names.items()
        if name.isidentifier()
        and not _IDENTIFIES.search(name)
        and _is_numeric(value_at(values, path) for values in sample)
    }


def _is_numeric(values: Iterable[Any]) -> bool:
    present = [value for value in values if not is_missing(value)]
    return bool(present) and all(as_number(value) is not None for value in present)


def _snake(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", parted).strip("_").lower()


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _EXAMPLE else text[: _EXAMPLE - 1] + "…"


def _sentence(layout: Layout, fields: Mapping[str, str], examples: Mapping[str, Any]) -> str:
    taken = ", ".join(
        target if target == column else f"{target} from {column}"
        for target, column in fields.items()
    )
    rest = [name for name in examples if name not in fields.values()]
    more = f"; {listed(rest)} {'goes' if len(rest) == 1 else 'go'} to the metadata"
    return f"Taken for {layout.title}: {taken}{more if rest else ''}."

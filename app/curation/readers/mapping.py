"""Which column becomes what: a mapping, and the records it makes of rows."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.curation.readers.base import Row, Warnings
from app.curation.readers.bodies import BodyError, build_body, text_of
from app.curation.readers.values import kind_of, listed, parse_cell, shown
from app.curation.records import BODY_FIELDS, Kind, Origin, Record, Rejected

# What an index of the database takes, whatever the characters.
MOST_ID_CHARS = 500
# Scores are stored in single precision.
_LARGEST, _SMALLEST = 3.4028234e38, 1.2e-38

ABOUT = ("external_id", "domain", "language", "origin", "tags", "metadata")
REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.INSTRUCTION: ("instruction", "output"),
    Kind.CHAT: ("messages",),
    Kind.PREFERENCE: ("chosen", "rejected"),
    Kind.COMPLETION: ("solution",),
}
PURPOSES: Mapping[str, frozenset[Kind]] = {
    "sft": frozenset({Kind.INSTRUCTION, Kind.CHAT, Kind.COMPLETION}),
    "preference": frozenset({Kind.PREFERENCE}),
    "text": frozenset({Kind.TEXT}),
}


class ColumnMapping(BaseModel):
    """Where the parts of a sample stand in a file. Columns not named here go to its metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: str
    kind: Kind
    fields: dict[str, str] = Field(description="Target to column.")
    scores: dict[str, str] = Field(
        default_factory=dict, description="Name of a signal to its column, or to `column.key`."
    )
    ignored: tuple[str, ...] = Field((), description="Columns that are left out.")


def targets(kind: Kind) -> tuple[str, ...]:
    """What columns can be mapped to for this kind."""
    extra = ("system",) if kind is Kind.CHAT else ()
    return (*BODY_FIELDS[kind], *extra, *ABOUT)


def mapper(
    mapping: ColumnMapping,
    *,
    purpose: str | None = None,
    warnings: Warnings | None = None,
) -> Callable[[Row], Record | Rejected]:
    """A function that makes records of rows; for a dataset with a purpose only of its kinds."""
    noted = Warnings() if warnings is None else warnings
    bodies = {target: column for target, column in mapping.fields.items() if target not in ABOUT}
    required = [mapping.fields[target] for target in REQUIRED[mapping.kind]]
    consumed = _consumed(mapping)
    refusal = _refusal(mapping.kind, purpose)

    def read(row: Row) -> Record | Rejected:
        if refusal:
            return Rejected(row.line, refusal, row.excerpt(), row.at)
        try:
            _require(required, row.values)
            found = {target: row.values.get(column) for target, column in bodies.items()}
            return Record(
                mapping.kind,
                build_body(mapping.kind, found, bodies, lambda note: noted.add(note, row.line)),
                scores=_scores(row, mapping.scores, noted) if mapping.scores else {},
                line=row.line,
                **_about(row.values, mapping.fields, consumed),
            )
        except BodyError as error:
            return Rejected(row.line, str(error), row.excerpt(), row.at)

    return read


def apply(mapping: ColumnMapping, row: Row) -> Record | Rejected:
    """The record of one row; for many rows, `mapper` prepares the mapping once."""
    return mapper(mapping)(row)


def _refusal(kind: Kind, purpose: str | None) -> str:
    if purpose is None or kind in PURPOSES[purpose]:
        return ""
    kinds = " or ".join(sorted(PURPOSES[purpose]))
    return f"This row is of kind {kind}; a dataset for {purpose} takes {kinds}."


def _consumed(mapping: ColumnMapping) -> frozenset[str]:
    """Columns that are not repeated in the metadata."""
    columns = {*mapping.fields.values(), *mapping.scores.values(), *mapping.ignored}
    if any(path.startswith("scores.") for path in columns):
        columns.add("scores")
    return frozenset(columns)


def _require(columns: Iterable[str], values: Mapping[str, Any]) -> None:
    for column in columns:
        if column not in values:
            present = listed(values) or "no fields"
            raise BodyError(f"There is no `{column}` in this row; it has {present}.")
        if values[column] is None:
            raise BodyError(f"`{column}` is missing (null) in this row.")


def _about(
    values: Mapping[str, Any], fields: Mapping[str, str], consumed: frozenset[str]
) -> dict[str, Any]:
    """All that a record has beside its body."""
    about: dict[str, Any] = {}
    if not consumed.issuperset(values):
        about["metadata"] = {
            name: value
            for name, value in values.items()
            if name not in consumed and value is not None
        }
    for target in ABOUT:
        if target in fields and values.get(fields[target]) not in (None, ""):
            about |= _READ[target](values[fields[target]], fields[target], about)
    return about


def _external_id(value: Any, column: str, _about: Mapping[str, Any]) -> dict[str, Any]:
    external_id = text_of(value, column)
    if len(external_id) > MOST_ID_CHARS:
        raise BodyError(
            f"`{column}` has {len(external_id):,} characters; an external_id has at most "
            f"{MOST_ID_CHARS}."
        )
    return {"external_id": external_id}


def _domain(value: Any, column: str, _about: Mapping[str, Any]) -> dict[str, Any]:
    return {"domain": text_of(value, column)}


def _language(value: Any, column: str, _about: Mapping[str, Any]) -> dict[str, Any]:
    return {"language": text_of(value, column)}


def _origin(value: Any, column: str, _about: Mapping[str, Any]) -> dict[str, Any]:
    if value not in list(Origin):
        raise BodyError(f"`{column}` is {shown(value)}; it can be {', '.join(Origin)}.")
    return {"origin": Origin(value)}


def _tags(value: Any, column: str, _about: Mapping[str, Any]) -> dict[str, Any]:
    tags = value.split(",") if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise BodyError(f"`{column}` is {kind_of(value)}, a list of tags was expected.")
    return {"tags": tuple(text_of(tag, column).strip() for tag in tags)}


def _metadata(value: Any, column: str, about: Mapping[str, Any]) -> dict[str, Any]:
    added = as_object(value) or {column: value}
    return {"metadata": {**about.get("metadata", {}), **added}}


_READ: Mapping[str, Callable[[Any, str, Mapping[str, Any]], dict[str, Any]]] = {
    "external_id": _external_id,
    "domain": _domain,
    "language": _language,
    "origin": _origin,
    "tags": _tags,
    "metadata": _metadata,
}


def _scores(row: Row, columns: Mapping[str, str], warnings: Warnings) -> dict[str, float]:
    scores = {}
    for name, path in columns.items():
        value = value_at(row.values, path)
        number = as_number(value)
        if number is not None:
            scores[name] = number
        elif value not in (None, ""):
            warnings.add(f"Values of `{path}` that are no numbers were left out", row.line)
    return scores


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """The value of a column, or of `column.key` where the column holds an object."""
    if path in values:
        return values[path]
    column, _, key = path.partition(".")
    return as_object(values.get(column)).get(key)


def as_object(value: Any) -> Mapping[str, Any]:
    """An object, also one that stands in text as JSON (as in Parquet); empty for all else."""
    if isinstance(value, str) and value.startswith("{"):
        value = parse_cell(value)
    return value if isinstance(value, dict) else {}


def as_number(value: Any) -> float | None:
    """A finite number, also one that stands in text; truth values are none.

    What is too large for single precision is none either, what is too small is zero.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not abs(number) <= _LARGEST:
        return None
    return number if abs(number) >= _SMALLEST else 0.0


def is_missing(value: Any) -> bool:
    """Nothing, also as text; NaN and infinities count as nothing."""
    if isinstance(value, str) and value:
        try:
            return not math.isfinite(float(value))
        except ValueError:
            return False
    return value in (None, "")

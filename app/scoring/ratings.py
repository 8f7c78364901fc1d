"""Verdicts that come from elsewhere, put on samples that are here: a column per rater.

What other judges, other tools or other people said of samples becomes an imported signal like a
rating that came with the file itself; calibration and learning read it as labels.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field, field_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.curation.readers.base import Row
from app.curation.readers.known import ABOUT_COLUMNS
from app.curation.readers.sniff import UnreadableFileError, open_rows
from app.curation.records import Rejected
from app.curation.signals.base import Scores
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.samples import registry
from app.samples.models import DatasetSignal, Sample
from app.scoring.writing import write_values
from app.validation import build

_BATCH = 5000
_MOST_REJECTED = 1000
_MOST_COLUMNS = 50


class RatingsIn(BaseModel):
    """How the rows of a file find their samples, and what its words are worth."""

    on: Literal["external_id", "id"] = Field(
        "external_id", description="Match by the sample's external_id, or by its number here"
    )
    column: str = Field("", max_length=200, description="The file's column with that id")
    columns: list[str] = Field([], max_length=_MOST_COLUMNS, description="Ratings; empty: all")
    values: dict[str, float] = Field(
        {}, max_length=100, description='What words stand for: {"1": 1, "2": 0, "0": 0.5}'
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _parted(cls, given: Any) -> Any:
        return [one for one in given.split(",") if one] if isinstance(given, str) else given


@dataclass(slots=True)
class Rated:
    """What became of the rows: samples rated, signals written, rows that could not be used."""

    rated: int = 0
    signals: list[str] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    rejected_count: int = 0

    def reject(self, line: int, reason: str) -> None:
        """List a row that could not be used; beyond a thousand they are counted."""
        self.rejected_count += 1
        if len(self.rejected) < _MOST_REJECTED:
            self.rejected.append({"line": line, "reason": reason})


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the file: which sample it is about, and its ratings by column."""

    line: int
    key: str
    ratings: Mapping[str, float]


def from_form(form: Mapping[str, str]) -> RatingsIn:
    """What stands in a form: columns parted by commas, values as JSON or as `word=number` lines."""
    fields: dict[str, Any] = {
        name: form[name] for name in ("on", "column", "columns") if form.get(name)
    }
    text = form.get("values", "").strip()
    if text.startswith("{"):
        try:
            fields["values"] = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidError(f"`values` is no JSON object: {error}.") from error
    elif text:
        fields["values"] = dict(_worth(one) for one in re.split(r"[,\n]", text) if one.strip())
    return build(RatingsIn, fields, "ratings")


def _worth(text: str) -> tuple[str, str]:
    word, separator, number = text.rpartition("=")
    if not separator:
        raise InvalidError(f"`{text.strip()}` does not say what a word is worth: write `word=1`.")
    return word.strip(), number.strip()


def from_uploads(
    session: Session, dataset: Dataset, files: Sequence[Any], given: RatingsIn, *, by: Principal
) -> Rated:
    """Add the ratings of the one file of a form (anything with `filename` and `file`)."""
    if len(files) != 1:
        raise InvalidError("Send one file of ratings.")
    with tempfile.NamedTemporaryFile(prefix="winnow-ratings-") as aside:
        shutil.copyfileobj(files[0].file, aside)
        aside.flush()
        name = files[0].filename or "ratings"
        return add(session, dataset, Path(aside.name), name, given, by=by)


def add(
    session: Session, dataset: Dataset, path: Path, name: str, given: RatingsIn, *, by: Principal
) -> Rated:
    """Write the ratings of a file onto the samples they are about.

    A rating replaces the one of the same column; samples that the file does not name, and columns
    that a row leaves empty, keep what they have. Refuses a column that a measured signal is named,
    and a file of which no row could be used.
    """
    require_role(by, Role.LEAD, "add ratings")
    rated = Rated()
    written: dict[str, DatasetSignal] = {}
    try:
        with open_rows(path, name) as rows:
            batch: list[_Line] = []
            for line in _lines(rows, given, rated):
                batch.append(line)
                if len(batch) >= _BATCH:
                    _write(session, dataset, batch, given, rated, written)
                    batch.clear()
            _write(session, dataset, batch, given, rated, written)
    except UnreadableFileError as error:
        raise InvalidError(str(error)) from error
    if not rated.rated:
        raise _nothing_rated(rated)
    rated.signals = sorted(written)
    after = {"file": name, "rated": rated.rated, "signals": rated.signals}
    about = ("dataset", dataset.id)
    audit.record(session, by, "ratings.add", about, dataset_id=dataset.id, after=after)
    return rated


def _nothing_rated(rated: Rated) -> InvalidError:
    if not rated.rejected:
        return InvalidError("The file has no rows.")
    first = rated.rejected[0]
    return InvalidError(
        f"None of the {rated.rejected_count:,} rows could be used. "
        f"Line {first['line']}: {first['reason']}",
        errors=[
            {"path": f"line {one['line']}", "message": one["reason"]} for one in rated.rejected
        ],
    )


def _lines(rows: Iterator[Row | Rejected], given: RatingsIn, rated: Rated) -> Iterator[_Line]:
    column = given.column
    for row in rows:
        if isinstance(row, Rejected):
            rated.reject(row.line, row.reason)
            continue
        column = column or _id_column(row, given)
        key = row.values.get(column)
        if key is None or isinstance(key, dict | list):
            rated.reject(row.line, f"It has no `{column}` that tells which sample it is about.")
            continue
        names = given.columns or [one for one in row.values if one != column]
        found = {name: _rating(row.values.get(name), given) for name in names}
        ratings = {name: value for name, value in found.items() if value is not None}
        if not ratings:
            rated.reject(row.line, f"There is no number in {', '.join(names[:5]) or 'any column'}.")
            continue
        yield _Line(row.line, str(key), ratings)


def _id_column(row: Row, given: RatingsIn) -> str:
    likely = ("id",) if given.on == "id" else ABOUT_COLUMNS["external_id"]
    for name in likely:
        if name in row.values:
            return name
    raise InvalidError(
        f"Which column tells the sample? The file has {', '.join(list(row.values)[:10])}. "
        "Name it as `column`."
    )


def _rating(value: Any, given: RatingsIn) -> float | None:
    if value is None:
        return None
    worth = given.values.get(str(value).strip())
    if worth is not None:
        return worth
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _write(
    session: Session,
    dataset: Dataset,
    lines: Sequence[_Line],
    given: RatingsIn,
    rated: Rated,
    written: dict[str, DatasetSignal],
) -> None:
    known = _samples(session, dataset, lines, given)
    found = []
    for line in lines:
        if line.key in known:
            found.append((known[line.key], line.ratings))
        else:
            rated.reject(line.line, f"There is no sample with the {given.on} `{line.key}` here.")
    names = sorted({name for _, ratings in found for name in ratings})
    _claim(session, dataset, [name for name in names if name not in written], written)
    for name in names:
        rows = [(sample, ratings[name]) for sample, ratings in found if name in ratings]
        # The last of several ratings of one sample counts.
        last = dict(rows)
        values = np.array(list(last.values()), np.float32).reshape(-1, 1)
        ids, revisions = [one for one, _ in last], [revision for _, revision in last]
        write_values(session, ids, revisions, [([written[name]], Scores(values))])
    rated.rated += len({sample for sample, _ in found})


def _samples(
    session: Session, dataset: Dataset, lines: Sequence[_Line], given: RatingsIn
) -> dict[str, tuple[int, int]]:
    """Number and revision of the samples that lines are about, by the key in the file."""
    keys = {line.key for line in lines}
    query = select(Sample.id, Sample.revision, Sample.external_id)
    mine = query.where(Sample.dataset_id == dataset.id)
    if given.on == "id":
        numbers = [int(key) for key in keys if key.isdecimal() and len(key) < 19]
        found = session.execute(mine.where(Sample.id.in_(numbers)))
        return {str(row.id): (row.id, row.revision) for row in found}
    found = session.execute(mine.where(Sample.external_id.in_(keys)))
    return {row.external_id: (row.id, row.revision) for row in found}


def _claim(
    session: Session, dataset: Dataset, names: Sequence[str], written: dict[str, DatasetSignal]
) -> None:
    if len(written) + len(names) > _MOST_COLUMNS:
        raise InvalidError(f"The file has more than {_MOST_COLUMNS} columns of ratings: name some.")
    for name in names:
        if not name.isidentifier():
            raise InvalidError(
                f"`{name}` can't be asked for in filters: rename the column with letters, digits "
                "and underscores, or name the columns to take."
            )
    specs = [registry.imported_spec(name, name) for name in names]
    if specs:
        slots = registry.claim_slots(session, dataset.id, specs, None)
        written.update({one.name: one for one in slots})

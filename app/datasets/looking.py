"""Looking at a file before it is imported: what it holds, and how its columns would be read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from app.curation.readers.base import Row
from app.curation.readers.layouts import MappingError, Proposal, override, propose
from app.curation.readers.mapping import ColumnMapping
from app.curation.readers.sniff import UnreadableFileError, open_rows
from app.curation.records import Kind, Rejected
from app.datasets.models import Import
from app.errors import InvalidError

_SHOWN_ROWS = 20
_LOOKED_AT = 100
# Names of columns that hold somebody's rating: these become signals unless the lead says no.
_LIKELY_SCORE = re.compile(r"(?:^|_)(?:scores?|ratings?|judge|quality|reward)(?:_|$)")


class UnreadableImportError(InvalidError):
    """A file of an import is neither text nor a table, or cannot be opened."""


@dataclass(frozen=True, slots=True)
class Options:
    """How columns are read: a whole mapping, or changes to what is recognised in each file.

    `scores` is "likely" (columns named like ratings), "all" numeric ones, "none", or names.
    """

    mapping: ColumnMapping | None = None
    overrides: Mapping[str, str] | None = None
    scores: str | Sequence[str] = "likely"

    def as_json(self) -> dict[str, Any]:
        """For the database."""
        return {
            "mapping": self.mapping.model_dump(mode="json") if self.mapping else None,
            "overrides": dict(self.overrides or {}),
            "scores": self.scores if isinstance(self.scores, str) else list(self.scores),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Options":
        """From the database."""
        stored = stored or {}
        mapping = stored.get("mapping")
        return cls(
            mapping=ColumnMapping.model_validate(mapping) if mapping else None,
            overrides=stored.get("overrides") or {},
            scores=stored.get("scores", "likely"),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What a file holds: the proposal, its first rows and first rejects, repairs made."""

    reader: str
    proposal: Proposal
    mapping: ColumnMapping | None
    rows: list[Row]
    rejected: list[Rejected]
    warnings: list[str]


def look(file: Mapping[str, Any], options: Options) -> Look:
    """Read the first rows and say how they would be taken."""
    try:
        with open_rows(Path(file["path"]), file["name"]) as rows:
            items = list(islice(rows, _LOOKED_AT))
            good = [item for item in items if isinstance(item, Row)]
            proposal = propose(good)
            return Look(
                reader=rows.reader.title,
                proposal=proposal,
                mapping=mapping_for(proposal, options),
                rows=good[:_SHOWN_ROWS],
                rejected=[item for item in items if isinstance(item, Rejected)][:_SHOWN_ROWS],
                warnings=rows.warnings,
            )
    except UnreadableFileError as error:
        raise UnreadableImportError(str(error)) from error


def mapping_for(proposal: Proposal, options: Options) -> ColumnMapping | None:
    """The mapping of a file: as given, else as recognised with the lead's changes."""
    if options.mapping is not None:
        return options.mapping
    mapping = proposal.mapping
    if options.overrides:
        names = [column.name for column in proposal.columns]
        try:
            mapping = override(mapping, options.overrides, names)
        except MappingError as error:
            raise InvalidError(str(error)) from error
    if mapping is None:
        return None
    return mapping.model_copy(update={"scores": chosen_scores(proposal, options.scores)})


def chosen_scores(proposal: Proposal, wanted: str | Sequence[str]) -> dict[str, str]:
    """The numeric columns that become signals, by the name they get."""
    if wanted == "none":
        return {}
    if wanted == "all":
        return dict(proposal.scores)
    if wanted == "likely":
        return {
            name: path
            for name, path in proposal.scores.items()
            if _LIKELY_SCORE.search(name) or path.startswith("scores.")
        }
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    unknown = set(names) - set(proposal.scores)
    if unknown:
        known = ", ".join(proposal.scores) or "none"
        raise InvalidError(f"There is no numeric column `{min(unknown)}`; there are: {known}.")
    return {name: proposal.scores[name] for name in names}


def by_hand(batch: Import, kind: Kind, fields: Mapping[str, str], scores: Sequence[str]) -> Options:
    """The mapping that a lead chose on the page; refuses one that its kind does not allow.

    Several files may have several layouts: where nothing was changed, each is recognised anew.
    """
    look_ = look(batch.files[0], Options())
    if look_.mapping and look_.mapping.kind is kind and dict(look_.mapping.fields) == dict(fields):
        return Options(scores=tuple(scores) or "none")
    names = [column.name for column in look_.proposal.columns]
    try:
        mapping = override(None, fields, names, kind)
    except MappingError as error:
        raise InvalidError(str(error)) from error
    chosen = chosen_scores(look_.proposal, tuple(scores))
    return Options(mapping=mapping.model_copy(update={"scores": chosen}))

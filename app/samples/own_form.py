"""Samples in the form that the API itself gives: kind, body and what is about it."""

from typing import Any

from app.curation.readers.base import Row
from app.curation.readers.mapping import MOST_ID_CHARS, as_number
from app.curation.records import Kind, Origin, Record
from app.errors import InvalidError
from app.samples.schemas import SampleOut
from app.samples.service import check_body

_MOST_NAME_CHARS = 100
_MOST_WORD_CHARS = 1000
_FIELDS = frozenset(SampleOut.model_fields)


def own_form(row: Row) -> Record:
    """A row in the form that the API itself gives: kind, body and what is about it."""
    values = row.values
    unknown = sorted(set(values) - _FIELDS)
    if unknown:
        raise InvalidError(f"There is no field `{unknown[0]}`; other facts go under `metadata`.")
    kind = _kind(values)
    return Record(
        kind=kind,
        body=check_body(kind, _dict(values, "body")),
        external_id=_word(values, "external_id"),
        language=_word(values, "language"),
        domain=_word(values, "domain"),
        origin=_origin(values.get("origin")),
        metadata=_dict(values, "metadata"),
        scores=_scores(_dict(values, "scores")),
        tags=tuple(_tags(values.get("tags"))),
        line=row.line,
    )


def _kind(values: dict[str, Any]) -> Kind:
    given = values.get("kind")
    if given is None:
        fields = set(_dict(values, "body"))
        guesses = {"messages": Kind.CHAT, "chosen": Kind.PREFERENCE, "solution": Kind.COMPLETION}
        guesses |= {"instruction": Kind.INSTRUCTION, "text": Kind.TEXT}
        found = next((kind for name, kind in guesses.items() if name in fields), None)
        if found is not None:
            return found
    if given not in list(Kind):
        raise InvalidError(f"`kind` is {given!r}; it is one of {', '.join(Kind)}.")
    return Kind(given)


def _dict(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name) or {}
    if not isinstance(value, dict):
        raise InvalidError(f"`{name}` must be an object.")
    return value


def _word(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str | int):
        raise InvalidError(f"`{name}` must be text.")
    if len(str(value)) > MOST_ID_CHARS and name == "external_id":
        raise InvalidError(f"`external_id` has at most {MOST_ID_CHARS} characters.")
    if len(str(value)) > _MOST_WORD_CHARS:
        raise InvalidError(f"`{name}` has at most {_MOST_WORD_CHARS} characters.")
    return str(value) if value not in {None, ""} else None


def _origin(value: Any) -> Origin | None:
    if value is None:
        return None
    if value not in list(Origin):
        raise InvalidError(f"`origin` is {value!r}; it is one of {', '.join(Origin)}.")
    return Origin(value)


def _scores(values: dict[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in values.items():
        number = as_number(value) if isinstance(value, int | float) else None
        if not name.isidentifier() or number is None or len(name) > _MOST_NAME_CHARS:
            raise InvalidError(
                f"`scores.{name[:_MOST_NAME_CHARS]}` must be a number, of single precision, under "
                f"a plain name of at most {_MOST_NAME_CHARS} characters."
            )
        found[name] = number
    return found


def _tags(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise InvalidError("`tags` must be a list of words.")
    return value

"""Parameters and bodies against their models, with sentences for people."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, WithJsonSchema

from app.errors import InvalidError

Model = TypeVar("Model", bound=BaseModel)

# An amount in the currency of a provider's prices, exact to a millionth.
Money = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=6),
    WithJsonSchema({"type": "number", "minimum": 0}, mode="validation"),
]


# What is wrong by the type of an error, after the name of the field.
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "bool_parsing": "must be true or false",
    "json_invalid": "is no JSON",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "string_too_long": "may have {max_length} characters at most",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "may have {max_length} entries at most",
    "too_short": "must have at least {min_length} entries",
    "string_pattern_mismatch": "holds what it may not; it must match {pattern}",
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(
        ("float_parsing", "float_type", "decimal_parsing", "decimal_type", "finite_number"),
        "must be a number",
    ),
}


def problems_of(errors: Iterable[Mapping[str, Any]], prefix: str = "") -> list[dict[str, str]]:
    """Each error of Pydantic with the path of its field, in words for people."""
    found = []
    for one in errors:
        path = ".".join([*([prefix] if prefix else []), *(str(part) for part in one["loc"])])
        said = _SAID.get(one["type"], "")
        own = one["msg"].removeprefix("Value error, ")
        bounds = {name: _plain(value) for name, value in one.get("ctx", {}).items()}
        found.append({"path": path, "message": said.format(**bounds) if said else own})
    return found


def _plain(value: object) -> object:
    """A whole number without the decimals that its type gives it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def sentence(problems: Iterable[Mapping[str, str]]) -> str:
    """All of them in a sentence: a field with what is wrong, or what is wrong by itself."""
    told = []
    for one in problems:
        by_field = one["message"].startswith(("is ", "must ", "may ", "holds "))
        told.append(f"{one['path']}{' ' if by_field else ': '}{one['message'].rstrip('.')}")
    return f"{'; '.join(told)}."


def build(model: type[Model], values: Mapping[str, Any], prefix: str) -> Model:
    """Validate what came from a form, a command line or JSON; errors name each bad field."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = problems_of(error.errors(), prefix)
        raise InvalidError(sentence(problems), errors=problems) from error

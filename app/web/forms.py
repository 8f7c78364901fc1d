"""Forms drawn from the JSON schema of a method's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.errors import InvalidError

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FormField:
    """One parameter as a field: its widget follows from its type."""

    name: str
    title: str
    help: str
    widget: str
    default: Any
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def fields_of(model: type[BaseModel]) -> list[FormField]:
    """The fields to draw, in the order of the class."""
    schema = model.model_json_schema()
    return [_field(name, spec) for name, spec in schema.get("properties", {}).items()]


def _field(name: str, spec: Mapping[str, Any]) -> FormField:
    plain = next((item for item in spec.get("anyOf", ()) if item.get("type") != "null"), spec)
    widgets = {"boolean": "checkbox", "integer": "integer", "number": "number"}
    widget = "select" if "enum" in plain else widgets.get(plain.get("type", ""), "text")
    return FormField(
        name=name,
        title=str(spec.get("title", name)),
        help=str(spec.get("description", "")),
        widget=widget,
        default=spec.get("default"),
        choices=tuple(str(choice) for choice in plain.get("enum", ())),
        minimum=plain.get("minimum", plain.get("exclusiveMinimum")),
        maximum=plain.get("maximum", plain.get("exclusiveMaximum")),
    )


def build(model: type[Model], values: Mapping[str, Any], prefix: str) -> Model:
    """Validate what came from a form, a command line or JSON; errors name each bad field."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = [
            {
                "path": f"{prefix}.{'.'.join(str(part) for part in item['loc'])}",
                "message": item["msg"],
            }
            for item in error.errors()
        ]
        named = "; ".join(f"{problem['path']}: {problem['message']}" for problem in problems)
        raise InvalidError(f"{named}.", errors=problems) from error

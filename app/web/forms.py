"""Forms drawn from the JSON schema of a method's parameters."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile

_LONG = 2000  # characters: such a text wants lines
_SPELLED = {"json": "JSON", "mb": "MB", "rouge": "ROUGE", "ngram": "n-gram"}


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
    if widget == "text" and plain.get("maxLength", 0) >= _LONG:
        widget = "textarea"
    return FormField(
        name=name,
        title=_title(name),
        help=str(spec.get("description", "")),
        widget=widget,
        default=spec.get("default"),
        choices=tuple(str(choice) for choice in plain.get("enum", ())),
        minimum=plain.get("minimum", plain.get("exclusiveMinimum")),
        maximum=plain.get("maximum", plain.get("exclusiveMaximum")),
    )


def _title(name: str) -> str:
    words = [_SPELLED.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


async def _form_fields(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


async def _uploads(request: Request) -> AsyncIterator[list[UploadFile]]:
    form = await request.form(max_files=1000)
    try:
        yield [part for part in form.getlist("file") if isinstance(part, UploadFile)]
    finally:
        await form.close()


# The files of a multipart form; large ones wait on disk.
Uploads = Annotated[list[UploadFile], Depends(_uploads)]
# All text fields of a form, where their names depend on what is shown.
FormFields = Annotated[dict[str, str], Depends(_form_fields)]


def multipart(model: type[BaseModel]) -> dict[str, Any]:
    """The description, in OpenAPI, of a form with files and the texts of the model."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    schema = model.model_json_schema()
    schema["properties"] = {"file": files, **schema["properties"]}
    schema["required"] = ["file"]
    return {"multipart/form-data": {"schema": schema}}


def params_from_form(model: type[BaseModel], form: Mapping[str, str], key: str) -> dict[str, Any]:
    """The parameters of a method from a form whose fields are named KEY.PARAMETER.

    An unchecked box sends nothing, which means false; an empty field means the default.
    """
    params: dict[str, Any] = {}
    for field in fields_of(model):
        value = form.get(f"{key}.{field.name}")
        if field.widget == "checkbox":
            params[field.name] = value is not None
        elif value:
            params[field.name] = value
    return params

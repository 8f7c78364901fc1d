"""Methods as JSON: their words and the schema of their parameters."""

from typing import Any

from pydantic import BaseModel

from app.curation.methods import Method


class MethodOut(BaseModel):
    """A method: its key, words for people, and the JSON schema of its parameters."""

    key: str
    title: str
    help: str
    version: int
    params: dict[str, Any]
    measures: list[dict[str, str]] = []


def method_out(method: type[Method]) -> MethodOut:
    """The method as JSON."""
    return MethodOut(
        key=method.key,
        title=method.title,
        help=method.help(),
        version=method.version,
        params=method.model_json_schema(),
        measures=[
            {"name": one.name, "title": one.title, "help": one.help, "unit": one.unit}
            for one in getattr(method, "measures", ())
        ],
    )

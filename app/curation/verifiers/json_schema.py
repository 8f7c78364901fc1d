"""JSON against a schema."""

import json
from typing import Any, ClassVar

import jsonschema_rs
from pydantic import Field, field_validator

from app.curation.records import Record
from app.curation.text.code import FENCED
from app.curation.verifiers.base import (
    FieldName,
    Tools,
    Verdict,
    Verifier,
    field_of,
    lacks,
    text_of,
)

_MOST_SHOWN = 3


class JsonSchema(Verifier):
    """Is the answer JSON that meets the schema?

    The answer may be all JSON, or hold it in one fenced block; words around it are refuted where
    that is asked for. Schemas are of any draft; references to other documents are not followed.
    """

    key: ClassVar = "json_schema"
    title: ClassVar = "JSON meets its schema"

    answer: FieldName = Field("response", description="Field with the JSON")
    json_schema: str = Field("", max_length=100_000, description="Schema as JSON, for all samples")
    schema_field: FieldName = Field(
        "metadata.schema", description="Field with a sample's own schema, where none is given above"
    )
    alone: bool = Field(False, description="Refute words or a fence around the JSON")

    @field_validator("json_schema")
    @classmethod
    def _readable(cls, given: str) -> str:
        if given:
            _validator(json.loads(given))
        return given

    def verify(self, record: Record, tools: Tools) -> Verdict:
        text = text_of(record, self.answer)
        wanted: Any = self.json_schema or field_of(record, self.schema_field)
        if not wanted:
            return lacks("schema", self.schema_field)
        try:
            validator = _validator(json.loads(wanted) if isinstance(wanted, str) else wanted)
        except (ValueError, RecursionError) as error:
            return Verdict(None, f"The schema can't be used: {str(error).splitlines()[0][:300]}")
        try:
            found = json.loads(text if self.alone else _inside(text))
        except (ValueError, RecursionError) as error:
            return Verdict(False, f"It is no JSON: {error}")
        problems = [
            f"{'.'.join(map(str, one.instance_path)) or 'all'}: {one.message[:200]}"
            for one, _ in zip(validator.iter_errors(found), range(_MOST_SHOWN), strict=False)
        ]
        return Verdict(not problems, "; ".join(problems) or "It meets the schema.")


def _inside(text: str) -> str:
    blocks = FENCED.findall(text)
    return blocks[0][1] if len(blocks) == 1 else text


def _validator(schema: Any) -> Any:
    return jsonschema_rs.validator_for(schema, retriever=_not_followed)


def _not_followed(address: str) -> Any:
    raise ValueError(f"{address} is another document, which is not read.")

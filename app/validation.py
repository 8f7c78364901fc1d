"""Parameters and bodies against their models, with sentences for people."""

from collections.abc import Mapping
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

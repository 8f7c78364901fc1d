"""What is wrong with parameters, in words for people."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from app.errors import InvalidError
from app.validation import build


class Params(BaseModel):
    """Of every kind that forms have."""

    name: str = Field("a", pattern="^[a-z]+$", max_length=5)
    rate: float = Field(0.5, ge=0, le=1)
    count: int = Field(1, gt=0)
    way: Literal["up", "down"] = "up"
    parts: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    low: int = 0

    @model_validator(mode="after")
    def _ordered(self) -> "Params":
        if self.low > self.count:
            raise ValueError("the low end must come before the count")
        return self


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "X"}, "form.name holds what it may not; it must match ^[a-z]+$."),
        ({"name": "abcdef"}, "form.name may have 5 characters at most."),
        ({"rate": "2"}, "form.rate must be 1 or less."),
        ({"rate": "much"}, "form.rate must be a number."),
        ({"count": 0}, "form.count must be more than 0."),
        ({"count": "1.5"}, "form.count must be a whole number."),
        ({"way": "left"}, "form.way must be one of 'up' or 'down'."),
        ({"parts": []}, "form.parts must have at least 1 entries."),
        ({"low": 3}, "form: the low end must come before the count."),
        (
            {"rate": "much", "count": "many"},
            "form.rate must be a number; form.count must be a whole number.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        build(Params, given, "form")

    assert str(refused.value) == said
    assert all(one["path"].startswith("form") for one in refused.value.errors)

"""The body of a sample as labelled parts to read, and back from the fields of a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.curation.records import BODY_FIELDS, Kind
from app.curation.text.counting import count_words

_PROMPTS = {"instruction", "prompt", "signature"}
_CODE = {"signature", "solution", "tests"}
_LABELS = {"output": "Response"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sample: its field, its label, its text and how it reads."""

    field: str
    label: str
    text: str
    style: str = ""

    @property
    def words(self) -> int:
        """Words, told beside the label."""
        return count_words(self.text)


def parts(kind: Kind, body: Mapping[str, Any]) -> list[Part]:
    """What to show, in reading order; empty parts are left out."""
    if kind is Kind.CHAT:
        return [
            Part(
                f"messages.{number}",
                str(turn["role"]).capitalize(),
                turn["content"],
                "user" if turn["role"] == "user" else "",
            )
            for number, turn in enumerate(body["messages"])
        ]
    return [
        Part(name, _LABELS.get(name, name.capitalize()), body[name], _style(name))
        for name in BODY_FIELDS[kind]
        if body.get(name)
    ]


def _style(name: str) -> str:
    if name in _CODE:
        return "code"
    return "prompt" if name in _PROMPTS else ""


def body_from_form(kind: Kind, form: Mapping[str, str]) -> dict[str, Any]:
    """The edited body: fields are named body.FIELD, turns body.messages.N.role and .content."""
    if kind is not Kind.CHAT:
        return {name: _text(form, f"body.{name}") for name in BODY_FIELDS[kind]}
    turns: list[dict[str, str]] = []
    while f"body.messages.{len(turns)}.role" in form:
        prefix = f"body.messages.{len(turns)}"
        turns.append({"role": form[f"{prefix}.role"], "content": _text(form, f"{prefix}.content")})
    return {"messages": turns}


def _text(form: Mapping[str, str], name: str) -> str:
    """Browsers send line ends as CR LF; samples keep LF."""
    return form.get(name, "").replace("\r\n", "\n")

"""Turns of a conversation as one text with their speakers, and back."""

import re
from collections.abc import Mapping, Sequence

Message = dict[str, str]

_SPEAKERS = {"user": "Human", "assistant": "Assistant", "system": "System"}
_ROLES = {
    **{speaker: role for role, speaker in _SPEAKERS.items()},
    "Developer": "developer",
    "Tool": "tool",
    "Function": "function",
    "Function_call": "function_call",
}
_TURN = re.compile(rf"(?:\A|\n\n)({'|'.join(_ROLES)}): ")


def transcript(turns: Sequence[Mapping[str, str]]) -> str:
    """One turn as its text, several with their speakers."""
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n\n".join(
        f"{_SPEAKERS.get(turn['role'], turn['role'].capitalize())}: {turn['content']}"
        for turn in turns
    )


def turns_in(text: str, role: str) -> list[Message]:
    """The turns of a transcript; a text that is none is one turn of this role.

    It is one where `transcript` makes the very same text of what was read.
    """
    parts = _TURN.split(text)
    turns = [
        {"role": _ROLES[speaker], "content": said}
        for speaker, said in zip(parts[1::2], parts[2::2], strict=True)
    ]
    if len(turns) > 1 and transcript(turns) == text:
        return turns
    return [{"role": role, "content": text}]

"""The gates of LAB: each asks for an explanation first, and reads the verdict strictly."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.curation.generators.base import Draft, Gate, Made, Outcome, settled
from app.curation.generators.talk import DiscardError, Talk

_REASON = 500  # characters
Check = Callable[[], Awaitable[Gate]]


async def scored(
    talk: Talk, prompt: str, values: Mapping[str, str], *, name: str, least: int, most: int
) -> Gate:
    """A gate that keeps what is scored `least` or better; nothing is scored above `most`."""
    names = {"explanation": "string", "score": "number"}
    said = await talk.fields(prompt, values, names, cold=True)
    score = _whole(said["score"], most)
    return Gate(name, score >= least, f"{score} of {most}: {said['explanation'][:_REASON]}")


async def both(talk: Talk, prompt: str, values: Mapping[str, str], *, name: str) -> Gate:
    """A gate of two checks of one point each: both must hold."""
    names = {"explanation": "string", "question": "number", "answer": "number"}
    said = await talk.fields(prompt, values, names, cold=True)
    points = _whole(said["question"], 1) + _whole(said["answer"], 1)
    return Gate(name, points == len(names) - 1, f"{points} of 2: {said['explanation'][:_REASON]}")


async def affirmed(talk: Talk, prompt: str, values: Mapping[str, str], *, name: str) -> Gate:
    """A gate that is answered by yes or no."""
    names = {"explanation": "string", "supported": "string"}
    said = await talk.fields(prompt, values, names, cold=True)
    word = said["supported"].strip().lower().rstrip(".")
    if word not in {"yes", "no"}:
        raise DiscardError("unreadable", f"`{word[:40]}` is neither yes nor no.")
    return Gate(name, word == "yes", said["explanation"][:_REASON])


async def passed(gates: list[Gate], checks: Sequence[Check]) -> bool:
    """Whether all of these pass; those behind the first that does not are not asked."""
    for check in checks:
        gates.append(await check())
        if not gates[-1].passed:
            return False
    return True


async def kept(draft: Draft, make: Callable[[list[Gate]], Awaitable[Draft]]) -> Made:
    """The line of one draft: a reply of no use costs this draft alone, not its whole request."""
    gates: list[Gate] = []
    try:
        return settled(await make(gates), gates)
    except DiscardError as error:
        return Made(Outcome(error.outcome), draft, tuple(gates), str(error))


def _whole(score: float, most: int) -> int:
    if score not in range(most + 1):
        raise DiscardError("unreadable", f"A score of {score} is not one of 0 to {most}.")
    return int(score)

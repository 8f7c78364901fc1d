"""Trying a local model in a process of its own: what it takes is free again, and it may die."""

import asyncio
import subprocess
import sys
from dataclasses import asdict

import orjson

from app.curation.ports import Message, ModelError, Question, Reply
from app.providers.local_chat import LocalChat

_LONGEST_S = 300.0


def ask_once(model: str, question: Question, fingerprint: str = "") -> Reply:
    """The reply of a process that ends with it; raise ModelError that says what is wrong."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "app.providers.local_probe", model, fingerprint],
            input=orjson.dumps(asdict(question)),
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"{model} did not answer within {_LONGEST_S:g} s."
        raise ModelError(message, fatal=False) from error
    if done.returncode < 0:
        raise ModelError(
            f"The process that loaded {model} was ended by signal {-done.returncode}: the model "
            "does not fit into the memory of this machine.",
            fatal=True,
        )
    found = orjson.loads(done.stdout) if done.stdout else {"error": _last_line(done.stderr)}
    if "error" in found:
        raise ModelError(found["error"], fatal=True)
    return Reply(**found)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines() or ["it ended without a word"]
    return f"The model could not be tried: {lines[-1][:300]}"


def main() -> None:
    """Answer the question on standard input."""
    given = orjson.loads(sys.stdin.buffer.read())
    messages = tuple(_message(one) for one in given["messages"])
    question = Question(messages, max_tokens=given["max_tokens"])
    try:
        found = asdict(asyncio.run(_asked(LocalChat(sys.argv[1], 1, sys.argv[2]), question)))
    except ModelError as error:
        found = {"error": str(error)}
    sys.stdout.buffer.write(orjson.dumps(found))


def _message(given: dict[str, str]) -> Message:
    return Message(given["role"], given["content"])  # type: ignore[arg-type]


async def _asked(model: LocalChat, question: Question) -> Reply:
    return await model.ask(question)


if __name__ == "__main__":
    main()

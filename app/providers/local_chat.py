"""A chat model in this process: questions in flight are answered together, in batches."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.curation.ports import Message, ModelError, Question, Reply
from app.providers import local_models
from app.providers.local_models import Held

_GATHER_S = 0.02  # questions that arrive so soon after the first share its batch
_ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}
_NEXT_TURN = "\nUser:"
_TAIL = 8  # tokens: more than the next turn's name takes in any vocabulary


@dataclass(frozen=True, slots=True)
class _Waiting:
    question: Question
    reply: "asyncio.Future[Reply]"


class LocalChat:
    """A model from a folder or the hub. It is loaded with the first question, and kept."""

    def __init__(self, model: str, at_once: int = 16, fingerprint: str = "") -> None:
        self._name = model
        self._at_once = at_once
        self._fingerprint = fingerprint
        self._waiting: list[_Waiting] = []
        self._turning: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Reply:
        """One reply; raise ModelError where the model can't be loaded or the question not read."""
        waiting = _Waiting(question, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn())
        return await waiting.reply

    async def close(self) -> None:
        """End what is under way; the model stays, for the next job."""
        if self._turning is not None:
            self._turning.cancel()
            await asyncio.gather(self._turning, return_exceptions=True)

    async def _turn(self) -> None:
        """Batch after batch, until nothing waits."""
        await asyncio.sleep(_GATHER_S)
        while self._waiting:
            batch = self._next()
            started = time.monotonic()
            try:
                found = await asyncio.to_thread(self._answers, [one.question for one in batch])
            except Exception as error:  # noqa: BLE001 - each who asked hears of it
                found = [error] * len(batch)
            seconds = time.monotonic() - started
            for one, answer in zip(batch, found, strict=True):
                _settle(one.reply, answer, seconds)
            await asyncio.sleep(0)  # who got a reply asks the next question

    def _next(self) -> list[_Waiting]:
        """The oldest question and those that may be answered with it."""
        first = self._waiting[0].question
        like = [
            one
            for one in self._waiting
            if (one.question.temperature, one.question.max_tokens)
            == (first.temperature, first.max_tokens)
        ][: self._at_once]
        self._waiting = [one for one in self._waiting if one not in like]
        return like

    def _answers(self, questions: Sequence[Question]) -> list["Reply | Exception"]:
        if self._fingerprint and local_models.fingerprint(self._name) != self._fingerprint:
            raise ModelError(
                f"The files of {self._name} changed since the provider was saved. Save the "
                "provider again: the changed model then writes signals of its own.",
                fatal=True,
            )
        held = local_models.load(self._name)
        with local_models.memory_told(self._name):
            return _replies(held, questions)


def _settle(reply: "asyncio.Future[Reply]", found: Reply | Exception, seconds: float) -> None:
    if reply.done():
        return
    if isinstance(found, Exception):
        reply.set_exception(found)
    else:
        timed = Reply(found.text, found.finish, found.tokens_in, found.tokens_out, seconds)
        reply.set_result(timed)


def _replies(held: Held, questions: Sequence[Question]) -> list[Reply | Exception]:
    """Replies in order; a question longer than the model reads gets a sentence instead."""
    prompts = [_tokens(held, one.messages) for one in questions]
    fits = [row for row, ids in enumerate(prompts) if len(ids) < held.length]
    found: list[Reply | Exception] = [_too_long(held, len(ids)) for ids in prompts]
    if fits:
        replies = _generated(held, [prompts[row] for row in fits], questions[0])
        for row, reply in zip(fits, replies, strict=True):
            found[row] = reply
    return found


def _too_long(held: Held, count: int) -> ModelError:
    return ModelError(
        f"The question has {count:,} tokens, and {held.name} reads {held.length:,} in all.",
        fatal=False,
    )


def _tokens(held: Held, messages: Sequence[Message]) -> list[int]:
    """The turns as the model was trained on them, else with plain names before them."""
    if held.tokenizer.chat_template:
        turns = [{"role": one.role, "content": one.content} for one in messages]
        text = _templated(held, turns)
        return list(held.tokenizer(text, add_special_tokens=False)["input_ids"])
    lines = [f"{_ROLES[one.role]}: {one.content}" for one in messages]
    return list(held.tokenizer("\n".join([*lines, "Assistant:"]))["input_ids"])


def _templated(held: Held, turns: list[dict[str, str]]) -> str:
    """Templates that know no system turn are given its text before the first question."""
    how: dict[str, Any] = {"add_generation_prompt": True, "tokenize": False}
    try:
        return str(held.tokenizer.apply_chat_template(turns, **how))
    except Exception:  # a template raises whatever its author chose
        if turns[0]["role"] != "system" or len(turns) < 2:
            raise
        joined = f"{turns[0]['content']}\n\n{turns[1]['content']}"
        merged = [{"role": turns[1]["role"], "content": joined}, *turns[2:]]
        return str(held.tokenizer.apply_chat_template(merged, **how))


def _generated(held: Held, prompts: Sequence[Sequence[int]], like: Question) -> list[Reply]:
    """What the model writes; where memory is short, in halves."""
    try:
        return _batch(held, prompts, like)
    except RuntimeError as error:
        if not local_models.is_memory(error) or len(prompts) == 1:
            raise
    middle = len(prompts) // 2
    return _generated(held, prompts[:middle], like) + _generated(held, prompts[middle:], like)


def _batch(held: Held, prompts: Sequence[Sequence[int]], like: Question) -> list[Reply]:
    import torch  # noqa: PLC0415 - slow to import, and workers fork before they need it

    longest = max(len(ids) for ids in prompts)
    # Padded on the left: the model goes on writing at the right end of each.
    pad = held.tokenizer.pad_token_id
    ids = [[pad] * (longest - len(one)) + list(one) for one in prompts]
    mask = [[0] * (longest - len(one)) + [1] * len(one) for one in prompts]
    with torch.inference_mode():
        written = held.model.generate(
            input_ids=torch.tensor(ids, device=held.device),
            attention_mask=torch.tensor(mask, device=held.device),
            max_new_tokens=min(like.max_tokens, held.length - longest),
            pad_token_id=pad,
            stopping_criteria=_turned(held, longest),
            **_sampling(like),
        )
    rows = written[:, longest:].tolist()
    return [_reply(held, one, row) for one, row in zip(prompts, rows, strict=True)]


def _sampling(like: Question) -> dict[str, Any]:
    """Greedy at temperature 0; else drawn, without the model's own habits of cutting tails."""
    if like.temperature > 0:
        return {"do_sample": True, "temperature": like.temperature, "top_p": 1.0, "top_k": 0}
    return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}


def _turned(held: Held, start: int) -> list[Any]:
    """Ends a reply where a model that has no template of its own goes on with the next turn."""
    if held.tokenizer.chat_template:
        return []
    import torch  # noqa: PLC0415

    def ended(ids: Any, _scores: Any, **_: Any) -> Any:
        tails = [held.tokenizer.decode(row[start:][-_TAIL:]) for row in ids]
        return torch.tensor([_NEXT_TURN in one for one in tails], device=ids.device)

    return [ended]


def _reply(held: Held, prompt: Sequence[int], row: Sequence[int]) -> Reply:
    """The tokens before the one that ends the text; without one it was cut off."""
    ends = _ends(held)
    stop = next((place for place, token in enumerate(row) if token in ends), None)
    kept = row if stop is None else row[:stop]
    text = held.tokenizer.decode(kept, skip_special_tokens=True)
    spoken, turned, _ = text.partition(_NEXT_TURN if not held.tokenizer.chat_template else "\0")
    finish = "length" if stop is None and not turned else "stop"
    count = len(row) if stop is None else stop + 1
    return Reply(spoken.strip(), finish, len(prompt), count, 0.0)


def _ends(held: Held) -> set[int]:
    known = held.model.generation_config.eos_token_id
    more = known if isinstance(known, list) else [known]
    return {held.tokenizer.eos_token_id, *(int(one) for one in more if one is not None)}

"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, gateways."""

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError

from app.curation.ports import ModelError, Question, Reply
from app.providers.pace import Pace
from app.providers.transport import RefusedAddressError, TooLongError, Transport

TRIES = 6
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_ASKED_S = 0.5, 20.0, 300.0
_CHARS_PER_TOKEN = 4  # of English text, for the limit of tokens per minute alone
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
_FATAL = {401, 403, 404}
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}length|tokens", re.IGNORECASE)
_KEYS = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.-]{6,}|\bBearer \S+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers, and how hard it may be asked; 0 means no limit."""

    url: str
    model: str
    key: str = ""
    concurrency: int = 16
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    timeout_s: float = 120.0


class OpenAIChat:
    """A chat model behind an endpoint. Retries what may succeed, and waits as long as it is told.

    Schemas go along as `response_format`; an endpoint that refuses that is asked without it from
    then on, since the prompt says the form as well.
    """

    def __init__(self, endpoint: Endpoint, tries: int = TRIES) -> None:
        self._endpoint = endpoint
        self._tries = tries
        self._pace = Pace(endpoint.requests_per_minute, endpoint.tokens_per_minute)
        self._formats = True
        self._temperature = True
        self._limit = "max_tokens"
        self._client = AsyncOpenAI(
            api_key=endpoint.key or "none",
            base_url=endpoint.url,
            max_retries=0,
            http_client=httpx2.AsyncClient(
                transport=Transport(endpoint.concurrency),
                timeout=endpoint.timeout_s,
                follow_redirects=False,
                trust_env=False,
            ),
        )

    async def ask(self, question: Question) -> Reply:
        """One reply; raise ModelError where there is none after all tries."""
        for attempt in range(1, self._tries + 1):
            await self._pace.wait(_size(question))
            try:
                return await self._once(question)
            except OpenAIError as error:
                pause = self._pause(error, attempt)
                if pause is None or attempt == self._tries:
                    raise self._told(error, attempt) from error
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _once(self, question: Question) -> Reply:
        started = time.monotonic()
        body = self._body(question)
        try:
            # Not through `chat.completions.create`: what that builds around a reply takes as long
            # as all the rest.
            found: Any = await self._client.post("/chat/completions", cast_to=object, body=body)
        except APIStatusError as error:
            if error.status_code in {400, 422} and self._does_without(body, _said(error)):
                return await self._again(question, body)
            raise
        except ValueError as error:
            raise _BrokenReplyError(f"the reply is no JSON ({error})") from error
        return _reply(found, time.monotonic() - started)

    async def _again(self, question: Question, before: Mapping[str, Any]) -> Reply:
        """Once more in the other way; what did not help is not left out for good."""
        try:
            return await self._once(question)
        except APIStatusError:
            self._formats = self._formats or "response_format" in before
            raise

    def _does_without(self, body: Mapping[str, Any], said: str) -> bool:
        """Leave out, or name otherwise, what the endpoint says it does not take; whether it did."""
        if "max_tokens" in body and "max_completion_tokens" in said:
            self._limit = "max_completion_tokens"  # as models that reason want it
        elif "temperature" in body and "temperature" in said:
            self._temperature = False
        elif "response_format" in body and not _TOO_LONG.search(said):
            self._formats = False
        else:
            return False
        return True

    def _body(self, question: Question) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [{"role": one.role, "content": one.content} for one in question.messages],
            self._limit: question.max_tokens,
        }
        if self._temperature:
            body["temperature"] = question.temperature
        if question.schema is not None and self._formats:
            named = {"name": "reply", "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return body

    def _pause(self, error: OpenAIError, attempt: int) -> float | None:
        """Seconds until the next try; None where another try is of no use."""
        wait = min(_FIRST_PAUSE_S * 2.0 ** (attempt - 1), _LONGEST_PAUSE_S)
        wait *= random.uniform(0.75, 1.25)  # noqa: S311 - spreads the tries, guards nothing
        if isinstance(error, APIStatusError):
            if error.status_code not in _AGAIN:
                return None
            asked = _retry_after(error.response.headers)
            if asked is not None:
                self._pace.hold(asked)
                return asked
            return wait
        cause = _root(error)
        if isinstance(cause, RefusedAddressError | TooLongError):
            return None
        return wait if isinstance(error, APIConnectionError | _BrokenReplyError) else None

    def _told(self, error: OpenAIError, tries: int) -> ModelError:
        """What went wrong in a sentence that names the endpoint, never the key."""
        place, cause = self._endpoint.url, _root(error)
        times = f" {tries} times" if tries > 1 else ""
        if isinstance(error, APIStatusError):
            status, said = error.status_code, self._without_key(_said(error))
            if status in {401, 403}:
                return ModelError(f"{place} refused the key ({status}{said}).", fatal=True)
            if status == 404:
                what = f"the model {self._endpoint.model} or no chat completions under this URL"
                return ModelError(f"{place} does not know {what} (404{said}).", fatal=True)
            return ModelError(f"{place} answered {status}{times}{said}.", fatal=status in _FATAL)
        if isinstance(cause, RefusedAddressError):
            return ModelError(str(cause), fatal=True)
        if isinstance(error, APITimeoutError):
            limit = f"{self._endpoint.timeout_s:g} s"
            return ModelError(f"{place} did not answer within {limit}{times}.", fatal=False)
        if isinstance(error, APIConnectionError) and not isinstance(cause, TooLongError):
            return ModelError(f"{place} can't be reached{times}: {cause}.", fatal=False)
        said = f"{place} sent something that is no reply: {cause}."
        return ModelError(said, fatal=False, answered=tries)

    def _without_key(self, said: str) -> str:
        """The endpoint's words, without the key that some endpoints repeat."""
        key = self._endpoint.key
        return _KEYS.sub("[key]", said.replace(key, "[key]") if key else said)


class _BrokenReplyError(OpenAIError):
    """The body is no chat completion."""


def _reply(found: Any, seconds: float) -> Reply:
    try:
        choice = found["choices"][0]
        text = choice["message"]["content"] or ""
        usage = found.get("usage") or {}
        return Reply(
            text=str(text),
            finish=str(choice.get("finish_reason") or ""),
            tokens_in=int(usage.get("prompt_tokens") or 0),
            tokens_out=int(usage.get("completion_tokens") or 0),
            seconds=seconds,
        )
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        shown = str(found)[:200]
        raise _BrokenReplyError(f"{shown!r}") from error


def _size(question: Question) -> int:
    chars = sum(len(one.content) for one in question.messages)
    return chars // _CHARS_PER_TOKEN + question.max_tokens


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the endpoint asks to wait: a number or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_ASKED_S)


def _said(error: APIStatusError) -> str:
    """The endpoint's own words, shortened."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    if isinstance(message, dict):
        message = message.get("message")
    return f": {str(message)[:200]}" if message else ""


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error

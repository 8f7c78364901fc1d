"""A local HTTP endpoint that speaks chat completions, with faults to order."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """What the endpoint does with one request."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of a chat completion
    delay: float = 0.0
    cut: bool = False  # close in the middle of the body
    tokens: tuple[int, int] = (100, 20)


def graded(score: float | str, reason: str = "Clear and complete.") -> Answer:
    """A reply that a rubric can read."""
    return Answer(json.dumps({"reason": reason, "score": score}))


@dataclass(slots=True)
class Endpoint:
    """What was asked, and how many at once; `answer` decides what comes back."""

    answer: Callable[[Json], Answer]
    url: str = ""
    requests: list[Json] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    _now: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                raw = await reader.readexactly(int(fields.get("content-length", "0")))
                self.keys[fields.get("authorization", "")] += 1
                request = json.loads(raw or b"{}")
                self.requests.append(request)
                answer = self.answer(request)
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
                await asyncio.sleep(answer.delay)
                self._now -= 1
                await self._send(writer, answer)
                if answer.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        body = answer.body if answer.body is not None else _completion(answer)
        lines = [f"HTTP/1.1 {answer.status} X", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        sent = body[: len(body) // 2] if answer.cut else body
        writer.write("\r\n".join(lines).encode() + sent)
        await writer.drain()


def _completion(answer: Answer) -> bytes:
    message = {"role": "assistant", "content": answer.text}
    sent, received = answer.tokens
    return json.dumps(
        {
            "id": "one",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": sent, "completion_tokens": received},
        }
    ).encode()


@contextmanager
def serving(answer: Callable[[Json], Answer]) -> Iterator[Endpoint]:
    """The endpoint on a free port of loopback, in a thread of its own."""
    endpoint = Endpoint(answer)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(endpoint.handle, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(_end, loop)
        thread.join(5)
        loop.close()


def _end(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(0.05, loop.stop)


def asked(request: Json) -> str:
    """The sample in a request, without its fence."""
    content = str(request["messages"][1]["content"])
    return content.split("\n", 1)[1].rsplit("\n", 1)[0]

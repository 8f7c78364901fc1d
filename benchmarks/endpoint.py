"""An endpoint of chat completions that answers after a pause: python -m benchmarks.endpoint PORT.

In a process of its own, so that its work does not count as the worker's.
"""

import asyncio
import itertools
import json
import random
import sys

PAUSE_S = 0.5
_WORDS = [
    f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("ran", "lis", "mot", "den")
]
_NUMBERS = itertools.count()


def _answer() -> bytes:
    """A grade, and a task that no other reply has: what judges and generators ask for."""
    words = random.Random(next(_NUMBERS)).choices(_WORDS, k=60)
    reply = {
        "reason": "It explains the steps and says why.",
        "score": 4,
        "instruction": f"Explain {' '.join(words[:12])}.",
        "output": f"It is {' '.join(words[12:])}.",
    }
    message = {"role": "assistant", "content": json.dumps(reply)}
    body = json.dumps(
        {
            "id": "one",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 30},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = next(
                line for line in head.split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(PAUSE_S)
            writer.write(_answer())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_handle, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

"""What a method may be given from outside: a language model, an embedder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of what a model is asked."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides a reply: the messages, the parameters, the JSON schema it must meet."""

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    temperature: float = 0.0
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, the tokens it counted, the seconds it took."""

    text: str
    finish: str
    tokens_in: int
    tokens_out: int
    seconds: float


class ModelError(Exception):
    """The model gave no reply; the sentence says why.

    `fatal`: asking again is of no use. `answered`: it did answer, so often, in a way that no one
    can read; that has its price nonetheless.
    """

    def __init__(self, message: str, *, fatal: bool, answered: int = 0) -> None:
        super().__init__(message)
        self.fatal = fatal
        self.answered = answered


class LanguageModel(Protocol):
    """A chat model behind an endpoint or in this process."""

    async def ask(self, question: Question) -> Reply:
        """One reply; raise ModelError where there is none after all tries."""
        ...

    async def close(self) -> None:
        """Let go of connections and memory."""
        ...


class Embedder(Protocol):
    """Texts to vectors of unit length; the fingerprint names model and way of pooling."""

    fingerprint: str
    width: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, width); a text without words becomes zeros."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A program and the tests that it should pass.

    `helpers` is code that the exercise gives, as trusted as the tests; `libraries` names installed
    packages that both may import.
    """

    program: str
    tests: str
    entry_point: str = ""
    helpers: str = ""
    seconds: int = 5
    memory_mb: int = 512
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the tests passed, None where they could not tell; why not; calls they made."""

    passed: bool | None
    reason: str = ""
    calls: int = 0


class Sandbox(Protocol):
    """Runs what nobody has read, where it can do no harm."""

    def check(self, trial: Trial) -> Finding:
        """Run the tests against the program."""
        ...

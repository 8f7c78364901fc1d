"""What every method has in common: a key, help, parameters with a schema, a fingerprint."""

import hashlib
import inspect
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict


class Method(BaseModel):
    """A curation method: its fields are its parameters, its docstring the help in the pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def help(cls) -> str:
        """The docstring, as the pages and the API show it."""
        return inspect.cleandoc(cls.__doc__ or "")

    def params(self) -> dict[str, Any]:
        """All parameters, defaults and falsy ones included."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """SHA-256 over key, version and all parameters: equal means that results compare."""
        recipe = [self.key, self.version, self.params()]
        return hashlib.sha256(orjson.dumps(recipe, option=orjson.OPT_SORT_KEYS)).hexdigest()

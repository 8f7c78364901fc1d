"""The `winnow.json` beside a tree: which of its seeds people did not write, and who did.

A qna.yaml knows authors of leaves alone, so what a model wrote would come back as theirs.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from app.curation.records import Origin
from app.errors import InvalidError

NAME = "winnow.json"
_ABOUT = "Seeds of this tree that people did not write, by leaf and hash. Keep it with the tree."
Key = tuple[str, str]
_Name = Annotated[str, Field(max_length=500)]


@dataclass(frozen=True, slots=True)
class Maker:
    """What is known of how a seed was made; empty and 0 for what is not."""

    origin: Origin = Origin.SYNTHETIC
    model: str = ""
    generator: str = ""
    run: int = 0
    depth: int = 0

    def metadata(self) -> dict[str, Any]:
        """For the sample: its run is one of elsewhere, so it has a name of its own."""
        told = {
            "generator": self.generator,
            "model": self.model,
            "depth": self.depth,
            "made_in_run": self.run,
        }
        return {key: value for key, value in told.items() if value}


class _Line(BaseModel):
    leaf: str = Field(max_length=2000)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    origin: Literal[Origin.SYNTHETIC, Origin.WEB] = Origin.SYNTHETIC
    model: _Name = ""
    generator: _Name = ""
    run: int = Field(0, ge=0, lt=2**31)
    depth: int = Field(0, ge=0, le=1000)


class _File(BaseModel):
    seeds: list[_Line]


def key(leaf: str, question: str, answer: str, context: str) -> Key:
    """By what a seed is known again; blanks are left out, as YAML may change them."""
    words = [" ".join(one.split()) for one in (question, answer, context)]
    return leaf, hashlib.sha256(json.dumps(words).encode()).hexdigest()


def maker_of(origin: Origin, metadata: Mapping[str, Any]) -> Maker | None:
    """Who made a sample; None for people."""
    if origin is Origin.HUMAN:
        return None
    run, depth = metadata.get("run", metadata.get("made_in_run")), metadata.get("depth")
    return Maker(
        origin,
        str(metadata.get("model") or "")[:500],
        str(metadata.get("generator") or "")[:500],
        run if isinstance(run, int) else 0,
        depth if isinstance(depth, int) else 0,
    )


def written(makers: Iterable[tuple[Key, Maker]]) -> str:
    """The file for these seeds."""
    seeds = [{"leaf": leaf, "hash": digest, **asdict(one)} for (leaf, digest), one in makers]
    return json.dumps({"about": _ABOUT, "seeds": seeds}, ensure_ascii=False, indent=1)


def read(files: Mapping[str, bytes]) -> dict[Key, Maker]:
    """What these files say; one that can't be read is refused, for its seeds would be people's."""
    found: dict[Key, Maker] = {}
    for name, raw in files.items():
        try:
            lines = _File.model_validate_json(raw).seeds
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise InvalidError(
                f"{name} can't be read ({place or 'whole file'}: {first['msg'][:200]}). It says "
                "which seeds people did not write: mend it, or export the tree again."
            ) from error
        for one in lines:
            made = Maker(Origin(one.origin), one.model, one.generator, one.run, one.depth)
            found[(one.leaf, one.hash)] = made
    return found

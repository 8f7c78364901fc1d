"""Classifiers of texts in the format of Hugging Face: how sure they are of a label, per text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.ports import ModelError
from app.providers import local_models
from app.providers.local_models import Held, Use

_LONGEST = 512  # tokens of a text, of models that say nothing of their length
_AT_ONCE = {"cpu": 4096, "cuda": 65_536}  # tokens, padding included


@dataclass(frozen=True, slots=True)
class Read:
    """Values of texts (NaN where there is none), tokens that were read, tokens that there are."""

    values: NDArray[np.float32]
    read: NDArray[np.int64]
    there: NDArray[np.int64]


def labels(model: str) -> list[str]:
    """The labels that a model tells; one of them alone: it gives a number, not a class."""
    config = local_models.config_of(model, Use.LABELS)
    named = {int(place): str(label) for place, label in config.id2label.items()}
    return [named[place] for place in sorted(named)]


def place_of(model: str, label: str) -> int:
    """Where a label stands; raise ModelError with those there are."""
    known = labels(model)
    if len(known) == 1:
        return 0
    if label not in known:
        said = f"no label `{label}`" if label else "more than one label: name one"
        raise ModelError(f"{model} has {said}. There are {', '.join(known[:20])}.", fatal=True)
    return known.index(label)


def read(model: str, label: str, texts: Sequence[str]) -> Read:
    """The probability of a label, or the number itself of a model with one output alone.

    Of a text that is too long its beginning is read. Raise ModelError where nothing can be.
    """
    held, place = local_models.load(model, Use.LABELS), place_of(model, label)
    longest = _longest(held)
    with local_models.memory_told(model):
        rows = [held.tokenizer(text, verbose=False)["input_ids"] for text in texts]
        cut = [
            held.tokenizer(text, truncation=True, max_length=longest)["input_ids"]
            if len(ids) > longest
            else ids
            for text, ids in zip(texts, rows, strict=True)
        ]
        values = np.full(len(texts), np.nan, np.float32)
        for some in _batches(cut, _AT_ONCE[held.device]):
            values[some] = _forward(held, [cut[at] for at in some], place)
    values[[not text.strip() for text in texts]] = np.nan
    return Read(values, np.array([len(one) for one in cut]), np.array([len(one) for one in rows]))


def _longest(held: Held) -> int:
    known = [held.length, int(held.tokenizer.model_max_length)]
    # Some models count two positions more than they can read.
    return min([one for one in known if 0 < one < 10**6] or [_LONGEST])


def _batches(rows: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Places, of like length together, in batches of at most so many tokens."""
    batches: list[list[int]] = []
    for place in sorted(range(len(rows)), key=lambda at: len(rows[at])):
        if not batches or (len(batches[-1]) + 1) * len(rows[place]) > most:
            batches.append([])
        batches[-1].append(place)
    return batches


def _forward(held: Held, rows: Sequence[Sequence[int]], place: int) -> NDArray[np.float32]:
    import torch  # noqa: PLC0415 - slow to import, and workers fork before they need it

    longest = max((len(ids) for ids in rows), default=0) or 1
    pad = held.tokenizer.pad_token_id or 0
    padded = torch.tensor([[*ids, *[pad] * (longest - len(ids))] for ids in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in rows])
    with torch.inference_mode():
        found: Any = held.model(padded.to(held.device), attention_mask=mask.to(held.device)).logits
        logits = found.float()
        if logits.shape[1] > 1:
            many = held.model.config.problem_type == "multi_label_classification"
            logits = logits.sigmoid() if many else logits.softmax(1)
    values: NDArray[np.float32] = logits[:, place].cpu().numpy()
    return values

"""How surprising texts are to a causal language model: losses of answers, alone and prompted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.curation.text.surprise import Pairs, Surprise
from app.providers import local_models
from app.providers.local_models import Held

_LONGEST = 2048  # tokens of a row: more change its mean little and take memory by the square
_AT_ONCE = {"cpu": 4096, "cuda": 16_384}  # tokens: each takes a number per word of the vocabulary
_BREAK = "\n"  # between prompt and answer

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Read:
    """What was found, and of each row how many tokens were read of how many there are."""

    found: Surprise
    read: NDArray[np.int64]
    there: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Row:
    """Tokens of a row as far as they are read: its beginning, its prompt, its answer."""

    prompt: list[int]
    answer: list[int]
    there: int


def read(model: str, pairs: Pairs) -> Read:
    """Perplexity per token of whole rows, losses of answers; raise ModelError where none can be."""
    held = local_models.load(model)
    longest = min(held.length, _LONGEST) - 1
    rows = [_row(held, *both, longest) for both in zip(pairs.prompts, pairs.answers, strict=True)]
    with local_models.memory_told(model):
        whole = _losses(held, [one.prompt + one.answer for one in rows])
        alone = _losses(held, [one.answer if one.prompt else [] for one in rows])
    found = np.full((3, len(rows)), np.nan)
    for place, (row, losses) in enumerate(zip(rows, whole, strict=True)):
        if len(losses):
            found[0, place] = np.exp(losses.mean())
        if row.answer:
            found[2, place] = losses[len(row.prompt) :].mean() if row.prompt else np.nan
            found[1, place] = alone[place].mean() if row.prompt else losses.mean()
    lengths = [len(one.prompt) + len(one.answer) for one in rows]
    there = [one.there for one in rows]
    return Read(Surprise(*found), np.array(lengths), np.array(there))


def _row(held: Held, prompt: str, answer: str, longest: int) -> _Row:
    """A row that is too long loses the start of its prompt, then the end of its answer."""
    asked = _ids(held, prompt + _BREAK) if prompt else []
    said = _ids(held, answer)
    there = len(asked) + len(said)
    if there > longest:
        room = max(longest - len(said), longest // 2)
        asked = asked[-room:]
        said = said[: longest - len(asked)]
    return _Row(asked, said, there)


def _ids(held: Held, text: str) -> list[int]:
    return list(held.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _losses(held: Held, rows: Sequence[list[int]]) -> list[Floats]:
    """Of each token after those before it; rows of like length together."""
    found: list[Floats] = [np.zeros(0)] * len(rows)
    order = sorted((place for place, ids in enumerate(rows) if ids), key=lambda at: len(rows[at]))
    for some in _batches(rows, order, _AT_ONCE[held.device]):
        for place, losses in zip(some, _halving(held, [rows[at] for at in some]), strict=True):
            found[place] = losses
    return found


def _batches(rows: Sequence[list[int]], order: Sequence[int], most: int) -> list[list[int]]:
    """Places in batches of at most so many tokens, padding included."""
    batches: list[list[int]] = []
    for place in order:
        if not batches or (len(batches[-1]) + 1) * (len(rows[place]) + 1) > most:
            batches.append([])
        batches[-1].append(place)
    return batches


def _halving(held: Held, rows: Sequence[list[int]]) -> list[Floats]:
    """Losses of a batch; where memory is short, in halves."""
    try:
        return _batch(held, rows)
    except RuntimeError as error:
        if not local_models.is_memory(error) or len(rows) == 1:
            raise
    middle = len(rows) // 2
    return _halving(held, rows[:middle]) + _halving(held, rows[middle:])


def _batch(held: Held, rows: Sequence[list[int]]) -> list[Floats]:
    import torch  # noqa: PLC0415 - slow to import, and workers fork before they need it
    from torch.nn.functional import cross_entropy  # noqa: PLC0415

    begin = held.tokenizer.bos_token_id
    begin = held.tokenizer.eos_token_id if begin is None else begin
    longest = max(len(ids) for ids in rows)
    padded = [[begin, *ids] + [begin] * (longest - len(ids)) for ids in rows]
    mask = [[1] * (len(ids) + 1) + [0] * (longest - len(ids)) for ids in rows]
    ids = torch.tensor(padded, device=held.device)
    with torch.inference_mode():
        logits = held.model(ids, attention_mask=torch.tensor(mask, device=held.device)).logits
        flat = logits[:, :-1].flatten(0, 1).float()
        losses = cross_entropy(flat, ids[:, 1:].flatten(), reduction="none")
    table = losses.view(len(rows), longest).double().cpu().numpy()
    return [table[row, : len(ids)] for row, ids in enumerate(rows)]

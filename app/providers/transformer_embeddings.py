"""Embeddings by the transformer itself, through sentence-transformers; torch is loaded when used.

A text longer than the model reads is cut into pieces of that length; its vector is their mean.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.providers.weights import Weights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

POOLING = "transformer-mean-of-chunks-1"
_BATCH = 64
_TOKENS_AT_ONCE = 512


class TransformerEmbedder:
    """Texts to what the model makes of them, piece by piece."""

    def __init__(self, model: "SentenceTransformer", fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._model = model
        self.width = int(model.get_embedding_dimension() or 0)
        special = model.tokenizer.num_special_tokens_to_add()
        self._length = int(model.max_seq_length or _TOKENS_AT_ONCE) - int(special)

    def embed(self, texts: Sequence[str]) -> Floats:
        """The mean over each text's pieces."""
        pieces, owners = [], []
        for row, ids in enumerate(self._tokens(texts)):
            for start in range(0, len(ids), self._length):
                pieces.append(ids[start : start + self._length])
                owners.append(row)
        found = np.zeros((len(texts), self.width), np.float32)
        if pieces:
            np.add.at(found, owners, self._of_pieces(pieces))
        return found

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        given = self._model.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )
        ids: list[list[int]] = given["input_ids"]
        return ids

    def _of_pieces(self, pieces: Sequence[Sequence[int]]) -> Floats:
        """Pieces of like length together, so that little is padded."""
        order = sorted(range(len(pieces)), key=lambda at: len(pieces[at]))
        found = np.zeros((len(pieces), self.width), np.float32)
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            found[some] = _forward(self._model, [pieces[at] for at in some])["sentence_embedding"]
        return found


def _forward(model: "SentenceTransformer", pieces: Sequence[Sequence[int]]) -> dict[str, Floats]:
    """The model's output for pieces of tokens."""
    import torch  # noqa: PLC0415

    tokenizer = model.tokenizer
    framed = [[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id] for ids in pieces]
    padded = tokenizer.pad({"input_ids": framed}, return_tensors="pt")
    with torch.inference_mode():
        answer = model({name: values.to(model.device) for name, values in padded.items()})
    return {
        name: answer[name].float().cpu().numpy()
        for name in ("sentence_embedding", "token_embeddings")
    }


def _model(weights: Weights) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(str(weights.folder), local_files_only=True)


def load(weights: Weights, fingerprint: str) -> TransformerEmbedder:
    """The model, on a GPU when torch sees one."""
    return TransformerEmbedder(_model(weights), fingerprint)


def token_means(weights: Weights, tokens: Ints) -> Floats:
    """Per token the mean of the hidden states when it stands alone between start and end."""
    model = _model(weights)
    return np.vstack([_of_tokens(model, some) for some in _portions(tokens)])


def _portions(tokens: Ints) -> Iterator[Ints]:
    for start in range(0, len(tokens), _TOKENS_AT_ONCE):
        yield tokens[start : start + _TOKENS_AT_ONCE]


def _of_tokens(model: "SentenceTransformer", tokens: Ints) -> Floats:
    states = _forward(model, [[int(token)] for token in tokens])["token_embeddings"]
    means: Floats = states.mean(1)
    return means

"""Both tiers of embedders: unit length, zeros, pieces of long texts, made once by two at a time."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from app.curation.ports import Embedder
from app.errors import UnavailableError
from app.providers import embedders, static_embeddings, weights
from app.providers.embedders import Tier
from app.settings import settings

TEXTS = [
    "How do plants make food from sunlight?",
    "Photosynthesis turns light into sugar in green leaves.",
    "The parliament voted on the new tax law.",
]


def loaded(tier: Tier) -> Embedder:
    return embedders.load("", tier, settings().distilled)


@pytest.mark.parametrize("tier", Tier)
def test_vectors_are_of_unit_length_and_texts_without_words_zeros(tier: Tier) -> None:
    embedder = loaded(tier)

    vectors = embedder.embed([*TEXTS, "", " \n", "…!?"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (6, embedder.width)
    assert np.allclose(np.linalg.norm(vectors[:3], axis=1), 1, atol=1e-5)
    assert not vectors[3:].any()
    assert embedder.embed(["  "]).shape == (1, embedder.width)


@pytest.mark.parametrize("tier", Tier)
def test_like_is_near_like(tier: Tier) -> None:
    plants, leaves, law = loaded(tier).embed(TEXTS)

    assert plants @ leaves > plants @ law + 0.2


def test_the_transformer_says_what_sentence_transformers_says() -> None:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    model = SentenceTransformer(str(weights.find("").folder), device="cpu")

    ours = loaded(Tier.TRANSFORMER).embed(TEXTS)

    assert np.allclose(ours, model.encode(TEXTS), atol=1e-5)


def test_a_long_text_is_the_mean_of_its_pieces() -> None:
    """Its end counts too, which the model alone would cut off."""
    embedder = loaded(Tier.TRANSFORMER)
    law, plants = "the parliament voted. " * 200, "green leaves. " * 200

    whole, start, end = embedder.embed([law + plants, law, plants])

    assert whole @ end > start @ end + 0.2
    assert whole @ start > start @ end + 0.2


def test_the_order_of_texts_does_not_matter() -> None:
    embedder = loaded(Tier.TRANSFORMER)
    texts = [*TEXTS, "short", "many words " * 300]

    forth, back = embedder.embed(texts), embedder.embed(texts[::-1])

    assert np.allclose(forth, back[::-1], atol=1e-5)


def test_the_fingerprint_names_model_weights_and_pooling() -> None:
    static, transformer = (embedders.fingerprint("", tier) for tier in Tier)

    assert static == "all-MiniLM-L6-v2:53aa51172d142c89:static-256-sif0.0001-1"
    assert transformer == "all-MiniLM-L6-v2:53aa51172d142c89:transformer-mean-of-chunks-1"
    assert loaded(Tier.STATIC).fingerprint == static


def test_a_folder_is_a_model_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    folder = weights.find("").folder

    assert weights.find(str(folder)).sha256 == weights.find("").sha256
    with pytest.raises(UnavailableError, match=r"has no model.safetensors"):
        weights.find(str(tmp_path))


def test_other_weights_than_the_published_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weights.find.cache_clear()
    monkeypatch.setattr(weights, "_PUBLISHED", "0" * 64)

    with pytest.raises(UnavailableError, match="not those that were published"):
        weights.find("")


def _load(folder: Path, started: "multiprocessing.synchronize.Barrier") -> None:
    """Distil with a transformer that is none, and note that it was done."""

    def made(_: weights.Weights, tokens: static_embeddings.Ints) -> static_embeddings.Floats:
        with (folder / "times").open("a") as noted:
            noted.write("x")
        rng = np.random.default_rng(0)
        return rng.normal(size=(len(tokens), 300)).astype(np.float32)

    static_embeddings.__dict__["_alone_in_context"] = made
    started.wait()
    static_embeddings.load(weights.find(""), "test", folder)


def test_two_that_start_at_once_distil_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    started = context.Barrier(2)
    processes = [context.Process(target=_load, args=(tmp_path, started)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "times").read_text() == "x"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".new")] == []

"""What a learner sees of a sample: what it asks, what it answers, how they meet, its signals."""

import numpy as np

from app.curation.learners.base import Floats

BLOCKS = 4  # of embeddings, each as wide as the model


def combined(prompts: Floats, responses: Floats, signals: Floats) -> Floats:
    """Embeddings of prompt and response, their product and difference, then the signals."""
    parts = [prompts, responses, prompts * responses, prompts - responses, signals]
    joined: Floats = np.hstack(parts).astype(np.float32)
    return joined


def middles(features: Floats) -> Floats:
    """Per column the median of what was measured; zero where nothing was."""
    measured = np.where(np.isfinite(features), features, np.nan)
    found = np.zeros(features.shape[1], np.float32)
    some = np.isfinite(measured).any(0)
    found[some] = np.nanmedian(measured[:, some], axis=0)
    return found


def filled(features: Floats, by: Floats) -> Floats:
    """The features with these values where nothing was measured."""
    whole: Floats = np.where(np.isfinite(features), features, by).astype(np.float32)
    return whole

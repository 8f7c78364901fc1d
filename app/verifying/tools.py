"""What verifiers and generators must be given beside a model."""

from app.curation.generators.base import Generator
from app.curation.verifiers.base import Tools, Verifier
from app.embeddings import service as embeddings
from app.providers.embedders import Tier
from app.sandbox.strength import box


def tools_for(method: Verifier | Generator) -> Tools:
    """A sandbox or an embedder, where the method needs one; refuses where no sandbox works."""
    if method.needs == "sandbox":
        return Tools(sandbox=box())
    if method.params().get("by") == "embedding":
        return Tools(embedder=embeddings.embedder(Tier.STATIC))
    return Tools()

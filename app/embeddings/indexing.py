"""The index for search by meaning: one per dataset and model, made once there are many vectors.

Filling a table that has an HNSW index is several times slower than building it afterwards, and an
index over all datasets would have to pass by the vectors of all others to answer for one.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.embeddings.models import EmbeddingModel

LARGE = 20_000  # vectors that are compared one by one in some 20 ms
_GRAPH = 1_000  # bytes of the graph per vector beside the vector itself, with 16 neighbours each
_LEAST_MB = 64


def name(dataset_id: int, model: EmbeddingModel) -> str:
    """The index of a dataset's vectors by a model."""
    return f"ix_sample_embeddings_near_{dataset_id}_{model.id}"


def build(session: Session, dataset_id: int, model: EmbeddingModel, count: int) -> None:
    """Make the index over so many vectors if it is not there; none can be written meanwhile.

    A graph that does not fit into `maintenance_work_mem` grows a vector at a time on the disk. The
    setting says how much the server can spare: the graph takes what it needs of that, since
    workers that build together allocate all of it beforehand.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    needed = _LEAST_MB + count * (2 * model.width + _GRAPH) // 1_000_000
    spared = "SELECT setting::int / 1024 FROM pg_settings WHERE name = 'maintenance_work_mem'"
    megabytes = min(needed, session.execute(text(spared)).scalar_one())
    session.execute(text(f"SET LOCAL maintenance_work_mem = '{megabytes}MB'"))
    # Ids and widths are our own integers, so they may stand in the statement.
    session.execute(
        text(
            f"CREATE INDEX IF NOT EXISTS {name(dataset_id, model)} ON sample_embeddings "
            f"USING hnsw ((vector::halfvec({model.width})) halfvec_cosine_ops) "
            f"WHERE {covered(dataset_id, model)}"
        )
    )


def covered(dataset_id: int, model: EmbeddingModel) -> str:
    """The rows in the index, as the index and searches must say it alike."""
    return (
        f"sample_embeddings.dataset_id = {dataset_id} AND sample_embeddings.model_id = {model.id} "
        "AND sample_embeddings.part = 'full'"
    )


def drop_all(session: Session, dataset_id: int) -> None:
    """Remove the indexes of a dataset that was deleted."""
    names = session.scalars(
        text("SELECT indexname FROM pg_indexes WHERE indexname LIKE :like"),
        {"like": f"ix\\_sample\\_embeddings\\_near\\_{dataset_id}\\_%"},
    )
    for one in names.all():
        session.execute(text(f"DROP INDEX {one}"))

"""A dataset's taxonomy as InstructLab keeps it: a zip of folders with a qna.yaml each."""

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.curation.generators.leaf import KNOWLEDGE
from app.curation.records import Kind
from app.datasets.models import Dataset
from app.samples.models import Sample, SampleBody, Status
from app.taxonomy import service, sidecar
from app.taxonomy.models import TaxonomyNode, TaxonomySeed
from app.taxonomy.sidecar import Key, Maker, maker_of

_WHEN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows: equal trees give equal files
_GROUPED_SINCE = 3  # the version in which passages hold several questions


@dataclass(frozen=True, slots=True)
class _Pair:
    question: str
    answer: str
    context: str
    maker: Maker | None = None


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, as people write them."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def archive(
    session: Session, dataset: Dataset, *, approved: bool = False, under: str = ""
) -> bytes:
    """The tree as a zip; with `approved` the samples that people approved are seeds, too.

    Seeds that people did not write are named in a file at its root.
    """
    if under:
        service.get(session, dataset, under)
    nodes = [one for one in service.nodes(session, dataset, under.strip("/")) if one.leaf]
    seeds = _seeds(session, [one.id for one in nodes])
    more = _approved(session, dataset) if approved else {}
    out = io.BytesIO()
    made: list[tuple[Key, Maker]] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for node in nodes:
            pairs = [*seeds.get(node.id, ()), *more.get(node.path, ())]
            made += _made(node, pairs)
            for name, content in _files(session, node, pairs):
                _add(packed, f"{node.path}/{name}", content)
        if made:
            _add(packed, sidecar.NAME, sidecar.written(made))
    return out.getvalue()


def _add(packed: zipfile.ZipFile, name: str, content: str) -> None:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    packed.writestr(info, content)


def _made(node: TaxonomyNode, pairs: Sequence[_Pair]) -> Iterator[tuple[Key, Maker]]:
    """The seeds that people did not write."""
    for one in pairs:
        if one.maker is not None:
            yield sidecar.key(node.path, one.question, one.answer, one.context), one.maker


def qna_of(node: TaxonomyNode, pairs: Sequence[_Pair]) -> str:
    """The qna.yaml of a leaf."""
    told: dict[str, Any] = {"created_by": node.author}
    if node.version is not None and node.version > 1:
        told["version"] = node.version
    said = {
        "task_description": node.task_description,
        "domain": node.domain,
        "document_outline": node.outline,
        "document": node.document,
    }
    told |= {name: value for name, value in said.items() if value}
    grouped = node.branch == KNOWLEDGE and (node.version or 1) >= _GROUPED_SINCE
    told["seed_examples"] = list(_grouped(pairs) if grouped else map(_plain, pairs))
    return yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _plain(pair: _Pair) -> dict[str, Any]:
    context = {"context": pair.context} if pair.context else {}
    return {**context, "question": pair.question, "answer": pair.answer}


def _grouped(pairs: Sequence[_Pair]) -> Iterator[dict[str, Any]]:
    by_context: dict[str, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        by_context[pair.context].append(pair)
    for context, some in by_context.items():
        asked = [{"question": one.question, "answer": one.answer} for one in some]
        yield {"context": context, "questions_and_answers": asked}


def _files(
    session: Session, node: TaxonomyNode, pairs: Sequence[_Pair]
) -> Iterator[tuple[str, str]]:
    yield "qna.yaml", qna_of(node, pairs)
    if node.attribution:
        yield "attribution.txt", node.attribution
    for document in service.documents(session, node):
        yield document.name, document.text


def _seeds(session: Session, node_ids: Sequence[int]) -> dict[int, list[_Pair]]:
    """The seeds of leaves as they are now: an edit of the sample goes along."""
    query = (
        select(
            TaxonomySeed.node_id,
            TaxonomySeed.context,
            SampleBody.body,
            Sample.origin,
            SampleBody.sample_metadata,
        )
        .join(Sample, Sample.id == TaxonomySeed.sample_id)
        .join(
            SampleBody,
            (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision),
        )
        .where(TaxonomySeed.node_id.in_(node_ids))
        .order_by(TaxonomySeed.node_id, TaxonomySeed.position)
    )
    found: dict[int, list[_Pair]] = defaultdict(list)
    for node_id, context, body, *made in session.execute(query):
        found[node_id].append(_pair(body, context, maker_of(*made)))
    return found


def _approved(session: Session, dataset: Dataset) -> dict[str, list[_Pair]]:
    """Approved samples that were made for a leaf, by its path."""
    path = SampleBody.sample_metadata["taxonomy"].astext
    query = (
        select(path, SampleBody.body, Sample.origin, SampleBody.sample_metadata)
        .join(
            Sample, (SampleBody.sample_id == Sample.id) & (SampleBody.revision == Sample.revision)
        )
        .where(
            Sample.dataset_id == dataset.id,
            Sample.status == Status.APPROVED,
            Sample.kind == Kind.INSTRUCTION,
            path.is_not(None),
            Sample.id.not_in(select(TaxonomySeed.sample_id)),
        )
        .order_by(Sample.id)
    )
    found: dict[str, list[_Pair]] = defaultdict(list)
    for leaf, body, origin, metadata in session.execute(query):
        context = str(metadata.get("context") or "")
        found[leaf].append(_pair(body, context, maker_of(origin, metadata)))
    return found


def _pair(body: dict[str, Any], context: str, maker: Maker | None) -> _Pair:
    return _Pair(body["instruction"], body["output"], context or body["input"], maker)

"""Duplicates over REST: looking for them, what was found, deciding, taking it back."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.curation.catalog import MATCHERS
from app.datasets import service as datasets
from app.jobs import service as jobs
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted, job_out
from app.matching import deciding, keeping, reading, service, splitting
from app.matching.against import name_of
from app.matching.deciding import Chosen
from app.matching.models import MatchRun
from app.matching.reading import Order, State
from app.matching.schemas import (
    ChosenIn,
    ClusterDetailOut,
    ClusterOut,
    DecidedOut,
    EvidenceOut,
    KeepOrder,
    MatchOrder,
    PairOut,
    RunOut,
    SampleRef,
    SpreadOut,
)
from app.matching.splitting import SplitOrder
from app.samples import bulk
from app.samples.models import BulkAction
from app.web.methods import MethodOut, method_out
from app.web.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    row_id,
    unique_id,
)

router = APIRouter(tags=["duplicates"])
Matcher = Annotated[str, Query(max_length=100, description="Key of a matcher; none: all")]
Against = Annotated[
    str, Query(max_length=200, description="The dataset, or DATASET@RELEASE, it looked against")
]
Least = Annotated[float, Query(ge=0, le=1, description="Least similarity")]
ClusterId = Annotated[int, Path(ge=1, le=2**63 - 1)]
SourceName = Annotated[str, Query(max_length=200, description="A source in the cluster")]


@router.get("/matchers", name="api:list_matchers")
def list_matchers(_user: CurrentUser) -> Page[MethodOut]:
    """What can look for duplicates."""
    items = [method_out(one) for one in MATCHERS.values()]
    return Page(items=items, total=len(items))


@router.post("/datasets/{name}/matches", status_code=202, name="api:match")
def match(
    name: str, body: MatchOrder, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Look for duplicates in a job: sign what is unsigned, compare, make clusters."""
    dataset = datasets.get(session, name)
    job = service.start(
        session,
        dataset,
        body.matcher,
        body.params,
        against=body.against,
        keep=body.keep,
        where=body.where,
        by=user,
    )
    return accepted(session, job, response)


@router.get("/datasets/{name}/matches", name="api:list_matches")
def list_matches(name: str, session: SessionDep, _user: CurrentUser) -> Page[RunOut]:
    """The runs whose finds are kept: the newest of each matcher against each dataset."""
    found = service.runs(session, datasets.get(session, name).id)
    items = [_run(session, one) for one in found]
    return Page(items=items, total=len(items))


def _run(session: Session, run: MatchRun) -> RunOut:
    names = set(RunOut.model_fields) - {"against"}
    other = name_of(session, run) or None
    return RunOut(**{name: getattr(run, name) for name in names}, against=other)


@router.get("/datasets/{name}/pairs", name="api:list_pairs")
def list_pairs(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    matcher: Matcher = "",
    min_similarity: Least = 0.0,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[PairOut]:
    """Pairs that were found, the most alike first, each with its evidence."""
    dataset = datasets.get(session, name)
    if matcher:
        service.matcher_of(matcher, {})
    runs = [one for one in service.runs(session, dataset.id) if matcher in {"", one.matcher}]
    key = decode_cursor(cursor, float, row_id, row_id, unique_id)
    after = (key[0], key[1], key[2], key[3]) if key else None
    rows = reading.pairs(session, runs, least=min_similarity, after=after, limit=limit + 1)
    items = [
        PairOut(
            a=SampleRef(id=row.first_id, external_id=row.first_external),
            b=SampleRef(id=row.second_id, external_id=row.second_external),
            similarity=round(row.similarity, 6),
            matcher=row.matcher,
            evidence=EvidenceOut.model_validate(reading.evidence(row)),
        )
        for row in rows[:limit]
    ]
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        ends = (last.first_id, last.second_id, str(last.run_id))
        following = encode_cursor(last.similarity, *ends)
    total = reading.count_pairs(session, runs, min_similarity)
    return Page(items=items, next=following, total=total)


@router.get("/datasets/{name}/clusters", name="api:list_clusters")
def list_clusters(
    name: str,
    session: SessionDep,
    _user: CurrentUser,
    matcher: Matcher = "",
    against: Against = "",
    min_similarity: Least = 0.0,
    source: SourceName = "",
    state: State = State.ALL,
    order: Order = Order.SIZE,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ClusterOut]:
    """Clusters of the newest run, the largest first."""
    run = service.needed(session, datasets.get(session, name), matcher, against)
    what = deciding.chosen(session, run, least=min_similarity, source=source)
    key = decode_cursor(cursor, row_id)
    offset = key[0] if key else 0
    found = reading.clusters(
        session, what, state=state, order=order, offset=offset, limit=limit + 1
    )
    following = encode_cursor(offset + limit) if len(found) > limit else None
    items = [ClusterOut.model_validate(one) for one in found[:limit]]
    return Page(items=items, next=following)


@router.get("/clusters/{cluster_id}", name="api:get_cluster")
def get_cluster(
    cluster_id: ClusterId,
    session: SessionDep,
    _user: CurrentUser,
) -> ClusterDetailOut:
    """The samples of a cluster, the most alike to the one that stays first."""
    cluster = keeping.cluster_of(session, cluster_id)
    return ClusterDetailOut.model_validate(reading.detail(session, cluster))


@router.post("/clusters/{cluster_id}/keep", name="api:keep")
def keep(
    cluster_id: ClusterId, body: KeepOrder, session: SessionDep, user: CurrentUser
) -> ClusterDetailOut:
    """Choose the sample that stays; the others are compared with it anew."""
    cluster = keeping.keep(session, cluster_id, body.sample, by=user)
    return ClusterDetailOut.model_validate(reading.detail(session, cluster))


@router.get("/datasets/{name}/similarities", name="api:similarities")
def similarities(
    name: str, session: SessionDep, _user: CurrentUser, matcher: Matcher = "", against: Against = ""
) -> SpreadOut:
    """How similarities spread: what a threshold would drop is all at and above it."""
    run = service.needed(session, datasets.get(session, name), matcher, against)
    return SpreadOut.model_validate(reading.spread(session, run))


def _decide(
    name: str, body: ChosenIn, session: Session, user: CurrentUser, action: str
) -> DecidedOut:
    dataset = datasets.get(session, name)
    run = service.needed(session, dataset, body.matcher, body.against)
    what: Chosen = deciding.chosen(
        session, run, least=body.min_similarity, source=body.source, clusters=body.clusters
    )
    return _decided(session, *deciding.start(session, dataset, action, what, by=user))


def _decided(session: Session, row: BulkAction, job: Job | None) -> DecidedOut:
    changed = row.affected if job is None else None
    told = job_out(job, jobs.progress(session, [job])[job.id]) if job else None
    return DecidedOut(action=row.id, changed=changed, job=told)


@router.post("/datasets/{name}/duplicates/drop", name="api:drop_duplicates")
def drop(name: str, body: ChosenIn, session: SessionDep, user: CurrentUser) -> DecidedOut:
    """Drop the members meant, each for the sample that stays: at once, or in a job if many."""
    return _decide(name, body, session, user, bulk.DROP_DUPLICATES)


@router.post("/datasets/{name}/duplicates/dismiss", name="api:dismiss_duplicates")
def dismiss(name: str, body: ChosenIn, session: SessionDep, user: CurrentUser) -> DecidedOut:
    """Say that the members meant are no duplicates: they are not offered again."""
    return _decide(name, body, session, user, bulk.NOT_DUPLICATES)


@router.post("/datasets/{name}/splits", status_code=202, name="api:split")
def split(
    name: str, body: SplitOrder, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Write train, dev and test as a signal, in a job: what is alike never crosses."""
    job = splitting.start(session, datasets.get(session, name), body, by=user)
    return accepted(session, job, response)


@router.post("/datasets/{name}/duplicates/undo", name="api:undo_duplicates")
def undo(name: str, session: SessionDep, user: CurrentUser) -> DecidedOut:
    """Take the newest decision on duplicates back."""
    return _decided(session, *deciding.undo(session, datasets.get(session, name), by=user))

"""Which module does which kind of job.

Workers of the queue `cpu` import all of them before they fork, the others what their jobs need:
judges so stay small, without compiled signals.
"""

from collections.abc import Mapping
from importlib import import_module

from app.jobs.models import Job, JobKind
from workers.chunks import Handler

HANDLERS: Mapping[JobKind, str] = {
    JobKind.IMPORT: "workers.imports:HANDLER",
    JobKind.SCORE: "workers.scoring:HANDLER",
    JobKind.BULK: "workers.bulk:HANDLER",
    JobKind.APPLY_RULES: "workers.filtering:APPLY",
    JobKind.UNDO_RULES: "workers.filtering:UNDO",
    JobKind.RELEASE: "workers.releases:HANDLER",
    JobKind.PURGE: "workers.purge:HANDLER",
    JobKind.JUDGE: "workers.judging:HANDLER",
    JobKind.EMBED: "workers.embedding:HANDLER",
    JobKind.LEARN: "workers.learning:HANDLER",
    JobKind.DERIVE: "workers.deriving:HANDLER",
    JobKind.CAMPAIGN: "workers.campaigns:HANDLER",
    JobKind.PERPLEXITY: "workers.perplexity:HANDLER",
    JobKind.CLASSIFY: "workers.classifying:HANDLER",
    JobKind.MASK: "workers.masking:HANDLER",
    JobKind.MATCH: "workers.matching:HANDLER",
    JobKind.DEDUPLICATE: "workers.deduplication:HANDLER",
    JobKind.SPLIT: "workers.splitting:HANDLER",
    JobKind.DECONTAMINATE: "workers.decontaminating:HANDLER",
    JobKind.CONFIRM: "workers.confirming:HANDLER",
    JobKind.TOPICS: "workers.topics:HANDLER",
    JobKind.MAP: "workers.maps:HANDLER",
    JobKind.VERIFY: "workers.verifying:HANDLER",
    JobKind.GENERATE: "workers.generating:HANDLER",
    JobKind.PAIR: "workers.pairing:HANDLER",
}


def handler(job: Job) -> Handler:
    """The handler of this job."""
    return _found(job.kind)


def load_all() -> None:
    """Import all handlers: before a worker forks, so that its processes share what they hold."""
    for kind in HANDLERS:
        _found(kind)


def _found(kind: JobKind) -> Handler:
    module, _, name = HANDLERS[kind].partition(":")
    found = getattr(import_module(module), name)
    if not isinstance(found, Handler):
        raise TypeError(f"{HANDLERS[kind]} is no handler.")
    return found

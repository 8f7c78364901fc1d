"""The broker: the only module of `app` that knows Celery. Messages only wake the workers."""

from functools import cache
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from app.embedded import broker_options
from app.jobs.models import Queue
from app.settings import settings

WORK = "winnow.work"
_log = structlog.get_logger("winnow.jobs")


@cache
def celery() -> Celery:
    """The Celery application: early ack, no results, one message at a time per process."""
    conf = settings()
    app = Celery("winnow", broker=conf.broker_url or "filesystem://", set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=Queue.CPU.value,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={} if conf.broker_url else broker_options(conf.home),
        timezone="UTC",
        beat_schedule={
            "upkeep": {"task": "winnow.upkeep", "schedule": conf.upkeep_every_s},
        },
    )
    return app


def ring(queue: Queue, job_id: object, bells: int = 1) -> None:
    """Wake up to `bells` workers of this queue for a job.

    A broker that can't be reached loses nothing: the row waits, and upkeep rings again.
    """
    try:
        for _ in range(bells):
            celery().send_task(WORK, args=[str(job_id)], queue=queue.value)
    except (OperationalError, OSError) as error:
        _log.warning("broker", error=str(error), job_id=str(job_id))


def workers() -> dict[str, Any]:
    """Workers that answer a ping within a second, by name."""
    replies = celery().control.ping(timeout=1.0)
    return {name: answer for reply in replies for name, answer in reply.items()}

"""The Celery worker: two tasks, one that works on a job and one that looks after all of them."""

import gc
import uuid
from typing import Any

from celery import Task
from celery.signals import setup_logging, worker_init, worker_process_init, worker_ready

from app.jobs.models import Queue
from app.jobs.queue import WORK, celery
from app.log import configure_logging
from app.sandbox import reported
from workers import deaths, jobs
from workers.registry import handler, load_all

app = celery()


@setup_logging.connect
def _logging(**_: object) -> None:
    configure_logging()


@worker_init.connect
def _load(sender: Any, **_: object) -> None:
    if Queue.CPU.value in sender.app.amqp.queues.consume_from:
        load_all()
        reported.report()


@worker_ready.connect
def _watch(sender: Any, **_: object) -> None:
    deaths.watch(sender.pool._pool)  # noqa: SLF001 - Celery hides it


@worker_process_init.connect
def _spare_collections(**_: object) -> None:
    """Rows by the thousand make the collector look through all modules again and again: 0.1 s each.

    What is there now stays as long as the process, and rows hold no cycles.
    """
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@app.task(name=WORK, bind=True)
def work(_task: Task, job_id: str) -> None:
    """Do what is to do of this job."""
    jobs.run(uuid.UUID(job_id), handler)


@app.task(name="winnow.upkeep", bind=True)
def look_after(_task: Task) -> None:
    """One round of upkeep, on the beat."""
    from workers import upkeep  # noqa: PLC0415 - it needs half of the application, jobs do not

    upkeep.run()

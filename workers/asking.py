"""Why a job that asks a model waits for a person, in words that all such jobs share."""

from app.curation.ports import ModelError
from app.jobs.models import Job
from app.llm.asking import Asking
from workers.chunks import PausedError


def over_budget(
    job: Job, asking: Asking, *, asks: str = "question", named: str = "job"
) -> PausedError:
    """The next question could cost more than is left."""
    return PausedError(
        f"Of the budget of {job.params['budget']}, {asking.spent:f} is spent, and the next {asks} "
        f"may cost more than is left. Give more, and the {named} goes on where it is."
    )


def to_mend(error: ModelError, *, named: str = "job") -> PausedError:
    """The endpoint does not answer as it should."""
    return PausedError(f"{error} Mend that, then let the {named} go on: nothing is lost.")

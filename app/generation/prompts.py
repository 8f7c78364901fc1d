"""Prompts of generators: the built-in ones and the versions that people made of them."""

from collections.abc import Mapping

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.curation.catalog import GENERATORS
from app.curation.generators.base import Asking
from app.curation.generators.prompts import Prompt
from app.errors import InvalidError, NotFoundError
from app.generation import policies
from app.generation.models import GenerationPrompt


class PromptWords(BaseModel):
    """A prompt as somebody wrote it."""

    system: str = Field("", max_length=8000)
    user: str = Field(min_length=1, max_length=8000)


def in_use(session: Session, generator: str) -> dict[str, Prompt]:
    """The prompts of a generator by name, each in its newest version."""
    found = built_in(generator)
    query = select(GenerationPrompt).where(GenerationPrompt.generator == generator)
    for row in session.scalars(query.order_by(GenerationPrompt.version)):
        if row.name in found:
            found[row.name] = _edited(found[row.name], row)
    return found


def built_in(generator: str) -> dict[str, Prompt]:
    """The prompts that Winnow came with; none for a generator that asks nobody."""
    method = GENERATORS[generator]
    return {one.name: one for one in method.prompts} if issubclass(method, Asking) else {}


def save(
    session: Session, generator: str, name: str, given: PromptWords, *, by: Principal
) -> Prompt:
    """Store the next version of a prompt; refuses one that lacks a place it needs."""
    policies.may_edit_prompts(by)
    edited = checked(session, generator, name, given)
    row = GenerationPrompt(
        generator=generator,
        name=name,
        version=edited.version + 1,
        system=edited.system,
        user=edited.user,
        created_by=by.id,
    )
    session.add(row)
    session.flush()
    after = {"generator": generator, "name": name, "version": row.version, "hash": edited.hash}
    audit.record(session, by, "prompt.save", ("prompt", row.id), after=after)
    return _edited(edited, row)


def checked(session: Session, generator: str, name: str, given: PromptWords) -> Prompt:
    """The prompt with these words in the place of its own."""
    known = in_use(session, generator) if generator in GENERATORS else {}
    if name not in known:
        raise NotFoundError(f"There is no prompt `{name}` of a generator `{generator}`.")
    edited = known[name].model_copy(update={"system": given.system, "user": given.user})
    if problems := edited.problems():
        raise InvalidError(
            f"The prompt `{name}` can't be used. {' '.join(problems)}",
            errors=[{"path": f"prompts.{name}", "message": one} for one in problems],
        )
    return edited


def of_run(generator: str, stored: Mapping[str, Mapping[str, str]]) -> dict[str, Prompt]:
    """The prompts of a run, as they were when it was started."""
    return {
        name: one.model_copy(
            update={key: stored[name][key] for key in ("version", "system", "user")}
        )
        for name, one in built_in(generator).items()
    }


def _edited(prompt: Prompt, row: GenerationPrompt) -> Prompt:
    told = {"version": row.version, "system": row.system, "user": row.user}
    return prompt.model_copy(update=told)

"""The lineage of a sample as a graph, both ways."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.samples.family import drawn, family
from app.samples.models import Sample, SampleParent
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def related(session: Session, *pairs: tuple[Sample, Sample]) -> None:
    """Each second one was made from the first."""
    rows = [{"parent_id": a.id, "child_id": b.id, "relation": "made"} for a, b in pairs]
    session.execute(insert(SampleParent), rows)


def test_generations_are_followed_both_ways_and_many_children_counted(
    session: Session, dataset: Dataset, lead: Principal, api: TestClient
) -> None:
    rows = fill(session, dataset, lead, [instruction(f"Sample {n}") for n in range(20)])
    grand, other, parent, me, *children = rows
    related(session, (grand, parent), (other, parent), (parent, me))
    related(session, *((me, one) for one in children[:15]), (children[0], children[15]))

    found = family(session, me)

    levels = {one.id: one.level for one in found.members}
    assert levels[grand.id] == levels[other.id] == -2
    assert (levels[parent.id], levels[me.id], levels[children[15].id]) == (-1, 0, 2)
    assert sum(level == 1 for level in levels.values()) == 12
    assert found.more == {1: 3}
    assert {(one.parent, one.child) for one in found.edges} >= {
        (grand.id, parent.id),
        (parent.id, me.id),
        (children[0].id, children[15].id),
    }
    sheet = drawn(found)
    places = {(x, y) for _, x, y in sheet.members} | {(x, y) for _, x, y in sheet.more}
    assert len(places) == len(found.members) + 1
    assert all(x1 < x2 for _, x1, _, x2, _ in sheet.edges)
    told = api.get(f"/samples/{me.id}/lineage").json()
    assert told["more"] == {"1": 3}
    assert [one["id"] for one in told["parents"]] == [parent.id]
    assert len(told["members"]) == len(found.members)


def test_an_ancestor_stands_before_all_that_was_made_of_it(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    """A pair is made of an answer and of its copy: the answer is a parent and a grandparent."""
    answer, copy, pair = fill(session, dataset, lead, [instruction(one) for one in "abc"])
    related(session, (answer, copy), (answer, pair), (copy, pair))

    found = family(session, pair)

    levels = {one.id: one.level for one in found.members}
    assert levels == {pair.id: 0, copy.id: -1, answer.id: -2}
    assert all(x1 < x2 for _, x1, _, x2, _ in drawn(found).edges)


def test_a_sample_that_is_its_own_ancestor_ends_the_search(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    """Imports may name parents in a circle."""
    one, two = fill(session, dataset, lead, [instruction("One"), instruction("Two")])
    related(session, (one, two), (two, one))

    found = family(session, one)

    assert {member.id: member.level for member in found.members} == {one.id: 0, two.id: -1}
    assert len(drawn(found).edges) == 2


def test_the_page_draws_it_with_hostile_text_escaped(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    old, new = fill(session, dataset, lead, [instruction("<script>x</script>"), instruction("B")])
    related(session, (old, new))
    session.commit()

    page = browser_of(session, lead).get(f"/samples/{new.id}").text

    assert 'class="tree"' in page
    assert f'href="/samples/{old.id}"' in page
    assert "<script>x" not in page

"""The planner: no key in two batches at once, the order of each key, nothing lost and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_soap import LeadRecord
from marketo_soap.bulk.planner import Batch, Item, Planner
from marketo_soap.bulk.rows import Row

NAMES = ("FirstName", "LastName", "Phone")


def item(number: int, *names: str, dedup: bool = True, **keys: Any) -> Item:
    record = LeadRecord(attributes=dict.fromkeys(names, "x"), **keys)
    return Item.of(Row(number, record), record, dedup=dedup)


def numbers(batch: Batch | None) -> list[int]:
    assert batch is not None
    return batch.numbers


leads = st.builds(
    lambda email, number, person, names: (email, number, person, tuple(names)),
    st.sampled_from([None, "a@x.com", "A@x.com", "b@x.com", "c@x.com"]),
    st.sampled_from([None, None, 1, 2]),
    st.sampled_from([None, None, "p", "q"]),
    st.sets(st.sampled_from(NAMES)),
).filter(lambda lead: any(lead[:3]))


def items_of(rows: list[Any]) -> list[Item]:
    return [
        item(number, *names, email=email, id=id, foreign_sys_person_id=person, foreign_sys_type=person and "CUSTOM")
        for number, (email, id, person, names) in enumerate(rows, 1)
    ]


@settings(max_examples=150)
@given(st.lists(leads, max_size=40), st.integers(1, 5), st.integers(5, 12), st.randoms(use_true_random=False))
def test_any_source_in_any_order_of_answers(rows: list[Any], size: int, window: int, random: Any) -> None:
    items = items_of(rows)
    planner = Planner(size=size, window=window)
    to_add, in_progress = list(items), list[Batch]()
    done: list[Item] = []  # in the order of the answers
    refused: set[Item] = set()
    covered: dict[Item, Item] = {}
    for _ in range(2000):
        if to_add and planner.wants_more:
            planner.add([to_add.pop(0)])
        elif not to_add:
            planner.finish()
        if random.random() < 0.7 and (batch := planner.take()) is not None:
            keys = [key for each in (batch, *in_progress) for sent in each.items for key in sent.keys]
            assert len(keys) == len(set(keys))
            assert 1 <= len(batch.items) <= size
            in_progress.append(batch)
        elif in_progress:
            batch = in_progress.pop(random.randrange(len(in_progress)))
            fate = random.choice(["done", "done", "some", "back", "split"])
            if fate == "back":
                planner.put_back(batch)
            elif fate == "split" and len(batch.items) > 1:
                planner.split(batch)
            else:
                bad = [each for each in batch.items if fate == "some" and random.random() < 0.3]
                refused.update(bad)
                for each in batch.items:
                    if each not in bad:
                        done.append(each)
                        covered |= dict.fromkeys(batch.covered.get(each.number, ()), each)
                planner.ended(batch, bad)
        elif planner.finished and not planner.waiting:
            break
    fates = [*done, *refused, *covered]
    assert sorted(each.number for each in fates) == [each.number for each in items]
    for position, later in enumerate(done):
        for earlier in done[:position]:
            assert earlier.number < later.number or earlier.keys.isdisjoint(later.keys)
    for lost, kept in covered.items():
        assert lost.number < kept.number
        assert {each.name for each in lost.record.attributes} <= {each.name for each in kept.record.attributes}


def test_leads_without_a_shared_key_fill_batches() -> None:
    planner = Planner(size=2)
    planner.add(item(number, email=f"{number}@x.com") for number in range(1, 6))
    assert [numbers(planner.take()), numbers(planner.take())] == [[1, 2], [3, 4]]
    assert planner.take() is None  # more may come
    planner.finish()
    assert numbers(planner.take()) == [5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"email": "a@x.com"}, {"email": "A@X.com "}),
        ({"email": "a@x.com", "id": 1}, {"email": "a@x.com", "id": 2}),
        ({"email": "a@x.com"}, {"id": 5, "email": "a@x.com"}),
        (
            {"foreign_sys_person_id": "p", "foreign_sys_type": "SFDC"},
            {"foreign_sys_person_id": "p", "foreign_sys_type": "SFDC", "id": 3},
        ),
    ],
)
def test_a_shared_key_waits(first: dict[str, Any], second: dict[str, Any]) -> None:
    planner = Planner()
    planner.add([item(1, "FirstName", **first), item(2, "LastName", **second)])
    planner.finish()
    batch = planner.take()
    assert batch is not None
    assert batch.numbers == [1]
    assert planner.take() is None
    planner.ended(batch)
    assert numbers(planner.take()) == [2]


def test_an_address_that_replaces_another_is_a_key_too() -> None:
    renamed = LeadRecord(email="old@x.com", attributes={"Email": "new@x.com"})
    planner = Planner()
    planner.add([Item.of(Row(1, renamed), renamed, dedup=True), item(2, email="new@x.com")])
    planner.finish()
    assert numbers(planner.take()) == [1]
    assert planner.take() is None


def test_a_later_row_that_sets_everything_takes_the_place_of_earlier_ones() -> None:
    planner = Planner()
    same: dict[str, Any] = {"email": "a@x.com"}
    planner.add([item(1, **same), item(2, "Phone", **same), item(3, "Phone", "LastName", **same)])
    planner.finish()
    batch = planner.take()
    assert batch is not None
    assert batch.numbers == [3]
    assert [each.number for each in batch.covered[3]] == [1, 2]
    planner.ended(batch, batch.items)  # it was refused: the others are sent after all
    following = planner.take()
    assert following is not None
    assert following.numbers == [2]


def test_what_may_not_be_repeated_goes_by_itself() -> None:
    planner = Planner()
    planner.add(
        [item(1, email="a@x.com", dedup=False), item(2, id=7, dedup=False), item(3, email="c@x.com", dedup=False)]
    )
    planner.finish()
    assert [numbers(planner.take()), numbers(planner.take())] == [[1, 3], [2]]


def test_nothing_follows_a_lead_whose_fate_is_unknown() -> None:
    planner = Planner()
    planner.add([item(1, "Phone", email="a@x.com"), item(2, email="a@x.com", id=1), item(3, email="b@x.com")])
    planner.finish()
    batch = planner.take()
    assert batch is not None
    planner.lost(batch)
    assert planner.take() is None
    assert planner.waiting == 1

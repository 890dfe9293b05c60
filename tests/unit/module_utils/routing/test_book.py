"""The record of routes that proxies have missed, and of domains that moved between stacks."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.book import (
    Book,
    Debt,
    Taken,
    book_in,
    book_of,
    deployment_facts,
)

DEBT = Debt("", "id-a", "a", "now")


def book(*owed, taken=()):
    return Book(tuple(owed), tuple(Taken(*one) for one in taken))


def test_a_record_is_read_as_it_was_written():
    full = book(taken=[("a.example.com", "id-b", "b", "now")]).with_missed(["n1", "n2"], DEBT)
    secret = {"Spec": {"Name": "stackwright.routes", "Labels": {"stackwright.routes": full.label}}}
    assert book_in([{"Spec": {"Name": "other", "Labels": {}}}, secret]) == full
    assert book_in([]) == Book()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"owed": 3}', '{"owed": [{"proxy": 1}], "taken": [null, {}]}'])
def test_a_record_that_somebody_has_spoilt_is_an_empty_one(text):
    assert book_of(text) == Book()


def test_what_was_missed_last_counts_and_other_stacks_stay():
    first = Book().with_missed(["n1", "n2"], DEBT).with_missed(["n1"], DEBT._replace(stack="id-b", name="b"))
    gone = first.with_missed(["n1"], DEBT._replace(gone=True, since="later"))
    assert [(debt.proxy, debt.stack, debt.gone) for debt in gone.owed] == [
        ("n1", "id-a", True),
        ("n1", "id-b", False),
        ("n2", "id-a", False),
    ]


def test_what_was_missed_after_the_debts_were_read_is_still_owed():
    read = Book().with_missed(["n1"], DEBT)
    later = read.with_missed(["n1"], DEBT._replace(since="later"))
    assert later.without(read.owed) == later
    assert read.without(read.owed) == Book()


def test_a_domain_belongs_to_the_one_who_took_it_last_while_it_claims_it():
    taken = book().with_taken(["a.example.com"], Taken("", "id-b", "b", "1"))
    claims = [("a.example.com", "b"), ("a.example.com", "a")]
    assert list(taken.lost("id-a", claims)) == ["a.example.com"]
    assert taken.lost("id-b", claims) == {}
    assert taken.lost("id-a", claims[1:]) == {}
    assert list(taken.lost("id-a", [("*.example.com", "b")])) == ["a.example.com"]
    back = taken.with_taken(["a.example.com"], Taken("", "id-a", "a", "2"))
    assert list(back.lost("id-b", claims)) == ["a.example.com"]
    assert back.lost("id-a", claims) == {}


def test_what_a_stack_has_given_up_is_its_no_more():
    taken = book(taken=[("a.example.com", "id-b", "b", "1")])
    assert deployment_facts(taken, "id-b", ["a.example.com"], [])["takes"] == ["a.example.com"]
    assert deployment_facts(taken, "id-b", ["b.example.com"], []) == {}

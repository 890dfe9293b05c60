"""Versions of kept values."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED, GIVEN, SET, Kept

EMPTY = Kept("shop")


def added(kept, name, value, origin=GENERATED, mark="aa"):
    return kept.added(
        name, value, origin, mark, "2026-11-21T04:00:00Z", "generate_hex" if origin == GENERATED else None
    )


def test_a_new_version_is_the_current_one_and_the_old_one_stays():
    kept = added(added(EMPTY, "stack/A", "one"), "stack/A", "two", mark="bb")
    assert kept.current("stack/A").value == "two"
    assert [version.label for version in kept.entries["stack/A"].versions] == ["1-aa", "2-bb"]
    assert EMPTY.empty
    assert not kept.empty


def test_a_number_is_never_given_twice():
    kept = added(added(EMPTY, "stack/A", "one"), "stack/B", "two").without("stack/B")
    assert added(kept, "stack/B", "three").current("stack/B").number == 3


def test_an_override_is_kept_but_never_current():
    kept = added(added(EMPTY, "stack/A", "made"), "stack/A", "mine", GIVEN)
    assert kept.current("stack/A").value == "made"
    assert kept.given("stack/A", "mine").number == 2
    assert kept.given("stack/A", "made") is None


def test_going_back_to_a_version():
    kept = added(added(EMPTY, "stack/A", "one"), "stack/A", "two")
    assert kept.using({"stack/A": "1-aa", "stack/B": "9-zz"}).current("stack/A").value == "one"


def test_what_nobody_needs_goes():
    kept = EMPTY
    for number in range(4):
        kept = added(kept, "stack/A", str(number))
    kept = added(kept, "stack/B", "mine", GIVEN)
    left = kept.collected({"stack/A": {"2-aa"}})
    assert [version.number for version in left.entries["stack/A"].versions] == [2, 4]
    assert "stack/B" not in left.entries


def test_data_and_back():
    kept = added(added(EMPTY, "stack/A", 'q"\n#$é'), "db/B", "x", SET)
    assert Kept.from_data(kept.as_data(), "shop", "here") == kept


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"format": 2, "stack": "shop", "counter": 0, "values": {}},
        {"format": 1, "stack": "other", "counter": 0, "values": {}},
        {"format": 1, "stack": "shop", "counter": 0, "values": []},
        {"format": 1, "stack": "shop", "counter": 0, "values": {"a/b": {"current": "1-x", "versions": []}}},
        {
            "format": 1,
            "stack": "shop",
            "counter": 1,
            "values": {"a/b": {"current": "9-x", "generator": None, "params": None, "versions": []}},
        },
        {
            "format": 1,
            "stack": "shop",
            "counter": 1,
            "values": {
                "a/b": {
                    "current": "1-x",
                    "generator": None,
                    "params": None,
                    "versions": [{"number": 1, "mark": "x", "value": 7, "created": "", "origin": "set"}],
                }
            },
        },
    ],
)
def test_damaged_data_is_an_error_that_quotes_nothing(data):
    with pytest.raises(ValueStoreError, match="/the/file is damaged") as caught:
        Kept.from_data(data, "shop", "/the/file")
    assert caught.value.error_code == "store_damaged"
    assert "on_lost" in caught.value.hint


def test_a_value_is_in_no_repr():
    assert "hunter2" not in repr(added(EMPTY, "stack/A", "hunter2"))

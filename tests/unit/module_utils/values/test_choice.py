"""The version that a run uses, the values that it generates, and lost values."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.choice import (
    Ask,
    completed,
    listed,
    pinned,
    version_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import ADOPTED, GIVEN, SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.recover import Live

EMPTY = Kept("shop")


def entry(name, generator="generate_hex", given=None, **params):
    return {
        "name": name,
        "generator": generator,
        "params": params,
        "given": given,
        "where": "c.yml:3",
        "sensitive": True,
    }


def ask(live=None, made=None, **more):
    log = made if made is not None else []

    def make(entries, known):
        log.extend((e["name"], dict(known)) for e in entries)
        return {e["name"]: f"new {e['name']}" for e in entries}

    found = live or {}
    return Ask(lambda names: {n: found[n] for n in names if n in found}, make, lambda: "aa", "now", **more)


def values(kept, entries):
    return {e["name"]: version_of(kept, e).value for e in entries}


def test_what_is_missing_is_made_once():
    entries = [entry("db/A"), entry("stack/B")]
    kept = completed(EMPTY, entries, ask())
    assert values(kept, entries) == {"db/A": "new db/A", "stack/B": "new stack/B"}
    made = []
    assert completed(kept, entries, ask(made=made)) is kept
    assert made == []


def test_a_renamed_key_gets_a_new_value_and_the_old_one_stays():
    kept = completed(EMPTY, [entry("db/OLD")], ask())
    kept = completed(kept, [entry("db/NEW")], ask())
    assert sorted(kept.entries) == ["db/NEW", "db/OLD"]


def test_an_override_wins_and_without_it_the_kept_value_is_back():
    kept = completed(EMPTY, [entry("db/A")], ask())
    mine = [entry("db/A", given="mine")]
    kept = completed(kept, mine, ask())
    assert values(kept, mine) == {"db/A": "mine"}
    assert completed(kept, mine, ask()) is kept
    assert values(kept, [entry("db/A")]) == {"db/A": "new db/A"}
    assert [v.origin for v in kept.entries["db/A"].versions] == ["generated", GIVEN]


def test_values_are_made_anew_on_demand():
    entries = [entry("db/A"), entry("db/B"), entry("db/C", given="x")]
    kept = completed(EMPTY, entries, ask())
    made = []
    completed(kept, entries, ask(made=made, regenerate=["db/A"]))
    assert made == [("db/A", {"db/B": "new db/B", "db/C": "x"})]
    made.clear()
    again = completed(kept, entries, ask(made=made, regenerate=["all"]))
    assert [name for name, _known in made] == ["db/A", "db/B"]
    assert len(again.entries["db/A"].versions) == 2


def test_what_is_built_on_a_value_is_made_anew_with_it():
    entries = [entry("stack/KEY"), entry("stack/TOKEN", "generate_jwt", key="KEY", days=0)]
    kept = completed(EMPTY, entries, ask())
    made = []
    completed(kept, entries, ask(made=made, regenerate=["stack/KEY"]))
    assert [name for name, _known in made] == ["stack/KEY", "stack/TOKEN"]


@pytest.mark.parametrize("name", ["db/X", "db/C", "db/S"])
def test_what_no_generator_makes_cannot_be_made_anew(name):
    entries = [entry("db/A"), entry("db/C", given="x"), entry("db/S", None)]
    kept = EMPTY.added("db/S", "set", SET, "aa", "now")
    with pytest.raises(ValueStoreError, match=f"No generator creates {name}") as caught:
        completed(kept, entries, ask(regenerate=[name]))
    assert caught.value.error_code == "unknown_value"
    assert "db/A" in caught.value.hint


def test_a_value_that_nobody_makes_has_to_be_set():
    with pytest.raises(ValueStoreError, match=r"db/S \(c.yml:3\)") as caught:
        completed(EMPTY, [entry("db/S", None)], ask())
    assert caught.value.error_code == "value_missing"


LIVE = {"db/A": Live(("service db (A)",), "running")}


def test_a_lost_value_is_never_replaced_in_silence():
    with pytest.raises(ValueStoreError, match=r"db/A, which service db \(A\) runs with") as caught:
        completed(EMPTY, [entry("db/A"), entry("db/B")], ask(LIVE))
    assert caught.value.error_code == "values_lost"
    assert caught.value.details == {"names": ["db/A"]}
    for way in ("Restore", "adopt", "regenerate"):
        assert way in caught.value.hint
    assert "running" not in str(caught.value).replace("running services", "")


def test_it_can_be_adopted():
    kept = completed(EMPTY, [entry("db/A"), entry("db/B")], ask(LIVE, on_lost="adopt"))
    assert kept.current("db/A").value == "running"
    assert kept.current("db/A").origin == ADOPTED
    assert kept.current("db/B").value == "new db/B"


def test_it_can_be_made_anew():
    for how in ({"on_lost": "regenerate"}, {"regenerate": ["db/A"]}):
        assert completed(EMPTY, [entry("db/A")], ask(LIVE, **how)).current("db/A").value == "new db/A"


def test_what_cannot_be_read_cannot_be_adopted():
    live = {"secrets/s": Live(("secret s",), None)}
    with pytest.raises(ValueStoreError, match="secret s") as caught:
        completed(EMPTY, [entry("secrets/s")], ask(live, on_lost="adopt"))
    assert caught.value.error_code == "adopt_failed"


def test_a_revision_gets_its_own_versions_or_an_error():
    kept = EMPTY.added("db/A", "one", SET, "aa", "").added("db/A", "two", SET, "bb", "")
    assert pinned(kept, {"db/A": "1-aa"}) == {"db/A": "one"}
    with pytest.raises(ValueStoreError, match="db/A, db/B") as caught:
        pinned(kept, {"db/A": "1-bb", "db/B": "1-aa"})
    assert caught.value.error_code == "value_lost"


def test_a_list_shows_no_value():
    kept = EMPTY.added("db/A", "hunter2", SET, "aa", "now")
    assert listed(kept) == [
        {
            "name": "db/A",
            "current": "1-aa",
            "generator": None,
            "versions": [{"label": "1-aa", "created": "now", "origin": "set"}],
        }
    ]

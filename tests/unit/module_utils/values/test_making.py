"""The values that are generated, and their order."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.making import (
    given_of,
    in_order,
    make_missing,
    with_dependants,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seeded import Seeded


def entry(name, generator="generate_hex", given=None, **params):
    params = params if params or generator != "generate_hex" else {"bytes": 8}
    return {"name": name, "generator": generator, "params": params, "given": given}


def jwt(name, key):
    return entry(name, "generate_jwt", key=key, days=0)


def test_only_what_is_missing_is_made():
    entries = [entry("a/A"), entry("a/B"), entry("a/C", None, "x")]
    made = make_missing(entries, {"a/A": "kept"}, Seeded("s", ""), 0)
    assert list(made) == ["a/B"]
    assert given_of(entries) == {"a/C": "x"}


def test_a_token_is_made_after_its_key_whether_new_kept_or_given():
    entries = [jwt("a/T", "K"), entry("stack/K")]
    both = make_missing(entries, {}, Seeded("s", ""), 0)
    assert list(both) == ["stack/K", "a/T"]
    later = make_missing(entries, {"stack/K": both["stack/K"]}, Seeded("other", ""), 0)
    assert later == {"a/T": both["a/T"]}
    given = make_missing([jwt("a/T", "K"), entry("stack/K", None, both["stack/K"])], {}, Seeded("s", ""), 0)
    assert given == later


def test_what_is_built_on_a_value_goes_with_it():
    entries = [jwt("a/T", "a/S"), jwt("a/S", "K"), entry("stack/K"), entry("a/X")]
    assert with_dependants(entries, ["stack/K"]) == {"stack/K", "a/S", "a/T"}
    assert with_dependants(entries, ["a/T"]) == {"a/T"}


def test_a_circle():
    with pytest.raises(GeneratorError, match="a/S, a/T depend on each other"):
        in_order([jwt("a/T", "a/S"), jwt("a/S", "a/T"), entry("a/X")])

"""``platform.hash_aliases``: on external networks of the file, services have the names of shared networks."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

FILE = {
    "services": {
        "my_db": {"image": "a", "networks": {"front": {"aliases": ["database"]}, "own": None, "default": None}},
        "web": {"image": "a"},
    },
    "networks": {"front": {"external": True, "name": "public"}, "own": {}},
}


def aliases(*networks):
    request = CompileRequest([Source("/p/c.yml", FILE)], name="shop", platform={"hash_aliases": list(networks)})
    desired = compile_stack(request, MemoryFiles({}))
    found = {
        (service["key"], attachment["Target"]): attachment.get("Aliases")
        for service in desired["services"]
        for attachment in service["spec"]["TaskTemplate"]["Networks"]
    }
    return found, desired["stack"]["hash"]


@pytest.mark.parametrize("word", ["front", "public"])
def test_only_that_network_loses_the_bare_name(word):
    found, digest = aliases(word)
    assert found == {
        ("my_db", "public"): ["database", f"{digest}_my_db", f"{digest}-my-db"],
        ("my_db", "shop_own"): ["my_db"],
        ("my_db", "shop_default"): ["my_db"],
        ("web", "shop_default"): ["web"],
    }
    assert aliases()[0]["my_db", "public"] == ["database", "my_db"]


@pytest.mark.parametrize(
    ("word", "said"),
    [("own", "is the stack's own"), ("frond", "is not in the file"), ("default", "is the stack's own")],
)
def test_a_network_that_does_not_fit_is_a_problem(word, said):
    with pytest.raises(ComposeError, match=f"{said}.*The external networks are public"):
        aliases(word)

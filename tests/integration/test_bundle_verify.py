"""bundle_verify.yml: the stacks of a bundle run in a Swarm of another host, and nothing stays there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from test_bundle_drill import FILE, PASSWORD, Site
from testbed import for_tests, inventory

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("verify", managers=2, swarm=False) as made:
        yield made


@pytest.fixture
def site(bed, tmp_path):
    """m1 has the Swarm with the stack; m2 is a spare host."""
    site = Site(bed, tmp_path)
    inventory.write(bed, tmp_path / "hosts.json", guestbook=False)
    found = json.loads((tmp_path / "hosts.json").read_text())["all"]
    hosts = found["children"]["swarm_nodes"]["hosts"]
    groups = {"swarm_managers": {"m1": {}}, "swarm_nodes": {"m1": hosts["m1"]}, "spares": {"m2": hosts["m2"]}}
    found["children"] = {name: {"hosts": group} for name, group in groups.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": found}))
    return site


def left(bed):
    """What is on the spare host."""
    node = bed.node("m2")
    volumes = [one["Name"] for one in node.api("GET", "/volumes")["Volumes"] or []]
    containers = node.api("GET", "/containers/json?all=true")
    return node.api("GET", "/info")["Swarm"]["LocalNodeState"], volumes, containers


def test_a_bundle_is_verified_by_a_restore_that_leaves_nothing(bed, site, tmp_path):
    node = bed.node("m1")
    node.cli(["docker", "swarm", "init", "--advertise-addr", node.address])
    node.cli(["docker", "network", "create", "--driver", "overlay", "--attachable", "public"])
    given = {"image": bed.images["busybox"], "name": "s1", "constraint": "node.hostname == m1"}
    (tmp_path / "s1.yml").write_text(FILE.format(**given))
    stack = {"name": "s1", "src": [str(tmp_path / "s1.yml")], "shared_networks": ["public"]}
    site.usual["stack_proxies"] = []
    site.play("site", stack_list=[stack], stack_values={"store": "swarm"}, stack_confine="none")
    site.play("bundle", bundle_path=str(tmp_path / "bundles"))
    before = json.dumps(node.api("GET", "/services"))
    asked = {"bundle_restore_src": "latest", "bundle_restore_path": str(tmp_path / "bundles")}

    for wrong, said in (("", "Set bundle_verify_on to a group"), ("swarm_managers", "m1: in a Swarm with services")):
        with pytest.raises(AssertionError, match=said):
            site.play("bundle_verify", bundle_verify_on=wrong, **asked)
    # A volume of the same stack from before is nobody's to remove.
    kept = ["--label", "com.docker.stack.namespace=s1", "s1_data"]
    bed.node("m2").cli(["docker", "volume", "create", *kept])
    with pytest.raises(AssertionError, match="has volumes of the stacks"):
        site.play("bundle_verify", bundle_verify_on="spares", **asked)
    assert left(bed) == ("inactive", ["s1_data"], [])
    bed.node("m2").cli(["docker", "volume", "rm", "s1_data"])

    told = site.play("bundle_verify", bundle_verify_on="spares", **asked)
    assert "1 stacks were deployed and healthy on m2. All of them were removed again." in told, told
    assert left(bed) == ("inactive", [], [])
    assert json.dumps(node.api("GET", "/services")) == before
    assert PASSWORD not in site.output

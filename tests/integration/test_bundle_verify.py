"""Bundles on another host: bundle_verify.yml leaves nothing there, and a restore brings the rows of a database."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from test_bundle_drill import FILE, PASSWORD, Site, psql
from test_volumes import DATABASE
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
    with pytest.raises(AssertionError, match="stack s1: volumes from before"):
        site.play("bundle_verify", bundle_verify_on="spares", **asked)
    assert left(bed) == ("inactive", ["s1_data"], []), site.output
    bed.node("m2").cli(["docker", "volume", "rm", "s1_data"])

    told = site.play("bundle_verify", bundle_verify_on="spares", **asked)
    assert "1 stacks were deployed and healthy on m2. All of them were removed again." in told, told
    assert left(bed) == ("inactive", [], [])
    assert json.dumps(node.api("GET", "/services")) == before
    assert PASSWORD not in site.output


def test_rows_of_a_database_come_back_on_another_host(bed, site, tmp_path, monkeypatch):
    """The host with the volume is lost. Its snapshot is in a restic repository, and the new host has no image."""
    restic = site.with_restic(monkeypatch, "hosts.json")
    old, new = bed.node("m1"), bed.node("m2")
    old.cli(["docker", "swarm", "leave", "--force"], check=False)
    old.cli(["docker", "swarm", "init", "--advertise-addr", old.address])
    text = DATABASE.format(image=bed.images["postgres"], test="pg_isready -h 127.0.0.1", retries=60)
    text = text.replace("deploy: {", "deploy: {placement: {constraints: [node.hostname == m1]}, ")
    (tmp_path / "db.yml").write_text(text)
    site.usual["stack_proxies"] = []
    stack = {"name": "db", "src": [str(tmp_path / "db.yml")]}
    site.play("site", stack_list=[stack], stack_confine="none", stack_rollout={"timeout": 300})
    psql(old, "CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n")
    rows = psql(old, "SELECT * FROM kept ORDER BY n")
    assert len(rows.splitlines()) == 5000
    save = {
        "bundle_path": str(tmp_path / "bundles"),
        "bundle_volumes": True,
        "bundle_volumes_path": f"{site.own}/volumes",
    }
    told = site.play("bundle", **save, **{f"bundle_{name}": value for name, value in restic.items()})
    assert "the data of the volume" not in told, told
    assert "changed=0" not in told
    bed.kill("m1")

    found = json.loads((tmp_path / "hosts.json").read_text())["all"]
    groups = {"swarm_managers": {"m2": {}}, "swarm_nodes": found["children"]["spares"]["hosts"]}
    found["children"] = {name: {"hosts": group} for name, group in groups.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": found}))
    site.play("cluster")
    back = {"bundle_restore_src": "latest", "bundle_restore_path": str(tmp_path / "fetched")}
    back.update(bundle_restore_nodes={"m1": "m2"}, bundle_restore_volumes_path=f"{site.own}/back")
    back.update({f"bundle_restore_{name}": value for name, value in restic.items()}, stack_rollout={"timeout": 300})
    would = site.play("bundle_restore", "--check", **back)
    assert "Volume, unless it exists: db_data" in would and left(bed)[1] == [], would
    site.play("bundle_restore", **back)
    assert psql(new, "SELECT * FROM kept ORDER BY n") == rows
    assert [one["RepoTags"] for one in new.api("GET", "/images/json") if "stackwright" in str(one["RepoTags"])] == []
    psql(new, "INSERT INTO kept VALUES (0, 0)")
    again = site.play("bundle_restore", **back)
    assert "changed=0" in again and "changed=1" not in again, again
    assert psql(new, "SELECT count(*) FROM kept") == "5001\n"

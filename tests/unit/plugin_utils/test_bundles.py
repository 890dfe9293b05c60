"""Bundles: any damage is an error, and a restore with other names is complete or an error."""

import base64
import json
import random
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.bundle_options import SWARM_BUNDLE, Options
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles import bundle_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.bundle_file import read, write
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.contents import contents_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.mapped import Names, definition_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.proof import check_stacks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.restoring import Restoration
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.backup_file import Cipher

FACTS = {"cluster_id": "jrbs3yqvnxzq2fgtpy5njs0y6", "collection": "1.1.0", "not_in_bundle": [], "platform": ["proxy"]}
COMPOSE = """\
services:
  web:
    image: shop/web:1
    environment: {URL: "https://www.example.com/x", NOT: "myexample.com example.com.au", PRICE: "5 $$"}
    configs: [page]
    secrets: [key]
    networks: [default, public]
    deploy:
      placement: {constraints: [node.hostname == old, node.id==i1, node.role == worker]}
      labels: {stackwright.http.port: "80", stackwright.http.routes.0.domain: www.example.com}
networks: {public: {external: true}}
configs: {page: {file: ./configs/page}}
secrets: {key: {name: shop_key, external: true}}
"""


def packed(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def stack(name, text, page=b"a $page\n", networks=(), binds=(), **options):
    files = {"compose.yml": packed(text), "configs/page": packed(page)}
    more = {"loose": "", "volumes": [], "binds": [*binds], "networks": [*networks]}
    return {"files": files, "options": {"name": name, **options}, **more}


CONTENT = {
    "stacks": {
        "proxy": stack("proxy", "services: {caddy: {image: caddy}}", networks=["edge"], binds=["/run/caddy"]),
        "shop": stack("shop", COMPOSE, shared_networks=["edge"]),
    },
    "values": {"shop": {"web/KEY": "planted-77"}},
    "secrets": {"shop_key": {"data": None, "labels": {}, "stacks": ["shop"]}},
    "configs": {},
    "networks": [{"name": "public", "attachable": True}],
    "nodes": {"old": {"id": "i1", "labels": {"disk": "ssd"}}, "plain": {"id": "i2", "labels": {}}},
}
FACTS["stacks"] = {name: {} for name in CONTENT["stacks"]}


def target(*nodes, **objects):
    named = {kind: [{"Spec": {"Name": name}, "Name": name} for name in names] for kind, names in objects.items()}
    found = [{"ID": f"id-{name}", "Description": {"Hostname": name}} for name in nodes]
    return {"nodes": found, "networks": [], "secrets": [], "configs": [], "services": [], **named}


def options(**given):
    defaults = {name: option.get("default") for name, option in SWARM_BUNDLE.items()}
    return Options(**{**defaults, "state": "read", "path": "x", **given})


def restored(there, check=False, content=CONTENT, **given):
    return Restoration(content, options(**given), there, ["proxy"], ["secret shop_key: its content"]).tasks(check)


def cipher(password=b"p"):
    return Cipher(VaultLib([("default", VaultSecret(password))]), None, None)


def saved(folder, hour=3, content=CONTENT):
    folder.mkdir(exist_ok=True)
    return Path(write(str(folder), {**FACTS, "created": f"2026-11-29T{hour:02}:00:00Z"}, content, cipher())["path"])


def code_of(run, *arguments, **options):
    with pytest.raises(StackwrightError) as caught:
        run(*arguments, **options)
    return caught.value.error_code


def test_a_bundle_is_what_was_written_and_readable_by_nobody_else(tmp_path):
    path = saved(tmp_path)
    manifest, content = read(str(path), cipher())
    assert content == CONTENT and manifest["format"] == 1
    assert all("planted-77" not in file.read_text() for file in tmp_path.iterdir())
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o600"}
    assert code_of(read, str(path), cipher(b"other")) == "backup_not_decrypted"
    assert read(str(path.with_suffix("")), cipher())[1] == CONTENT


def altered(chance, text):
    """Returns the text with one change."""
    at, length = chance.randrange(len(text)), chance.randint(1, 40)
    kind = chance.randrange(5)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + text[at + length :]
    if kind == 2:
        return text[:at] + chance.randbytes(length) + text[at:]
    if kind == 3:
        return text[:at] + text[at : at + length] + text[at:]
    return text[:at] + bytes([text[at] ^ (1 << chance.randrange(8))]) + text[at + 1 :]


def test_200_alterations_are_refused(tmp_path):
    path = saved(tmp_path)
    files = [path, path.with_suffix(".json")]
    whole = {file: file.read_bytes() for file in files}
    chance, codes = random.Random(19), []
    while len(codes) < 200:
        file = files[len(codes) % 2]
        text = altered(chance, whole[file])
        if text == whole[file]:
            continue
        file.write_bytes(text)
        codes.append(code_of(read, str(path), cipher()))
        file.write_bytes(whole[file])
    assert set(codes) == {"damaged_backup"}
    assert read(str(path), cipher())[1] == CONTENT


def rewritten(path, **changed):
    """A changed manifest with a correct new digest."""
    manifest = json.loads(path.with_suffix(".json").read_text())
    plain = {name: item for name, item in {**manifest, **changed}.items() if name != "digest"}
    path.with_suffix(".json").write_bytes(bundle_file._text(plain))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"cluster_id": "another"}, "damaged_backup"),
        ({"platform": []}, "damaged_backup"),
        ({"more": 1}, "damaged_backup"),
        ({"sha256": "0" * 64}, "damaged_backup"),
        ({"bytes": 1}, "damaged_backup"),
        ({"file": "other.bundle"}, "damaged_backup"),
        ({"format": 2}, "bundle_format"),
        ({"format": 0}, "bundle_format"),
        ({"format": "1"}, "bundle_format"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else given,
)
def test_a_manifest_with_a_new_digest_is_refused(tmp_path, changed, code):
    path = saved(tmp_path)
    rewritten(path, **changed)
    assert code_of(read, str(path), cipher()) == code


def test_files_of_different_bundles_and_missing_ones_are_refused(tmp_path):
    one, other = saved(tmp_path), saved(tmp_path, 4)
    one.with_suffix(".json").write_bytes(other.with_suffix(".json").read_bytes())
    assert code_of(read, str(one), cipher()) == "damaged_backup"
    one.with_suffix(".json").unlink()
    assert code_of(read, str(one), cipher()) == "damaged_backup"
    less = {**CONTENT, "stacks": {"shop": CONTENT["stacks"]["shop"]}}
    assert code_of(read, str(saved(tmp_path / "less", content=less)), cipher()) == "damaged_backup"


def test_an_older_format_is_upgraded(tmp_path, monkeypatch):
    path = saved(tmp_path)
    monkeypatch.setattr(bundle_file, "FORMAT", 2)
    monkeypatch.setitem(bundle_file.UPGRADES, 1, lambda content: {**content, "new": []})
    assert read(str(path), cipher())[1] == {**CONTENT, "new": []}


def test_a_stack_that_does_not_compile_is_refused():
    check_stacks(CONTENT["stacks"])
    wrong = {"shop": stack("shop", COMPOSE.replace("image", "imgae"))}
    assert code_of(check_stacks, wrong) == "damaged_backup"
    assert code_of(check_stacks, {"shop": {**wrong["shop"], "files": {}}}) == "damaged_backup"


@pytest.mark.parametrize("page", [b"a $page ${X} $$\n", b"{{ .Node }} {{ generate_hex }}", b"\xff\0"], ids=range(3))
def test_the_definition_means_what_the_files_do(page):
    files = stack("shop", COMPOSE, page)["files"]
    tree, odd = definition_of(files, Names())
    plain = {path: base64.b64decode(data) for path, data in files.items()}
    wanted = compile_stack(CompileRequest([Source("compose.yml")], name="shop"), MemoryFiles(plain))
    if odd:
        assert odd == {"page": packed(page)} and page[:1] != b"a"
        return
    made = compile_stack(CompileRequest([Source("inline", tree)], name="shop"), MemoryFiles({}))
    for service in (*made["services"], *wanted["services"]):
        del service["where"]
    for part in ("services", "networks", "configs", "secrets", "routes"):
        assert made[part] == wanted[part]


def test_other_nodes_domains_and_networks():
    names = {"nodes": {"old": "new"}, "domains": {"example.com": "example.org"}, "networks": {"public": "edge2"}}
    found = restored(target("new"), **names, secrets={"shop_key": "planted-78"})
    (shop,) = found["stacks"]
    web = shop["definition"]["services"]["web"]
    assert web["deploy"]["placement"]["constraints"] == [
        "node.hostname == new",
        "node.id == id-new",
        "node.role == worker",
    ]
    assert web["environment"] == {
        "URL": "https://www.example.org/x",
        "NOT": "myexample.com example.com.au",
        "PRICE": "5 $$",
    }
    assert web["deploy"]["labels"]["stackwright.http.routes.0.domain"] == "www.example.org"
    assert shop["definition"]["networks"] == {"public": {"external": True, "name": "edge2"}}
    assert found["networks"] == [{"name": "edge2", "attachable": True}]
    assert found["node_labels"] == {"new": {"disk": "ssd"}}
    assert found["secrets"] == {"shop_key": {"data": packed("planted-78"), "labels": {}}}
    assert found["kept"] == [{"stack": {"name": "shop"}, "values": {"web/KEY": "planted-77"}}]
    assert ([one["name"] for one in found["platform"]], shop["after"], found["folders"]) == (
        ["proxy"],
        [],
        ["/run/caddy"],
    )
    assert found["not_restored"] == [] == found["unplanned"]
    taken = restored(target("new", networks=["edge2"], secrets=["shop_key"]), **names)
    assert (taken["networks"], taken["secrets"], taken["not_restored"]) == ([], {}, [])


@pytest.mark.parametrize(
    ("nodes", "given", "said"),
    [
        (["new"], {}, "The node old has labels"),
        (["new"], {"nodes": {"old": ""}}, "the service web must run on the node old"),
        (["new"], {"nodes": {"old": "missing"}}, "the Swarm has no node missing"),
        (["old"], {"nodes": {"odl": "old"}}, "the bundle has no odl"),
        (["old"], {"networks": {"pbulic": "edge"}}, "the bundle has no pbulic"),
        (["old"], {"domains": {"sample.com": "example.org"}}, "no stack of the bundle has sample.com"),
    ],
    ids=["labels", "constraint", "typo of the new", "typo of the old", "network", "domain"],
)
def test_names_that_do_not_fit_are_refused(nodes, given, said):
    with pytest.raises(StackwrightError, match=said) as caught:
        restored(target(*nodes, secrets=["shop_key"]), **given)
    assert caught.value.error_code == "bundle_mapping"


def test_snapshots_are_restored_on_the_successor_of_their_node():
    content = {**CONTENT, "stacks": {**CONTENT["stacks"], "shop": {**CONTENT["stacks"]["shop"], "volumes": ["a", "b"]}}}
    shots = [{"volume": name, "node": node, "id": "s1"} for name, node in (("a", "old"), ("b", "plain"), ("c", "old"))]
    there = target("new", secrets=["shop_key"])
    found = Restoration(content, options(nodes={"old": "new"}), there, ["proxy"], [], shots).tasks(False)
    assert found["volumes"] == [{"volume": "a", "node": "new", "snapshot": "s1"}]
    assert found["not_restored"] == ["the data of the volume b: its node plain has no successor"]


def test_a_trial_spreads_the_nodes_of_a_bundle():
    """A node that is in both Swarms stays, and so does a mapped one. The others are mapped to all nodes in turn."""
    more = {**CONTENT, "nodes": {**CONTENT["nodes"], "z": {"id": "i3", "labels": {"z": "1"}}}}
    there = target("a", "b", secrets=["shop_key"])
    assert restored(there, content=more, spread_nodes=True)["node_labels"] == {"a": {"disk": "ssd", "z": "1"}}
    chosen = restored(there, content=more, spread_nodes=True, nodes={"old": "b"})
    assert chosen["node_labels"] == {"b": {"disk": "ssd", "z": "1"}}
    there = target("old", "b", secrets=["shop_key"])
    assert restored(there, content=more, spread_nodes=True)["node_labels"] == {"old": {"disk": "ssd", "z": "1"}}


def test_secrets_that_nobody_knows():
    assert code_of(restored, target("old")) == "bundle_incomplete"
    found = restored(target("old"), incomplete=True)
    assert (found["stacks"], [one["name"] for one in found["platform"]]) == ([], ["proxy"])
    assert found["kept"] == [] and "shop" in found["not_restored"][-1]
    only = restored(target("old"), only="platform")
    assert (only["networks"], only["stacks"], len(only["platform"])) == ([], [], 1)


def test_check_mode_plans_what_can_be_planned():
    found = restored(target("old", secrets=["shop_key"]), True)
    assert (found["unplanned"], found["stacks"], len(found["platform"])) == (["shop"], [], 1)
    # One of its networks is the proxy's.
    there = target("old", secrets=["shop_key"], networks=["public"])
    assert restored(there, True)["unplanned"] == ["shop"]
    there = target("old", secrets=["shop_key"], networks=["public", "edge"])
    assert restored(there, True)["unplanned"] == []


def test_a_stack_comes_after_the_owner_of_its_network_and_an_odd_config_before_it():
    more = stack("more", yaml.safe_dump({**yaml.safe_load(COMPOSE), "networks": {"public": {}}}), b"\xff")
    more["networks"] = ["public"]
    found = restored(
        target("old", secrets=["shop_key"]), content={**CONTENT, "stacks": {**CONTENT["stacks"], "more": more}}
    )
    assert {one["name"]: one["after"] for one in found["stacks"]} == {"more": [], "shop": ["more"]}
    assert found["configs"]["more_page"]["labels"] == {"com.docker.stack.namespace": "more"}


NAMESPACE = "com.docker.stack.namespace"
OF_SHOP = {NAMESPACE: "shop"}


def swarm():
    """A Swarm with the stack shop, a service without a stack, and objects without a stack."""

    def service(name, labels, **container):
        container = {"Image": "shop/web:1", "Labels": labels, **container}
        template = {"ContainerSpec": container, "Networks": [{"Target": "n1", "Aliases": ["web"]}]}
        spec = {"Name": name, "Labels": {**labels, "com.docker.stack.image": "shop/web:1"}, "TaskTemplate": template}
        return {"ID": name, "Version": {"Index": 1}, "Spec": {**spec, "Mode": {"Replicated": {"Replicas": 1}}}}

    def thing(name, **spec):
        return {"ID": name, "Spec": {"Name": name, "Labels": {}, **spec}}

    key = {"SecretID": "shop_key", "SecretName": "shop_key", "File": {"Name": "key", "Mode": 0o444}}
    mounts = [
        {"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": {"Labels": OF_SHOP}},
        {"Type": "bind", "Source": "/srv", "Target": "/srv"},
    ]
    return {
        "info": {"Swarm": {"Nodes": 1, "Cluster": {}}},
        "api": [1, 47],
        "key": None,
        "predefined": {},
        "services": [service("shop_web", OF_SHOP, Secrets=[key], Mounts=mounts), service("alone", {})],
        "networks": [
            {"Id": "n1", "Name": "shop_default", "Scope": "swarm", "Driver": "overlay", "Labels": OF_SHOP},
            {"Id": "n2", "Name": "public", "Scope": "swarm", "Driver": "overlay", "Attachable": True},
        ],
        "secrets": [thing("shop_key", Labels={**OF_SHOP, "stackwright.content": "x"}), thing("spare")],
        "configs": [thing("banner", Data=packed("hello"), Templating={"Name": "golang"})],
        "nodes": [{"ID": "i1", "Description": {"Hostname": "old"}, "Spec": {"Labels": {"disk": "ssd"}}}],
        "values": {"shop": {"generators": {}, "secrets": {}, "texts": {"web/KEY": "planted-77", "web/OLD": "x"}}},
        "notices": ["stack other: its kept values are written as they run"],
    }


def test_the_contents_of_a_bundle():
    given = {"shop": {"web/OLD": "planted-79"}}
    facts, content = contents_of(swarm(), "stackwright", ["shop", "proxy"], given, {"shop_key": "planted-80"})
    assert facts["platform"] == ["shop"]
    assert facts["stacks"] == {
        "alone": {"services": ["alone"], "values": 0},
        "shop": {"services": ["web"], "values": 2},
    }
    assert (facts["nodes"], facts["networks"], facts["configs"]) == (["old"], ["public"], ["banner"])
    assert facts["secrets"] == ["shop_key"]
    assert {
        "secret spare: its content is not known",
        "stack shop: the data of the volume shop_data",
        "stack shop: the files below /srv on the nodes",
        "stack other: its kept values are written as they run",
    } <= set(facts["not_in_bundle"])
    assert not any("shop_key" in line for line in facts["not_in_bundle"])
    shot = {"volume": "shop_data", "id": "s1", "sha256": "9f", "bytes": 5}
    shots = [{"node": "old", "snapshots": [shot]}, {"node": "plain", "snapshots": [{**shot, "id": None}]}]
    with_data, _ = contents_of(swarm(), "stackwright", [], given, {}, shots)
    assert with_data["snapshots"] == [{"node": "old", "volume": "shop_data", "id": "s1", "sha256": "9f"}]
    assert not any("the data of the volume" in line for line in with_data["not_in_bundle"])
    assert content["values"] == {"shop": {"web/KEY": "planted-77", "web/OLD": "planted-79"}}
    assert content["secrets"]["shop_key"] == {"data": packed("planted-80"), "stacks": ["shop"], "labels": OF_SHOP}
    assert content["configs"]["banner"] == {"data": packed("hello"), "labels": {}, "template_driver": "golang"}
    assert content["networks"] == [{"name": "public", "attachable": True}]
    assert content["nodes"] == {"old": {"id": "i1", "labels": {"disk": "ssd"}}}
    assert content["stacks"]["shop"]["networks"] == ["shop_default"]
    assert "planted" not in json.dumps(facts)
    check_stacks(content["stacks"])
    # The service without a stack is there, so it does not come a second time.
    there = {**swarm(), "networks": []}
    found = Restoration(content, options(), there, [], []).tasks(False)
    assert [one["name"] for one in found["stacks"]] == ["shop"]
    there["services"] = []
    found = Restoration(content, options(), there, [], []).tasks(False)
    assert [one["name"] for one in found["stacks"]] == ["alone", "shop"]


@pytest.mark.parametrize("given", [({"nobody": {}}, {}), ({}, {"nothing": ""})], ids=["values", "secrets"])
def test_contents_of_what_is_not_there_are_refused(given):
    assert code_of(contents_of, swarm(), "stackwright", [], *given) == "not_found"

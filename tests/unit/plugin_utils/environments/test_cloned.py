"""The stacks of a clone: other domains, no published ports, and no data of another environment."""

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.cloned import _compiled, stacks_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.domains import DEFAULT_PATTERN, domain_of

FIELDS = {"project": "acme", "environment": "pr-12", "stack": "shop", "service": "web_1", "domain": "shop.example.com"}


def web(**service):
    labels = {"stackwright.http.port": "80", "stackwright.http.routes.0.domain": "shop.example.com"}
    return {"services": {"web": {"image": "nginx", "deploy": {"labels": labels}, **service}}}


def made(definition, pattern=DEFAULT_PATTERN, **how):
    return stacks_of([{"name": "shop", "definition": definition}], "acme", "pr-12", {}, pattern, **how)


@pytest.mark.parametrize(
    ("pattern", "domain", "expected"),
    [
        pytest.param(DEFAULT_PATTERN, "shop.example.com", "pr-12-shop.example.com", id="default"),
        pytest.param("{service}.{environment}.Preview.test", "shop.example.com", "web-1.pr-12.preview.test", id="own"),
        pytest.param(DEFAULT_PATTERN, "*.example.com", "*.pr-12-example.com", id="wildcard"),
        pytest.param("{domain}", "shop.example.com", "shop.example.com", id="same"),
    ],
)
def test_domains(pattern, domain, expected):
    assert domain_of(pattern, {**FIELDS, "domain": domain}) == expected


def test_a_long_label_is_shortened_with_a_digest():
    one, other = (domain_of(DEFAULT_PATTERN, {**FIELDS, "domain": f"{'a' * 60}{end}.test"}) for end in ("b", "c"))
    assert one != other and len(one.split(".")[0]) == len(other.split(".")[0]) == 63


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("{host}.test", id="unknown-field"),
        pytest.param("{environment.test", id="brace"),
        pytest.param("{environment}..test", id="empty-label"),
        pytest.param("a_b.{domain}", id="underscore"),
        pytest.param("{domain}." + ".".join(["a" * 60] * 4), id="too-long"),
    ],
)
def test_patterns_that_make_no_domain(pattern):
    with pytest.raises(StackwrightError, match="does not give a valid domain"):
        domain_of(pattern, FIELDS)


def test_a_clone_has_domains_of_its_own_and_publishes_nothing():
    found = made(web(ports=["8080:80"]))
    assert found["urls"] == ["https://pr-12-shop.example.com/"]
    assert found["notes"] == ["acme-pr-12-shop_web: published ports are left out (8080)"]
    # The definition that compose_stack gets is what was shown.
    (stack,) = found["stacks"]
    again = stacks_of([stack], "acme", "pr-12", {})
    assert again["urls"] == found["urls"] and again["notes"] == []
    assert made(web(ports=["8080:80"]), keep_ports=True)["notes"] == []


def test_an_environment_that_is_no_clone_is_as_its_files_are():
    found = made({**web(ports=["8080:80"], volumes=["data:/d"]), "volumes": {"data": {"name": "data"}}}, pattern="")
    assert found["urls"] == ["https://shop.example.com/"] and found["notes"] == []


@pytest.mark.parametrize(
    ("volume", "top", "shared"),
    [
        pytest.param("data:/d", {"data": None}, "", id="own"),
        pytest.param("data:/d", {"data": {"name": "data"}}, "the volume data", id="name"),
        pytest.param("data:/d", {"data": {"external": True}}, "the volume data", id="external"),
        pytest.param("/srv/data:/d", {}, "the folder /srv/data", id="folder"),
        pytest.param("/srv/data:/d:ro", {}, "", id="read-only"),
    ],
)
def test_no_data_is_in_two_environments(volume, top, shared):
    definition = {**web(volumes=[volume]), "volumes": top}
    if not shared:
        assert made(definition)["urls"]
        return
    with pytest.raises(StackwrightError, match=f"{shared} would be shared") as raised:
        made(definition)
    assert raised.value.error_code == "shared_data"
    assert made(definition, share=["data", "/srv/data"])["urls"]


def copy(target="acme-pr-12-shop_data", node="n1"):
    return {"volume": "shop_data", "source": "acme-production-shop_data", "target": target, "node_id": node}


def constraints(found):
    """Returns the constraints of the service, as compose_stack gets it."""
    (stack,) = found["stacks"]
    desired = _compiled({**stack, "project": "acme", "environment": "pr-12"})
    return desired["services"][0]["spec"]["TaskTemplate"].get("Placement", {}).get("Constraints", [])


@pytest.mark.parametrize("how", [{"copies": [copy()]}, {"pins": {"acme-pr-12-shop_data": "n1", "gone": "n2"}}])
def test_services_run_where_their_data_are(how):
    given = {**web(volumes=["data:/d"]), "volumes": {"data": {"labels": {"is": "kept"}}}}
    given["services"]["web"]["deploy"]["placement"] = {"constraints": ["node.role == worker"]}
    found = made(given, **how)
    assert constraints(found) == ["node.role == worker", "node.id == n1"]
    assert constraints(made(given)) == ["node.role == worker"]
    for one in found["copies"]:
        assert one["labels"]["is"] == "kept" and one["labels"]["com.docker.stack.namespace"] == "acme-pr-12-shop"


@pytest.mark.parametrize(
    ("copies", "code"),
    [
        pytest.param([copy("acme-pr-12-shop_other")], "no_volume", id="nobody-mounts-it"),
        pytest.param([copy(), copy("acme-pr-12-shop_more", "n2")], "volume_elsewhere", id="two-nodes"),
    ],
)
def test_data_that_can_not_be_used(copies, code):
    given = {**web(volumes=["data:/d", "more:/m"]), "volumes": {"data": {}, "more": {}}}
    with pytest.raises(StackwrightError) as raised:
        made(given, copies=copies)
    assert raised.value.error_code == code


def test_exported_stacks(tmp_path):
    (tmp_path / "acme-production-shop").mkdir()
    (tmp_path / "acme-production-shop" / "compose.yml").write_text(yaml.safe_dump(web()))
    one = {"name": "acme-production-shop", "folder": "acme-production-shop", "not_exported": ["a network"]}
    options = {"name": "shop", "project": "acme", "environment": "production"}
    export = {
        "dest": str(tmp_path),
        "stacks": [{**one, "options": options, "secrets": ["acme-production-shop_key", "x"]}],
    }
    with pytest.raises(StackwrightError, match="acme-production-shop_key") as raised:
        stacks_of(export, "acme", "pr-12", {}, DEFAULT_PATTERN)
    assert raised.value.error_code == "not_exportable" and "x," not in str(raised.value)
    found = stacks_of(export, "acme", "pr-12", {}, DEFAULT_PATTERN, share=["acme-production-shop_key"])
    assert found["urls"] == ["https://pr-12-shop.example.com/"] and found["notes"] == ["Not in the clone: a network"]

"""The stacks of a clone: other domains, no published ports, and no data of another environment."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.cloned import stacks_of
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
    with pytest.raises(StackwrightError, match="can't make a domain"):
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

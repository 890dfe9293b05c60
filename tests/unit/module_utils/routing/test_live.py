"""Routes from the labels of live services."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.live import live_routes, public_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import host_name, stack_id

ID = stack_id("shop")


def service(key, domain, aliases=(), **labels):
    found = {"stackwright.http.port": "8000", "stackwright.http.routes.0.domain": domain, **labels}
    networks = [{"Target": "n1", "Aliases": list(aliases)}]
    return {"Spec": {"Name": f"shop_{key}", "Labels": found, "TaskTemplate": {"Networks": networks}}}


def seen(*services):
    return [(route.shown, route.upstream, route.port) for route in live_routes(services, "shop", ID, "stackwright")]


def test_services_have_their_names_of_the_shared_network_where_they_are_on_one():
    shared = host_name("my_api", ID[:8])
    found = seen(service("web", "a.example.com", ["web"]), service("my_api", "b.example.com", ["my_api", shared]))
    assert sorted(found) == [("a.example.com", "shop_web", 8000), ("b.example.com", shared, 8000)]


def test_a_stack_of_another_id_is_not_taken_for_this_one():
    other = host_name("web", stack_id("shop", "acme", "test")[:8])
    assert seen(service("web", "a.example.com", [other])) == [("a.example.com", "shop_web", 8000)]


def test_tasks_and_labels_of_containers():
    one = service("web", "a.example.com", **{"stackwright.http.routes.0.upstream": "tasks"})
    one["Spec"]["TaskTemplate"]["ContainerSpec"] = {"Labels": {"stackwright.http.routes.0.base_path": "/api"}}
    assert seen(one) == [("a.example.com/api", "tasks.shop_web", 8000)]


@pytest.mark.parametrize("port", ["0", "http", ""])
def test_labels_that_make_no_route_make_none(port):
    assert seen(service("web", "a.example.com", **{"stackwright.http.port": port})) == []


def test_an_address_that_two_services_have_is_there_once():
    assert len(seen(service("a", "x.example.com"), service("b", "X.example.com."))) == 1


def test_as_plain_data_without_secrets():
    shared = host_name("web", ID[:8])
    secret = {"stackwright.http.routes.0.auth": "ali:$2b$10$" + "a" * 53, "stackwright.http.routes.0.base_path": "/in"}
    one = service("web", "a.example.com", [shared], **{"stackwright-stack": ID}, **secret)
    (route,) = public_routes([one], "shop", "stackwright")
    assert (route["upstream"], route["service"], route["base_path"]) == (shared, "shop_web", "/in")
    assert route["from_labels"] == {"auth": "stackwright.http.routes.0.auth"}
    assert "$2b$" not in str(route)

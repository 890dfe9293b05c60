"""Conflicts before a deployment: against the labels of all live services."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import check_before_deploy


def service(stack, name="web", container=None, **routes):
    """A live service with routes: number_domain is its domain, number_path its path."""
    labels = {"com.docker.stack.namespace": stack, "stackwright.http.port": "80"}
    for key, value in routes.items():
        number, field = key[1:].split("_")
        labels[f"stackwright.http.routes.{number}.{'base_path' if field == 'path' else field}"] = value
    spec = {"Name": f"{stack}_{name}", "Labels": labels}
    if container:
        spec["Labels"] = {"com.docker.stack.namespace": stack}
        spec["TaskTemplate"] = {"ContainerSpec": {"Labels": {**labels, **container}}}
    return {"ID": "x", "Spec": spec}


def desired(*routes, prefix="stackwright"):
    stack = {"name": "shop", "id": "i", "prefix": prefix}
    return {
        "stack": stack,
        "routes": [{"domain": d, "base_path": p} if p else {"domain": d, "base_path": "/"} for d, p in routes],
    }


def refused(wanted, *services):
    with pytest.raises(RouteError) as caught:
        check_before_deploy(wanted, services)
    assert caught.value.error_code == "route_conflict"
    return [conflict["text"] for conflict in caught.value.details["conflicts"]]


def test_the_same_domain_and_path_belong_to_another_stack():
    assert refused(desired(("a.example.com", "/api")), service("blog", r0_domain="A.example.com", r0_path="/Api/")) == [
        "a.example.com/api belongs to stack 'blog' (service blog_web)"
    ]


def test_the_own_stack_another_path_and_another_prefix_are_no_conflict():
    live = [
        service("shop", r0_domain="a.example.com"),
        service("blog", r0_domain="a.example.com", r0_path="/blog"),
        service("shop-2", r0_domain="b.example.com"),
    ]
    check_before_deploy(desired(("a.example.com", None), ("a.example.com", "/blog2")), live)
    check_before_deploy(desired(("b.example.com", None), prefix="acme"), live)


def test_a_wildcard_is_a_conflict_in_either_order_where_paths_meet():
    wild = service("blog", r0_domain="*.example.com", r0_path="/x")
    assert len(refused(desired(("a.example.com", "/x/y")), wild)) == 1
    assert len(refused(desired(("a.example.com", None)), wild)) == 1
    check_before_deploy(desired(("a.example.com", "/z"), ("a.b.example.com", None)), [wild])
    exact = service("blog", r0_domain="a.example.com")
    (text,) = refused(desired(("*.example.com", None)), exact)
    assert text.startswith("*.example.com would intercept requests for a.example.com, which belongs to stack 'blog'")


def test_routes_in_labels_of_containers_count_and_faulty_ones_do_not():
    assert refused(desired(("a.example.com", None)), service("blog", container={"x": "y"}, r0_domain="a.example.com"))
    check_before_deploy(desired(("a.example.com", None)), [service("blog", r0_domain="https://a.example.com")])


def test_a_service_of_no_stack_owns_its_routes_too():
    lone = service("", r0_domain="a.example.com")
    lone["Spec"]["Name"] = "lone"
    assert refused(desired(("a.example.com", None)), lone) == ["a.example.com belongs to the service lone"]


def test_a_domain_that_is_only_made_later_is_nobodys():
    wanted = {"stack": desired()["stack"], "routes": [{"base_path": "/", "from_labels": {"domain": "l"}}]}
    check_before_deploy(wanted, [service("blog", r0_domain="a.example.com")])


def test_a_stack_without_routes_asks_nothing():
    check_before_deploy(desired(), iter(()))


def test_many_conflicts_are_all_in_the_details_and_ten_in_the_message():
    names = [f"h{number}.example.com" for number in range(12)]
    live = service("blog", **{f"r{number}_domain": name for number, name in enumerate(names)})
    with pytest.raises(RouteError) as caught:
        check_before_deploy(desired(*((name, None) for name in names)), [live])
    assert len(caught.value.details["conflicts"]) == 12
    assert "and 2 more" in str(caught.value)


@pytest.mark.parametrize(
    ("wild", "host", "meet"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "*.b.example.com", False),
        ("*.b.example.com", "b.example.com", False),
    ],
)
def test_a_wildcard_takes_one_label_whoever_has_it(wild, host, meet):
    for mine, other in ((wild, host), (host, wild)):
        if meet:
            assert len(refused(desired((mine, "/")), service("blog", r0_domain=other))) == 1
        else:
            check_before_deploy(desired((mine, "/")), [service("blog", r0_domain=other)])


def test_twice_the_routes_are_twice_the_work(calls):
    def work(count):
        mine = desired(*((f"h{i}.d{i % 7}.example.com", "/") for i in range(count)), ("*.example.org", "/"))
        others = [
            service(f"s{i}", r0_domain=f"*.x{i}.example.com", r1_domain=f"y{i}.example.com") for i in range(count)
        ]
        return calls(lambda: check_before_deploy(mine, others))

    assert work(400) < 2.3 * work(200)


def test_another_tls_of_the_same_domain_is_told_before_anything_is_deployed():
    other = service("blog", r0_domain="a.example.com", r0_path="/blog", r0_tls="internal")
    with pytest.raises(
        RouteError, match=r"tls auto, but a.example.com/blog of stack 'blog' .* has tls internal"
    ) as caught:
        check_before_deploy(desired(("a.example.com", "/api")), [other])
    assert caught.value.error_code == "tls_conflict"


def test_what_a_stack_takes_or_yields_is_no_conflict_and_all_else_is():
    theirs = service("blog", r0_domain="a.example.com", r1_domain="b.example.com")
    wanted = desired(("a.example.com", None), ("b.example.com", None))
    assert len(refused(wanted, theirs)) == 2
    check_before_deploy(wanted, [theirs], takes={"a.example.com", "b.example.com"})
    check_before_deploy(wanted, [theirs], takes={"a.example.com"}, yields={"b.example.com"})
    with pytest.raises(RouteError) as caught:
        check_before_deploy(wanted, [theirs], takes={"a.example.com"})
    assert [one["route"] for one in caught.value.details["conflicts"]] == ["b.example.com"]

"""Paths that a proxy and a service may read in different ways."""

import re

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import readable
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import Everything, Part, RouteRequest
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import DOTS, NO_PATH, REFUSED
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import route_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import inner_routes

HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"
CLOSED = {"auth": {"alice": HASH}}


def routes(*plains):
    return tuple(route_of({"domain": "a.example.com", "upstream": "web", "port": 80, **plain})[0] for plain in plains)


def apps_with(routes=()):
    return {"http": {"servers": {"web": {"listen": [":80"], "routes": list(routes)}}}}


def guards(listed):
    """The matchers of each route's guard, by its path."""
    found = {}
    for route in listed:
        path = route["match"][0].get("path", ["/"])[0]
        found[path] = [one["match"] for one in inner_routes(route) if one["handle"] == [REFUSED]]
    return found


def after(wish, listed=()):
    return wish.change(apps_with(listed), True).after


@pytest.mark.parametrize(
    "text", ["/..", "/../x", "/a/../b", "/a/./b", "/.", "/a/.", "/a\\..\\b", "/a/..;x=y/b", "/..;/admin", "/.;/a", ".."]
)
def test_a_path_with_dot_segments_is_refused(text):
    assert re.search(DOTS["{http.request.uri.path}"]["pattern"], text)


@pytest.mark.parametrize(
    "text", ["/", "/a", "/a.b", "/.well-known/x", "/a..b", "/...", "/a./b", "/..a", "/a;x=..;y", ""]
)
def test_others_are_not(text):
    assert not re.search(DOTS["{http.request.uri.path}"]["pattern"], text)


@pytest.mark.parametrize(
    "text, refused", [("admin", True), ("/admin", False), ("*", False), ("/", False), ("%2fx", True)]
)
def test_what_is_asked_for_begins_with_a_slash(text, refused):
    assert bool(re.search(NO_PATH["{http.request.uri}"]["pattern"], text)) == refused


def test_only_a_domain_with_paths_has_guards():
    listed = after(
        RouteRequest("shop", routes({}, {"domain": "b.example.com"}, {"domain": "b.example.com", "base_path": "/x"}))
    )
    found = {route["match"][0]["host"][0]: guards([route]) for route in listed}
    assert found["a.example.com"] == {"/": []}
    assert [len(sets[0]) for sets in guards(listed[1:]).values()] == [1, 2]


def test_what_is_open_below_what_is_closed_is_taken_literally():
    wish = RouteRequest("shop", routes({**CLOSED}, {"base_path": "/Open.x"}, {"base_path": "/Open.x/in", **CLOSED}))
    found = guards(after(wish))
    literal = found["/Open.x"][0][1]["not"][0]["vars_regexp"]["{http.request.uri}"]["pattern"]
    for text in ("/Open.x", "/Open.x/y", "/Open.x?y"):
        assert re.search(literal, text), text
    for text in ("/open.x", "/OpenXx", "//Open.x", "/Open%2ex", "/Open.x%2fin", "/Open.xy", "/z/Open.x"):
        assert not re.search(literal, text), text
    assert len(found["/"][0]) == 1


def test_a_prefix_that_the_proxy_would_not_take_off_is_refused():
    found = guards(
        after(RouteRequest("shop", routes({"base_path": "/api/v.1"}, {"base_path": "/kept", "strip_prefix": False})))
    )
    taken = found["/api/v.1"][0][1]["not"][0]["vars_regexp"]["{http.request.uri}"]["pattern"]
    for text in ("/api/v.1", "/api/v.1/x", "//API///v.1?x", "/%61pi/v%2E1", "/api/v.1%2fx", "/api/v.1."):
        assert re.search(taken, text), text
    for text in ("/%2fapi/v.1", "/api%2Fv.1", "/api/%2fv.1", "/%2f/api/v.1"):
        assert not re.search(taken, text), text
    assert len(found["/kept"][0]) == 1


def test_guards_come_and_go_with_the_other_routes_of_the_domain():
    alone = after(RouteRequest("shop", routes({})))
    added = RouteRequest("shop", routes({"base_path": "/admin", **CLOSED}), exclusive=False)
    both = after(added, alone)
    assert [len(sets) for sets in guards(both).values()] == [1, 1]
    assert added.change(apps_with(both), True).before == both and after(added, both) == both
    gone = after(RouteRequest("shop", routes({"base_path": "/admin"}), exclusive=False, absent=True), both)
    assert gone == alone
    # The same as all at once, and with the routes of all stacks.
    whole = routes({}, {"base_path": "/admin", **CLOSED})
    assert sorted(after(RouteRequest("shop", whole)), key=str) == sorted(both, key=str)
    assert sorted(after(Everything((Part("shop", whole),))), key=str) == sorted(both, key=str)


def test_another_stack_on_the_domain_changes_nothing():
    mine = RouteRequest("shop", routes({}))
    other = after(RouteRequest("blog", routes({"base_path": "/blog"})))
    assert guards(after(mine, other)) == {"/": []}


def test_people_do_not_read_of_guards():
    headers = {"request": {"X-A": "1", "X-B": ""}}
    listed = after(RouteRequest("shop", routes({}, {"base_path": "/x", "headers": headers})))
    assert readable.lines(listed) == [
        "a.example.com -> web:80",
        "a.example.com/x -> web:80 (strip /x; request header X-A: 1; request header X-B removed)",
    ]
    # Answers of others are shown.
    assert readable.line({"handle": [{"handler": "static_response", "status_code": 400}]}) == "any host -> answer 400"


def test_headers_are_set_where_the_visitor_can_not_take_them_away():
    (route,) = after(RouteRequest("shop", routes({"headers": {"request": {"X-A": "1", "X-B": ""}}})))
    proxy = inner_routes(route)[-1]["handle"][-1]
    assert proxy["headers"] == {"request": {"set": {"X-A": ["1"]}, "delete": ["X-B"]}}

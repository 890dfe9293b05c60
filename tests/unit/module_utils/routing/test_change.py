"""The pure part: from one snapshot to the one write."""

import copy
import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import etag_of, fnv1a
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing import layout, readable
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import Everything, Part, RouteRequest
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import plain_of, route_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import flattened, owner_of

CATCH_ALL = {"handle": [{"handler": "static_response", "status_code": 404}]}


def routes(*plains):
    return tuple(route_of({"domain": "a.example.com", "upstream": "web", "port": 80, **plain})[0] for plain in plains)


def apps_with(*listed, **more):
    return {"http": {"servers": {"web": {"listen": [":80"], "routes": list(listed)}}}, **more}


def applied(apps, wish, modern=True):
    """The proxy's apps after the change."""
    write = wish.change(copy.deepcopy(apps), modern).write
    if write is None:
        return apps
    result = copy.deepcopy(apps)
    if write.path == "/config/apps":
        return write.body
    result["http"]["servers"]["web"]["routes"] = write.body
    return result


def test_a_change_is_made_once():
    wish = RouteRequest("shop", routes({}, {"base_path": "/api", "tls": "internal"}, {"domain": "*.b.example.com"})[:1])
    apps = applied(apps_with(CATCH_ALL), wish)
    assert wish.change(apps, True).write is None
    assert wish.change(apps, False).write is not None  # an older proxy takes fewer fields


def test_only_a_modern_proxy_gets_modern_fields():
    text = {
        modern: json.dumps(applied(apps_with(), RouteRequest("shop", routes({})), modern)) for modern in (True, False)
    }
    assert "stream_close_delay" in text[True]
    assert "stream_close_delay" not in text[False]


def test_the_snapshot_is_not_changed():
    apps = apps_with(CATCH_ALL)
    before = copy.deepcopy(apps)
    RouteRequest("shop", routes({"tls": "off"}, {"domain": "b.example.com", "tls": "internal"})).change(apps, True)
    assert apps == before


def test_the_list_is_made_where_there_is_none():
    write = RouteRequest("shop", routes({})).change({"http": {"servers": {"web": {}}}}, True).write
    assert (write.method, write.path) == ("PUT", "/config/apps/http/servers/web/routes")


def test_several_servers_need_a_name():
    apps = {"http": {"servers": {"one": {}, "two": {}}}}
    with pytest.raises(RouteError, match="one, two"):
        RouteRequest("shop", routes({})).change(apps, True)
    assert RouteRequest("shop", routes({}), server="two").change(apps, True).write.path.endswith("/two/routes")
    with pytest.raises(RouteError, match="no HTTP server named 'three'"):
        RouteRequest("shop", routes({}), server="three").change(apps, True)


@pytest.mark.parametrize("apps", [None, {}, {"http": None}, {"http": {}}, {"http": {"servers": None}}, [1], "text"])
def test_a_proxy_without_servers(apps):
    with pytest.raises(RouteError) as caught:
        RouteRequest("shop", routes({})).change(apps, True)
    assert caught.value.error_code == "no_server"
    assert RouteRequest("shop", absent=True).change(apps, True).write is None


def test_tls_off_comes_and_goes_in_the_list_of_the_server_and_leaves_what_others_put_there():
    apps = apps_with()
    apps["http"]["servers"]["web"]["automatic_https"] = {"skip": ["other.example.com"]}
    there = applied(apps, RouteRequest("shop", routes({"tls": "off"})))
    assert there["http"]["servers"]["web"]["automatic_https"] == {"skip": ["other.example.com", "a.example.com"]}
    assert applied(there, RouteRequest("shop", absent=True)) == apps


def test_two_stacks_of_one_domain_share_its_policy():
    one = applied(apps_with(), RouteRequest("one", routes({"tls": "internal"})))
    two = applied(one, RouteRequest("two", routes({"tls": "internal", "base_path": "/two"})))
    left = applied(two, RouteRequest("one", absent=True))
    assert left["tls"]["automation"]["policies"][0]["subjects"] == ["a.example.com"]
    gone = applied(left, RouteRequest("two", absent=True))
    assert gone["tls"]["automation"] == {}


def test_a_tls_policy_of_somebody_else_for_the_domain_is_a_conflict():
    policy = {"subjects": ["a.example.com"], "issuers": [{"module": "acme"}]}
    apps = apps_with(tls={"automation": {"policies": [policy]}})
    with pytest.raises(RouteError) as caught:
        RouteRequest("shop", routes({"tls": "internal"})).change(apps, True)
    assert caught.value.error_code == "tls_conflict"
    assert applied(apps, RouteRequest("shop", routes({})))["tls"] == apps["tls"]


def test_foreign_routes_of_odd_shapes_are_kept_as_they_are():
    odd = [
        None, [], "text", 3, {}, {"match": None}, {"match": "x", "handle": "y"}, {"match": [{"host": "a"}]},
        {"match": [{"host": [1, None]}], "handle": [None, {"handler": "subroute", "routes": None}]}, {"@id": 7},
        {"@id": "zr:too:few"}, {"@id": "zr-other:x", "handle": []},
    ]  # fmt: skip
    apps = apps_with(*odd)
    there = applied(apps, RouteRequest("shop", routes({})))
    found = there["http"]["servers"]["web"]["routes"]
    assert sorted(map(json.dumps, (r for r in found if owner_of(r) is None))) == sorted(map(json.dumps, odd))
    for route in odd:
        readable.line(route)


@pytest.mark.parametrize("count", [128, 129, 1000])
def test_a_tree_holds_each_route_once_in_lists_of_few(count):
    many = routes(*({"domain": f"h{n}.example.com", "base_path": p} for n in range(count) for p in ("/", "/a")))
    listed = applied(apps_with(CATCH_ALL), RouteRequest("shop", many))["http"]["servers"]["web"]["routes"]
    assert len(listed) == (2 * count + 1 if count <= layout.MOST_FLAT else layout.BRANCHES + 1)
    assert listed[-1] == CATCH_ALL
    flat = flattened(listed)
    assert len(flat) == 2 * count + 1
    assert len({route.get("@id") for route in flat}) == 2 * count + 1
    check_branches(listed[:-1] if count > layout.MOST_FLAT else [])


def check_branches(branches):
    """Each branch lists the hosts below it, and few."""
    assert len(branches) <= layout.BRANCHES or all(owner_of(branch) for branch in branches)
    for branch in branches:
        if owner_of(branch) is not None:
            continue
        hosts = branch["match"][0]["host"]
        assert hosts[1::2] == [host + "." for host in hosts[::2]]
        hosts = hosts[::2]
        below = {layout.address_of(route)[0] for route in flattened([branch])}
        assert set(hosts) == below
        assert hosts == sorted(hosts)
        check_branches(branch["handle"][0]["routes"])


def test_readable_changes_say_what_is_not_seen_without_showing_it():
    def changed(one, other):
        apps = applied(apps_with(), RouteRequest("shop", routes(one)))
        change = RouteRequest("shop", routes(other)).change(apps, True)
        (text,) = readable.changes(change.before, change.after)
        shown = readable.diff(change.before, change.after, "")
        assert shown["before"] != shown["after"]
        return text + shown["after"]

    hashes = ["$2b$10$" + letter * 53 for letter in "ab"]
    passwords = changed({"auth": {"ali": hashes[0]}}, {"auth": {"ali": hashes[1]}})
    assert "new password for ali" in passwords
    headers = changed(*({"headers": {"request": {"Authorization": f"Bearer {word}"}}} for word in ("one", "two")))
    assert "differs in" in headers
    assert "$2b$" not in passwords
    assert "Bearer" not in headers


def test_plain_data_comes_back_as_it_was():
    hashed = "$2b$10$" + "a" * 53
    everything = {
        "domain": "a.example.com", "base_path": "/a", "service": "shop_web", "upstream": "web", "port": 80,
        "strip_prefix": False, "tls": "internal", "https_redirect": True, "auth": {"ali": hashed},
        "headers": {"request": {"A": "b"}, "response": {"C": ""}}, "max_body": 1024, "compress": True,
        "health": {"uri": "/h", "interval": "5s"}, "h2c": True, "timeout": "30s",
    }  # fmt: skip
    route, faults = route_of(everything)
    assert not faults
    assert plain_of(route) == everything


def test_the_etag_of_an_old_proxy_is_computed_and_that_of_a_new_one_taken():
    assert (fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")) == (0x811C9DC5, 0xE40C292C, 0xBF9CF968)
    assert etag_of("/config/x", {"trailer": "ETag"}, b"a") == '"/config/x e40c292c"'
    assert etag_of("/config/x", {"etag": '"x"'}, b"a") == '"x"'
    assert etag_of("/config/x", {}, b"a") is None
    # Eight digits, even if the first are zeros.
    zero = next(bytes(str(n), "ascii") for n in range(10**6) if fnv1a(bytes(str(n), "ascii")) < 0x10000000)
    assert len(etag_of("/x", {"trailer": "ETag"}, zero)) == len('"/x 12345678"')


# -- domains that move between stacks


def domains_of(apps, stack):
    listed = flattened(apps["http"]["servers"]["web"]["routes"])
    return sorted(r["match"][0]["host"][0] for r in listed if owner_of(r) and owner_of(r).stack == stack)


def test_a_domain_is_taken_with_all_its_paths_in_one_write_and_nothing_else():
    apps = applied(
        apps_with(CATCH_ALL), RouteRequest("a", routes({}, {"base_path": "/api"}, {"domain": "b.example.com"}))
    )
    wish = RouteRequest("b", routes({}), takes=frozenset(["a.example.com"]))
    change = wish.change(apps, True)
    assert change.write.path.endswith("/routes")
    assert readable.changes(change.before, change.after)[0].startswith("change a.example.com")
    after = applied(apps, wish)
    assert domains_of(after, "a") == ["b.example.com"]
    assert domains_of(after, "b") == ["a.example.com"]
    assert wish.change(after, True).write is None


def test_a_domain_that_is_not_named_is_not_taken():
    apps = applied(apps_with(), RouteRequest("a", routes({}, {"domain": "b.example.com"})))
    wish = RouteRequest("b", routes({}, {"domain": "b.example.com"}), takes=frozenset(["a.example.com"]))
    with pytest.raises(RouteError) as caught:
        wish.change(apps, True)
    assert [one["route"] for one in caught.value.details["conflicts"]] == ["b.example.com"]


def test_what_another_tool_has_is_never_taken():
    foreign = {"match": [{"host": ["a.example.com"]}], "handle": [{"handler": "static_response"}]}
    with pytest.raises(RouteError):
        RouteRequest("b", routes({}), takes=frozenset(["a.example.com"])).change(apps_with(foreign), True)


def test_the_tls_of_a_domain_goes_with_it():
    apps = applied(apps_with(), RouteRequest("a", routes({"tls": "internal"}, {"tls": "internal", "base_path": "/x"})))
    after = applied(apps, RouteRequest("b", routes({"tls": "off"}), takes=frozenset(["a.example.com"])))
    assert after["http"]["servers"]["web"]["automatic_https"] == {"skip": ["a.example.com"]}
    assert "a.example.com" not in json.dumps(after["tls"])


# -- all stacks at once


def everything(*parts):
    return Everything(tuple(Part(*part) for part in parts))


def test_a_proxy_that_is_new_gets_all_routes_of_all_stacks_in_one_write():
    wish = everything(("a", routes({})), ("b", routes({"domain": "b.example.com"})))
    assert wish.change(apps_with(CATCH_ALL), True).fresh
    after = applied(apps_with(CATCH_ALL), wish)
    assert (domains_of(after, "a"), domains_of(after, "b")) == (["a.example.com"], ["b.example.com"])
    again = wish.change(after, True)
    assert again.write is None and not again.fresh


def test_what_has_changed_hands_or_is_gone_comes_right_and_what_is_nobodys_stays():
    apps = applied(apps_with(CATCH_ALL), RouteRequest("a", routes({}, {"domain": "old.example.com"})))
    apps = applied(apps, RouteRequest("gone", routes({"domain": "gone.example.com"})))
    apps = applied(apps, RouteRequest("by-hand", routes({"domain": "hand.example.com"})))
    wish = everything(("a", ()), ("b", routes({})), ("gone", ()))
    after = applied(apps, wish)
    assert [domains_of(after, stack) for stack in ("a", "b", "gone", "by-hand")] == [
        [],
        ["a.example.com"],
        [],
        ["hand.example.com"],
    ]


def test_a_stack_that_is_being_deployed_keeps_what_the_proxy_has_and_gets_its_routes_where_there_are_none():
    apps = applied(apps_with(), RouteRequest("a", routes({"domain": "now.example.com"})))
    wish = everything(("a", routes({"domain": "soon.example.com"}), True))
    assert domains_of(applied(apps, wish), "a") == ["now.example.com"]
    assert domains_of(applied(apps_with(), wish), "a") == ["soon.example.com"]


def test_one_route_that_stands_against_another_keeps_no_other_out():
    foreign = {"match": [{"host": ["a.example.com"]}], "handle": [{"handler": "static_response"}]}
    wish = everything(("a", routes({}, {"domain": "b.example.com"})), ("c", routes({"domain": "c.example.com"})))
    change = wish.change(apps_with(foreign), True)
    assert [str(one) for one in change.skipped] == ["a.example.com belongs to a route of another tool"]
    after = applied(apps_with(foreign), wish)
    assert (domains_of(after, "a"), domains_of(after, "c")) == (["b.example.com"], ["c.example.com"])


@pytest.mark.parametrize("holder", ["a", "b"])
def test_of_two_stacks_that_claim_an_address_the_one_that_has_it_keeps_it(holder):
    apps = applied(apps_with(), RouteRequest(holder, routes({})))
    wish = everything(("a", routes({})), ("b", routes({})))
    change = wish.change(apps, True)
    assert change.write is None
    assert [(one.mine.stack, one.other.stack) for one in change.skipped] == [({"a": "b", "b": "a"}[holder], holder)]

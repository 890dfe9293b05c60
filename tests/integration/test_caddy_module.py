"""caddy_route and caddy_route_info through ansible-playbook, against real proxies of both versions."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, bring, running, wish
from playbook import Player

HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"
OTHER_HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0X"


@pytest.fixture(params=VERSIONS, scope="module")
def started(request, tmp_path_factory):
    with running(Caddy(request.param, tmp_path_factory.mktemp("caddy"))) as proxy:
        yield proxy


@pytest.fixture
def proxy(started):
    started.call("PATCH", "/config/apps", started.config["apps"])
    return started


@pytest.fixture(scope="module")
def player(tmp_path_factory):
    return Player(tmp_path_factory.mktemp("player"), {"m1": "unix:///nonexistent/docker.sock"})


def task(proxy, *routes, stack="shop", **options):
    if routes:
        options["routes"] = list(routes)
    return {"caddy_route": {"admin": [proxy.url], "stack": stack, **options}}


def to(port=9999, domain="a.example.com", **more):
    return {"domain": domain, "upstream": "127.0.0.1", "port": port, **more}


def test_the_twelve_steps(proxy, player):
    """Create, repeat, modify, repeat, delete, repeat: each in check mode and for real."""
    create, modify = task(proxy, to()), task(proxy, to(port=9998), to(base_path="/api"))
    delete = task(proxy, state="absent")
    steps = [
        (create, True, ["add a.example.com -> 127.0.0.1:9999"]),
        (create, False, []),
        (modify, True, None),
        (modify, False, []),
        (delete, True, None),
        (delete, False, []),
    ]
    for wanted, changed, lines in steps:
        before = proxy.raw()
        would = player.play(wanted, check=True, diff=True)
        assert would.code == 0, would.output
        assert proxy.raw() == before
        does = player.play(wanted, diff=True)
        assert does.code == 0, does.output
        assert (would.last["changed"], does.last["changed"]) == (changed, changed)
        assert would.last["changes"] == does.last["changes"]
        assert would.last["diff"] == does.last["diff"]
        assert would.last["routes"] == does.last["routes"]
        assert does.last["replicas"][0]["writes"] == (1 if changed else 0)
        if lines is not None:
            assert does.last["changes"] == lines
    assert proxy.routes() == proxy.config["apps"]["http"]["servers"]["web"]["routes"]


def test_the_diff_shows_readable_routes_and_no_json(proxy, player):
    run = player.play(task(proxy, to(), to(base_path="/api")), diff=True)
    (diff,) = run.last["diff"]
    assert diff["before"] == ""
    assert diff["after"] == "a.example.com -> 127.0.0.1:9999\na.example.com/api -> 127.0.0.1:9999 (strip /api)\n"
    assert "{" not in diff["after"]


def test_single_routes_leave_the_others_of_the_stack(proxy, player):
    one, two = to(), to(domain="b.example.com")
    run = player.play(
        task(proxy, one),
        task(proxy, two, exclusive=False),
        task(proxy, two, exclusive=False),
        task(proxy, {"domain": "a.example.com"}, state="absent"),
        {"caddy_route_info": {"admin": [proxy.url], "stack": "shop"}},
        task(proxy, one),
        {"caddy_route_info": {"admin": [proxy.url]}},
    )
    assert run.code == 0, run.output
    assert [line["result"]["changed"] for line in run.lines] == [True, True, False, True, False, True, False]
    assert [route["domains"] for route in run.lines[4]["result"]["routes"]] == [["b.example.com"]]
    assert [(r["domains"], r["stack"]) for r in run.last["routes"]] == [(["a.example.com"], "shop"), ([], "")]


def test_drift_is_seen_in_check_mode_and_mended(proxy, player):
    player.play(task(proxy, to()))
    routes = proxy.routes()
    routes[0]["handle"][0]["routes"][-1]["handle"][0]["upstreams"] = [{"dial": "127.0.0.1:1"}]
    proxy.put_routes(routes)
    look = player.play(task(proxy, to()), check=True)
    assert look.last["changes"] == ["change a.example.com -> 127.0.0.1:9999 (was: a.example.com -> 127.0.0.1:1)"]
    proxy.kill()
    proxy.start()
    lost = player.play(task(proxy, to()), check=True)
    assert lost.last["changes"] == ["add a.example.com -> 127.0.0.1:9999"]
    assert player.play(task(proxy, to())).last["changed"]
    assert not player.play(task(proxy, to())).last["changed"]


def test_hashes_and_secret_headers_are_shown_nowhere(proxy, player):
    secrets = {"auth": {"ali": HASH}, "secret_headers": {"X-Key": "the-key-of-it"}}
    headers = {"request": {"X-Token": "a-shown-name"}}
    run = player.play(task(proxy, to(**secrets, headers=headers)), diff=True, verbosity=3)
    again = player.play(task(proxy, to(**{**secrets, "auth": {"ali": OTHER_HASH}}, headers=headers)), diff=True)
    info = player.play({"caddy_route_info": {"admin": [proxy.url]}}, verbosity=3)
    assert run.last["routes"][0]["options"][0] == "users ali"
    assert "(new password for ali)" in again.last["changes"][0]
    for text in (run.output, json.dumps(run.lines), again.output, json.dumps(again.lines), info.output):
        assert "$2a$" not in text
        assert "the-key-of-it" not in text
    assert "a-shown-name" not in json.dumps(run.last["diff"])


def test_two_proxies_are_each_written_and_reported(proxy, player, tmp_path):
    with running(Caddy(proxy.version, tmp_path / "two")) as second:
        both = {"caddy_route": {"admin": [proxy.url, second.url, proxy.url], "stack": "shop", "routes": [to()]}}
        run = player.play(both)
        assert [(r["admin"], r["changed"], r["writes"]) for r in run.last["replicas"]] == [
            (proxy.url, True, 1),
            (second.url, True, 1),
        ]
        assert proxy.routes() == second.routes()
        second.put_routes([])
        again = player.play(both)
        assert [r["changed"] for r in again.last["replicas"]] == [False, True]


def test_a_conflict_at_the_second_proxy_changes_none(proxy, player, tmp_path):
    with running(Caddy(proxy.version, tmp_path / "two")) as second:
        bring(second, wish("blog", to()))
        before = proxy.raw(), second.raw()
        both = {"caddy_route": {"admin": [proxy.url, second.url], "stack": "shop", "routes": [to()]}}
        run = player.play(both)
        assert run.last["error_code"] == "route_conflict"
        assert run.last["conflicts"][0]["owner"] == "stack 'blog'"
        assert (proxy.raw(), second.raw()) == before


def test_a_proxy_that_is_down_does_not_keep_the_other_from_its_routes(proxy, player, tmp_path):
    gone = f"unix://{tmp_path}/nobody.sock"
    run = player.play({"caddy_route": {"admin": [gone, proxy.url], "stack": "shop", "routes": [to()]}})
    assert run.code == 2
    assert run.last["error_code"] == "admin_unreachable"
    assert run.last["changed"]
    assert [report.get("error_code") for report in run.last["replicas"]] == ["admin_unreachable", None]
    assert len(proxy.routes()) == 2


def test_a_proxy_that_lost_its_configuration_does_not_keep_the_other_from_its_routes(proxy, player, tmp_path):
    with running(Caddy(proxy.version, tmp_path / "two")) as second:
        assert second.call("POST", "/load", {"admin": second.admin})[0] == 200
        both = {"caddy_route": {"admin": [second.url, proxy.url], "stack": "shop", "routes": [to()]}}
        run = player.play(both)
        assert run.last["error_code"] == "no_server" and run.last["changed"]
        assert run.last["msg"].startswith(f"{second.url}: The proxy has no HTTP server")
        assert f"1 of 2 replicas failed; changed were {proxy.url}." in run.last["msg"]
        assert len(proxy.routes()) == 2


BAD = [
    ({"domain": "https://a.example.com"}, "a domain can't contain a scheme"),
    ({"domain": "a.example.com:80"}, "a domain can't contain a port"),
    ({"domain": "a.*.com"}, "leftmost label"),
    ({"base_path": "api"}, "must begin with '/'"),
    ({"base_path": "/a/../b"}, "can't contain '.' or '..'"),
    ({"port": 0}, "1 to 65535"),
    ({"port": None}, "has no port"),
    ({"auth": {"ali": "secret"}}, "not a bcrypt hash"),
    ({"max_body": "much"}, "must be a size"),
    ({"timeout": "soon"}, "must be a time"),
    ({"redirect_to": "www.example.com"}, "http:// or https://"),
]


def test_bad_input_is_refused_before_anything_is_asked(player):
    def bad(route):
        given = {key: value for key, value in {**to(), **route}.items() if value is not None}
        options = {"admin": ["unix:///nonexistent.sock"], "stack": "shop", "routes": [given]}
        return {"caddy_route": options, "ignore_errors": True}

    run = player.play(*(bad(route) for route, _says in BAD))
    for (_route, says), line in zip(BAD, run.lines, strict=True):
        assert line["result"]["error_code"] == "invalid_route"
        assert says in line["result"]["msg"]

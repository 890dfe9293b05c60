"""Routes in real proxies of both versions, with real requests: what each field does, order, ownership, conflicts."""

import base64
import contextlib
import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import CATCH_ALL, VERSIONS, Caddy, Service, bring, running, wait_for, wish

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError

#: The bcrypt hash of "open sesame", of the lowest cost.
HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"


@pytest.fixture(params=VERSIONS, scope="module")
def started(request, tmp_path_factory):
    with running(Caddy(request.param, tmp_path_factory.mktemp("caddy"))) as proxy:
        yield proxy


@pytest.fixture
def proxy(started):
    started.call("PATCH", "/config/apps", started.config["apps"])
    return started


@pytest.fixture(scope="module")
def web():
    with running(Service("web")) as service:
        yield service


@pytest.fixture(scope="module")
def other():
    with running(Service("other")) as service:
        yield service


def to(service, domain="a.example.com", **more):
    return {"domain": domain, "upstream": "127.0.0.1", "port": service.port, **more}


def seen(proxy, host, path="/", **how):
    """What the service that answered was asked."""
    response, body = proxy.get(host, path, **how)
    return (json.loads(body) if body.startswith(b"{") else None), response


def test_a_second_run_writes_nothing(proxy, web):
    first, _admin = bring(proxy, wish("shop", to(web), to(web, base_path="/api")))
    assert first.changed
    again, admin = bring(proxy, wish("shop", to(web), to(web, base_path="/api")))
    assert not again.changed
    assert (admin.requests, admin.writes) == (1, 0)


def test_check_says_what_would_change_and_writes_nothing(proxy, web):
    before = proxy.raw()
    would, admin = bring(proxy, wish("shop", to(web)), check=True)
    assert would.changed
    assert admin.writes == 0
    assert proxy.raw() == before


def test_twenty_routes_are_one_write_and_one_reload(proxy, web):
    before = proxy.reloads()
    routes = [to(web, f"h{number}.example.com") for number in range(20)]
    _done, admin = bring(proxy, wish("shop", *routes))
    assert (admin.requests, admin.writes, proxy.reloads() - before) == (2, 1, 1)
    assert seen(proxy, "h19.example.com")[0]["service"] == "web"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [("/api", "/"), ("/api/", "/"), ("/api/x?y=1", "/x?y=1"), ("/apix", None), ("/", None), ("/API/x", "/x")],
)
def test_a_base_path_is_stripped(proxy, web, path, arrives):
    bring(proxy, wish("shop", to(web, base_path="/api")))
    answer, response = seen(proxy, "a.example.com", path)
    assert (answer["path"] if answer else response.status) == (arrives or 404)


def test_a_base_path_that_is_kept(proxy, web):
    bring(proxy, wish("shop", to(web, base_path="/api", strip_prefix=False)))
    assert seen(proxy, "a.example.com", "/api/x")[0]["path"] == "/api/x"


def test_the_longest_path_wins_and_an_exact_host_beats_a_wildcard(proxy, web, other):
    bring(
        proxy,
        wish(
            "shop",
            to(web, "*.example.com"),
            to(other, "b.example.com"),
            to(web, "b.example.com", base_path="/a"),
            to(other, "b.example.com", base_path="/a/b"),
        ),
    )
    found = {path: seen(proxy, "b.example.com", path)[0]["service"] for path in ("/", "/a", "/a/b", "/a-b")}
    assert found == {"/": "other", "/a": "web", "/a/b": "other", "/a-b": "other"}
    assert seen(proxy, "c.example.com")[0]["service"] == "web"
    assert seen(proxy, "c.d.example.com")[1].status == 404


def test_an_idn_is_reached_by_its_punycode(proxy, web):
    bring(proxy, wish("shop", to(web, "bücher.example.com")))
    assert seen(proxy, "xn--bcher-kva.example.com")[0]["service"] == "web"


def test_users_get_in_with_their_password_only(proxy, web):
    bring(proxy, wish("shop", to(web, auth={"ali": HASH})))
    assert proxy.get("a.example.com")[0].status == 401
    for password, status in (("wrong", 401), ("open sesame", 200)):
        word = base64.b64encode(f"ali:{password}".encode()).decode()
        assert proxy.get("a.example.com", headers={"Authorization": "Basic " + word})[0].status == status


def test_headers_are_set_and_removed_both_ways(proxy, web):
    headers = {"request": {"X-Shop": "1", "X-Bad": ""}, "response": {"X-Frame-Options": "DENY", "X-From": ""}}
    bring(proxy, wish("shop", to(web, headers=headers)))
    answer, response = seen(proxy, "a.example.com", headers={"X-Bad": "x"})
    assert answer["headers"]["X-Shop"] == "1"
    assert "X-Bad" not in answer["headers"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "X-From" not in response.headers


def test_a_body_that_is_too_large_is_refused(proxy, web):
    bring(proxy, wish("shop", to(web, max_body="1k")))
    assert proxy.get("a.example.com", method="POST", body=b"x" * 1000)[0].status == 200
    assert proxy.get("a.example.com", method="POST", body=b"x" * 3000)[0].status in (413, 502)


def test_answers_are_compressed_if_asked_for(proxy, web):
    bring(proxy, wish("shop", to(web, compress=True), to(web, "b.example.com")))
    web.server.padding = 5000
    try:
        packed = proxy.get("a.example.com", headers={"Accept-Encoding": "gzip"})[0]
        plain = proxy.get("b.example.com", headers={"Accept-Encoding": "gzip"})[0]
    finally:
        web.server.padding = 0
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Content-Encoding"] is None


def test_redirects(proxy, web):
    bring(
        proxy,
        wish(
            "shop",
            {"domain": "old.example.com", "redirect_to": "https://new.example.com"},
            {"domain": "page.example.com", "redirect_to": "https://new.example.com/page"},
            to(web, "tls.example.com", https_redirect=True),
        ),
    )
    found = {}
    for host in ("old", "page", "tls"):
        response, _body = proxy.get(f"{host}.example.com", "/x?y=1")
        found[host] = (response.status, response.headers["Location"])
    assert found == {
        "old": (308, "https://new.example.com/x?y=1"),
        "page": (308, "https://new.example.com/page"),
        "tls": (308, "https://tls.example.com/x?y=1"),
    }


def test_every_field_is_taken_by_the_proxy(proxy, web):
    everything = to(
        web,
        base_path="/api",
        tls="off",
        auth={"ali": HASH},
        headers={"request": {"A": "b"}, "response": {"C": ""}},
        max_body="10MB",
        compress=True,
        health={"uri": "/health", "interval": "5s"},
        h2c=True,
        timeout="30s",
    )
    tasks = {"domain": "t.example.com", "upstream": "tasks.shop_web", "port": 80}
    done, _admin = bring(proxy, wish("shop", everything, tasks, to(web, "i.example.com", tls="internal")))
    assert done.changed
    again, _admin = bring(proxy, wish("shop", everything, tasks, to(web, "i.example.com", tls="internal")))
    assert not again.changed
    gone, _admin = bring(proxy, wish("shop", absent=True))
    assert gone.changed
    apps = json.loads(proxy.call("GET", "/config/apps")[1])
    assert apps["http"] == proxy.config["apps"]["http"]
    assert "policies" not in (apps.get("tls") or {}).get("automation", {})


def test_a_route_of_a_stack_with_a_similar_name_is_not_touched(proxy, web):
    bring(proxy, wish("foo", to(web, "a.example.com")))
    bring(proxy, wish("foo-bar", to(web, "b.example.com")))
    bring(proxy, wish("foo", absent=True))
    assert [route.get("@id", "").split(":")[1] for route in proxy.routes()[:-1]] == ["foo-bar"]


def test_routes_of_others_are_never_touched_and_catch_alls_stay_last(proxy, web, other):
    foreign = [
        {"handle": [{"handler": "headers", "response": {"set": {"X-All": ["1"]}}}]},
        {"@id": "mine", "match": [{"host": ["own.example.com"]}], "handle": [{"handler": "static_response"}]},
        {"match": [{"path": ["/ping"]}], "terminal": True, "handle": [{"handler": "static_response", "body": "pong"}]},
        CATCH_ALL,
    ]
    proxy.put_routes(foreign)
    bring(proxy, wish("shop", to(web), to(other, "*.example.com")))
    found = proxy.routes()
    assert [route for route in found if not route.get("@id", "").startswith("zr:")] == foreign
    assert found[-1] == CATCH_ALL
    response, body = proxy.get("a.example.com")
    assert response.headers["X-All"] == "1"
    assert json.loads(body)["service"] == "web"
    assert proxy.get("own.example.com")[1] == b""
    bring(proxy, wish("shop", absent=True))
    assert proxy.routes() == foreign


@pytest.mark.parametrize(
    ("theirs", "mine", "says"),
    [
        ({"domain": "a.example.com"}, {"domain": "A.example.com."}, "a.example.com belongs to stack 'foo'"),
        ({"base_path": "/Api/"}, {"base_path": "/api"}, "a.example.com/api belongs to stack 'foo'"),
        ({"domain": "*.example.com"}, {}, "is already served by *.example.com"),
        ({}, {"domain": "*.example.com"}, "would intercept requests for a.example.com"),
    ],
)
def test_what_another_stack_owns_is_refused_and_nothing_is_written(proxy, web, theirs, mine, says):
    bring(proxy, wish("foo", to(web, **theirs)))
    before = proxy.raw()
    with pytest.raises(RouteError) as caught:
        bring(proxy, wish("shop", to(web, **mine)))
    assert caught.value.error_code == "route_conflict"
    assert says in str(caught.value)
    assert proxy.raw() == before


def test_what_another_tool_owns_is_refused_and_named(proxy, web):
    inner = {"match": [{"path": ["/Api*"]}], "handle": [{"handler": "static_response"}]}
    route = {"@id": "hand-made", "match": [{"host": ["A.example.com"]}]}
    proxy.put_routes([{**route, "handle": [{"handler": "subroute", "routes": [inner]}]}])
    with pytest.raises(RouteError, match="a.example.com/api belongs to the route with @id 'hand-made'"):
        bring(proxy, wish("shop", to(web, base_path="/api")))
    done, _admin = bring(proxy, wish("shop", to(web, base_path="/b")))
    assert done.changed


def test_a_stack_may_give_its_own_route_to_another_service(proxy, web, other):
    bring(proxy, wish("shop", to(web)))
    bring(proxy, wish("shop", to(other)))
    assert seen(proxy, "a.example.com")[0]["service"] == "other"


def test_many_hosts_become_a_tree_that_still_routes_and_shrinks_again(proxy, web, other):
    many = [to(web, f"h{number:03}.example.com", base_path=path) for number in range(300) for path in ("/", "/api")]
    bring(proxy, wish("many", *many))
    bring(proxy, wish("shop", to(other, "h150a.example.com")))
    top = proxy.routes()
    assert len(top) == 8 + 1
    assert all(route["@id"].startswith("zr-idx:") for route in top[:-1])
    for host in ("h000", "h150", "h299"):
        assert seen(proxy, f"{host}.example.com", "/api/x")[0]["path"] == "/x"
        assert seen(proxy, f"{host}.example.com", "/b")[0]["path"] == "/b"
    assert seen(proxy, "h150a.example.com")[0]["service"] == "other"
    assert seen(proxy, "h999.example.com")[1].status == 404
    again, _admin = bring(proxy, wish("many", *many))
    assert not again.changed
    bring(proxy, wish("many", *many[:10]))
    assert [route["@id"].split(":")[0] for route in proxy.routes()[:-1]] == ["zr"] * 11
    bring(proxy, wish("many", absent=True))
    bring(proxy, wish("shop", absent=True))
    assert proxy.routes() == [CATCH_ALL]


def test_routes_that_a_restart_without_state_has_lost_are_seen_and_brought_back(proxy, web):
    bring(proxy, wish("shop", to(web)))
    proxy.kill()
    proxy.start()
    lost, _admin = bring(proxy, wish("shop", to(web)), check=True)
    assert lost.changed
    assert lost.before == []
    bring(proxy, wish("shop", to(web)))
    assert seen(proxy, "a.example.com")[0]["service"] == "web"


def test_routes_come_into_a_server_that_has_no_list_yet(proxy, web):
    server = {key: value for key, value in proxy.config["apps"]["http"]["servers"]["web"].items() if key != "routes"}
    proxy.call("PATCH", "/config/apps/http/servers/web", server)
    bring(proxy, wish("shop", to(web)))
    assert seen(proxy, "a.example.com")[0]["service"] == "web"


def test_a_proxy_without_a_server_is_refused_and_has_nothing_to_remove(proxy, web):
    proxy.call("PATCH", "/config/apps", {"http": {}})
    with pytest.raises(RouteError) as caught:
        bring(proxy, wish("shop", to(web)))
    assert caught.value.error_code == "no_server"
    gone, _admin = bring(proxy, wish("shop", absent=True))
    assert not gone.changed
    proxy.call("DELETE", "/config/apps")
    with pytest.raises(RouteError, match="no HTTP server"):
        bring(proxy, wish("shop", to(web)))
    proxy.call("PUT", "/config/apps", proxy.config["apps"])


def test_an_upstream_that_is_gone_for_a_moment_loses_no_get(proxy):
    service = Service("web")
    with running(service):
        bring(proxy, wish("shop", to(service)))
        assert proxy.get("a.example.com")[0].status == 200
        service.stop()
        back = threading.Timer(1.5, service.start)
        back.start()
        end = time.monotonic() + 2.2
        found = []
        while time.monotonic() < end:
            found.append(proxy.get("a.example.com", tries=1)[0].status)
        back.join()
    assert set(found) == {200}


def test_internal_tls_follows_from_the_routes_of_all_stacks(proxy, web):
    bring(proxy, wish("shop", to(web, tls="internal")))
    bring(proxy, wish("blog", to(web, base_path="/blog", tls="internal"), to(web, "b.example.com", tls="internal")))
    policies = json.loads(proxy.call("GET", "/config/apps/tls/automation/policies")[1])
    assert [(p["@id"], p["subjects"]) for p in policies] == [("zr-tls:internal", ["a.example.com", "b.example.com"])]
    with pytest.raises(RouteError) as caught:
        bring(proxy, wish("wiki", to(web, base_path="/wiki")))
    assert caught.value.error_code == "tls_conflict"
    bring(proxy, wish("shop", absent=True))
    bring(proxy, wish("blog", absent=True))
    assert "policies" not in json.loads(proxy.call("GET", "/config/apps/tls/automation")[1])
    wait_for(lambda: proxy.get("a.example.com")[0].status == 404, "catch-all")


class Echo:
    """A service that takes an upgrade as a websocket does, and sends everything back."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(client,), daemon=True).start()

    def _echo(self, client):
        upgraded = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        with client, contextlib.suppress(ConnectionError):
            client.recv(65536)
            client.sendall(upgraded)
            while data := client.recv(65536):
                client.sendall(data)

    def stop(self):
        self.listener.close()


def test_websockets_of_a_stack_outlive_the_changes_of_another_from_2_8_on(proxy, web):
    if proxy.version == "2.6":
        pytest.skip("Caddy 2.6 drops them, and takes no field that would keep it from that")
    upgrade = b"GET / HTTP/1.1\r\nHost: a.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    with running(Echo()) as echo:
        bring(proxy, wish("shop", to(echo)))
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as visitor:
            visitor.sendall(upgrade)
            head = b""
            while b"\r\n\r\n" not in head:
                head += visitor.recv(1000)
            for number in range(5):
                bring(proxy, wish("blog", to(web, f"b{number}.example.com")))
                visitor.sendall(b"%d" % number)
                assert visitor.recv(10) == b"%d" % number

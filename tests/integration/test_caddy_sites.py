"""What visitors of sites ask for, in real proxies: HTTPS, balancers, domains, prefixes, pages of maintenance."""

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import CATCH_ALL, VERSIONS, Caddy, Service, bring, free_port, running, wait_for, wish

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.server import mark

HOST = "a.example.com"
SHOP, OLD = "shopid", "zr:gone:old_web:abc"


@pytest.fixture(params=VERSIONS, scope="module")
def started(request, tmp_path_factory):
    """A proxy that listens for HTTP and for HTTPS, as that of the platform does."""
    secure = free_port()
    with running(Caddy(request.param, tmp_path_factory.mktemp("caddy"))) as proxy:
        server = proxy.config["apps"]["http"]["servers"]["web"]
        server["listen"].append(f"127.0.0.1:{secure}")
        server["tls_connection_policies"] = [{}]
        server["protocols"] = ["h1", "h2"]
        proxy.config["apps"]["http"]["https_port"] = proxy.secure = secure
        yield proxy


@pytest.fixture
def proxy(started):
    assert started.call("PATCH", "/config/apps", started.config["apps"])[0] == 200
    return started


@pytest.fixture
def plain(started):
    """The same with one port."""
    server = {**started.config["apps"]["http"]["servers"]["web"]}
    server["listen"] = server["listen"][:1]
    del server["tls_connection_policies"]
    http = {**started.config["apps"]["http"], "servers": {"web": server}}
    assert started.call("PATCH", "/config/apps", {"http": http})[0] == 200
    return started


class Answers(Service):
    """A service whose answers have the headers that ``X-Answer`` of the request asks for (JSON)."""

    def start(self):
        super().start()
        own = self.server

        class Handler(own.RequestHandlerClass):
            def send_header(self, name, value):
                if name == "X-From":
                    for more, text in json.loads(self.headers.get("X-Answer") or "[]"):
                        super().send_header(more, text)
                super().send_header(name, value)

        own.RequestHandlerClass = Handler


@pytest.fixture(scope="module")
def web():
    with running(Answers("web")) as service:
        yield service


def to(web, domain=HOST, **more):
    return {"domain": domain, "upstream": "127.0.0.1", "port": web.port, **more}


def seen(proxy, host=HOST, path="/", **how):
    response, body = proxy.get(host, path, **how)
    return (json.loads(body) if body.startswith(b"{") else None), response


def location(proxy, host=HOST, path="/", **how):
    response, _body = proxy.get(host, path, **how)
    return response.status, response.headers["Location"]


def over_tls(proxy, host, path="/", headers=None):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.closing(socket.create_connection(("127.0.0.1", proxy.secure), timeout=30)) as raw:
        connection = http.client.HTTPSConnection(host, timeout=30)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


# -- HTTPS


def test_http_goes_to_https_where_the_server_has_both(proxy, web):
    bring(
        proxy,
        wish(
            "shop",
            to(web, tls="internal"),
            to(web, "off.example.com", tls="off"),
            to(web, "both.example.com", tls="internal", https_redirect=False),
            {"domain": "old.example.com", "redirect_to": "https://new.example.com", "tls": "internal"},
        ),
    )
    assert location(proxy, path="/x?y=1") == (308, f"https://{HOST}/x?y=1")
    assert seen(proxy, "off.example.com")[0]["service"] == "web"
    assert seen(proxy, "both.example.com")[0]["service"] == "web"
    assert location(proxy, "old.example.com", "/x") == (308, "https://new.example.com/x")
    status, body = over_tls(proxy, HOST)
    assert status == 200
    assert json.loads(body)["headers"]["X-Forwarded-Proto"] == "https"


def test_no_redirect_where_the_server_has_one_port(plain, web):
    bring(plain, wish("shop", to(web)))
    assert seen(plain)[0]["service"] == "web"


def test_who_asked_is_believed_of_balancers_only(proxy, web):
    said = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "other.example.com",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
    }
    for trusted, listed in ((True, ["127.0.0.0/8", "::1"]), (False, ["10.9.0.0/16"])):
        proxy.put_routes([*mark(listed, 443), CATCH_ALL])
        bring(proxy, wish("shop", to(web, tls="internal"), to(web, "off.example.com", tls="off")))
        # For a moment, the old server still takes new connections: it has none of these routes.
        wait_for(lambda: all(location(proxy, path="/x")[0] == 308 for _turn in range(5)), "the new routes")
        # No loop: what came to the balancer by HTTPS is not sent there again.
        assert proxy.get(HOST, headers=said)[0].status == (200 if trusted else 308)
        assert location(proxy, path="/x") == (308, f"https://{HOST}/x")
        assert location(proxy, path="/x", headers={**said, "X-Forwarded-Proto": "http"})[0] == 308
        got = seen(proxy, "off.example.com", headers=said)[0]["headers"]
        got = {name.lower(): value for name, value in got.items()}
        assert ("203.0.113.9" in got["x-forwarded-for"]) is trusted
        assert got["x-forwarded-proto"] == ("https" if trusted else "http")
        assert ("x-real-ip" in got, "forwarded" in got) == (trusted, trusted)


def test_without_balancers_nobody_is_believed(plain, web):
    bring(plain, wish("shop", to(web), to(web, "own.example.com", headers={"request": {"X-Real-IP": "mine"}})))
    said = {"X-Forwarded-Proto": "https", "X-Real-IP": "9.9.9.9", "x-real-ip": "8.8.8.8", "Forwarded": "for=9.9.9.9"}
    got = seen(plain, headers=said)[0]["headers"]
    assert got["X-Forwarded-Proto"] == "http"
    assert not {"x-real-ip", "forwarded"} & {name.lower() for name in got}
    got = seen(plain, "own.example.com", headers=said)[0]["headers"]
    assert {name.lower(): value for name, value in got.items()}["x-real-ip"] == "mine"


def test_the_port_that_visitors_use(proxy, web):
    proxy.put_routes([*mark([], 8443), CATCH_ALL])
    bring(proxy, wish("shop", to(web, tls="internal")))
    assert location(proxy, path="/x") == (308, f"https://{HOST}:8443/x")


def test_on_demand_needs_somebody_to_ask(proxy, web):
    with pytest.raises(RouteError) as caught:
        bring(proxy, wish("shop", to(web, tls="on_demand")))
    assert caught.value.error_code == "no_permission"
    assert HOST in str(caught.value)
    field = {"ask": "http://127.0.0.1:1/"} if proxy.version == "2.6" else {"permission": {"module": "http"}}
    if "permission" in field:
        field["permission"]["endpoint"] = "http://127.0.0.1:1/"
    apps = {**proxy.config["apps"], "tls": {"automation": {"on_demand": field}}}
    assert proxy.call("PATCH", "/config/apps", apps)[0] == 200
    assert bring(proxy, wish("shop", to(web, tls="on_demand")))[0].changed


# -- domains and paths


def test_several_domains_and_their_www(plain, web):
    several = {"domains": ["a.example.com", "b.example.com"], "www": "redirect"}
    bring(plain, wish("shop", to(web, **several), to(web, "www.c.example.com", www="same", base_path="/x")))
    assert seen(plain, "a.example.com")[0]["service"] == seen(plain, "b.example.com")[0]["service"] == "web"
    assert location(plain, "www.b.example.com", "/x?y=1") == (308, "//b.example.com/x?y=1")
    assert seen(plain, "c.example.com", "/x/y")[0]["path"] == "/y"
    again, _admin = bring(
        plain, wish("shop", to(web, **several), to(web, "www.c.example.com", www="same", base_path="/x"))
    )
    assert not again.changed


def test_a_dot_at_the_end_of_the_host(plain, web):
    bring(plain, wish("shop", to(web), to(web, "*.b.example.com")))
    assert seen(plain, HOST + ".")[0]["service"] == "web"
    assert seen(plain, "x.b.example.com.")[0]["service"] == "web"
    bring(plain, wish("many", *(to(web, f"h{number}.example.com") for number in range(150))))
    assert seen(plain, "h149.example.com.")[0]["service"] == "web"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/admin%2Fx", "/x"),
        ("/admin%2fx?y=1", "/x?y=1"),
        ("/admin/a%2Fb", "/a%2Fb"),
        ("/admin%2F", "/"),
        ("/admin", "/"),
    ],
)
def test_a_stripped_path_begins_with_a_slash(plain, web, path, arrives):
    bring(plain, wish("shop", to(web, base_path="/admin")))
    assert seen(plain, path=path)[0]["path"] == arrives


def test_a_slash_at_the_end_by_option(plain, web):
    bring(plain, wish("shop", to(web, base_path="/admin", trailing_slash=True), to(web, base_path="/b")))
    assert location(plain, path="/admin") == (308, "/admin/")
    assert location(plain, path="/admin?x=1&y=%2F") == (308, "/admin/?x=1&y=%2F")
    assert seen(plain, path="/admin/")[0]["path"] == "/"
    assert seen(plain, path="/b")[0]["path"] == "/"
    assert location(plain, path="//admin")[1] in (None, "/admin/")  # never //admin/, which is another host


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Location", "/login?x=/y", "/admin/login?x=/y"),
        ("Location", "/", "/admin/"),
        ("Location", f"http://{HOST}/login", f"http://{HOST}/admin/login"),
        ("Location", f"https://{HOST}:8443/", f"https://{HOST}:8443/admin/"),
        ("Location", "/admin/login", "/admin/login"),
        ("Location", "/administrators", "/admin/administrators"),
        ("Location", "https://b.example.com/login", "https://b.example.com/login"),
        ("Location", "//b.example.com/login", "//b.example.com/login"),
        ("Location", "login", "login"),
        ("Set-Cookie", "a=/b; Path=/; HttpOnly", "a=/b; Path=/admin/; HttpOnly"),
        ("Set-Cookie", "a=b;path=/x", "a=b;path=/admin/x"),
        ("Set-Cookie", "a=b; Path=/admin", "a=b; Path=/admin"),
        ("Set-Cookie", "a=b", "a=b"),
    ],
)
def test_addresses_in_answers_have_the_prefix_by_option(plain, web, name, value, shown):
    bring(plain, wish("shop", to(web, base_path="/admin", rewrite_answers=True), to(web, base_path="/b")))
    given = {"X-Answer": json.dumps([[name, value]])}
    assert seen(plain, path="/admin/x", headers=given)[1].headers[name] == shown
    assert seen(plain, path="/b/x", headers=given)[1].headers[name] == value


def test_maintenance(plain, web):
    page = "<style>b {color: red} i {x: {env.HOME}}</style><p>Back \\ at 5</p>"
    bring(plain, wish("shop", to(web, maintenance=True), to(web, "b.example.com", maintenance=page)))
    response, body = plain.get(HOST, "/x", method="POST", body=b"x")
    assert (response.status, response.headers["Retry-After"]) == (503, "120")
    assert b"<h1>Maintenance</h1>" in body
    assert plain.get("b.example.com")[1].decode() == page
    bring(plain, wish("shop", to(web, maintenance=False)))
    assert seen(plain)[0]["service"] == "web"


def test_a_visitor_stays_with_one_task(plain):
    """The tasks of a service are addresses of one name; here those of loopback."""
    with running(Service("one")) as one:

        class Two(http.server.ThreadingHTTPServer):
            pass

        two = Two(("127.0.0.2", one.port), one.server.RequestHandlerClass)
        two.name, two.padding = "two", 0
        threading.Thread(target=two.serve_forever, daemon=True).start()
        bring(plain, wish("shop", {"domain": HOST, "upstream": "tasks.web", "port": one.port, "sticky": True}))
        # Instead of the Swarm's DNS: two addresses.
        routes = plain.routes()
        proxied = routes[0]["handle"][0]["routes"][-1]["handle"][-1]
        del proxied["dynamic_upstreams"]
        proxied["upstreams"] = [{"dial": f"127.0.0.{number}:{one.port}"} for number in (1, 2)]
        plain.put_routes(routes)
        found = set()
        for _visitor in range(20):
            answer, response = seen(plain)
            cookie = response.headers["Set-Cookie"].partition(";")[0]
            assert cookie.startswith("stackwright_task=")
            same = {seen(plain, headers={"Cookie": cookie})[0]["service"] for _turn in range(4)}
            assert same == {answer["service"]}
            found |= same
        assert found == {"one", "two"}
        two.shutdown()
        two.server_close()


# -- owners that are gone


def test_routes_of_a_stack_that_is_gone(plain, web):
    from dataclasses import replace

    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import stack_id

    old = stack_id("old")
    bring(plain, wish(old, to(web, service="old_web", tls="off"), to(web, "b.example.com", service="old_web")))
    bring(plain, wish("by-hand", to(web, "c.example.com")))
    wanted = wish("shop", to(web))
    with pytest.raises(RouteError, match=r"belongs to stack 'old' \(service old_web\)\.") as caught:
        bring(plain, wanted)
    assert "take_over" not in caught.value.hint
    with pytest.raises(RouteError, match="stack 'old' .* no longer exists") as caught:
        bring(plain, replace(wanted, live={"blog_web": ""}))
    assert "take_over" in caught.value.hint
    for live in ({"old_web": ""}, {"old_web": old}):
        with pytest.raises(RouteError, match="belongs to stack"):
            bring(plain, replace(wanted, live=live, take_over=True))
    bring(plain, replace(wanted, live={"old_web": stack_id("old", "a", "b")}, take_over=True))
    owners = sorted(route["@id"].split(":")[1] for route in plain.routes()[:-1])
    assert owners == sorted(["by-hand", old, "shop"])  # what is in nobody's way stays
    with pytest.raises(RouteError, match="stack 'by-hand'"):
        bring(plain, replace(wish("shop", to(web, "c.example.com")), live={}, take_over=True))


def test_a_balancer_that_comes_later_is_told_to_the_routes_that_are_there(proxy, web):
    from dataclasses import replace

    from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import Settings

    said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    shop = wish("shop", to(web, tls="internal"), to(web, "b.example.com", tls="internal", base_path="/b"))
    bring(proxy, shop)
    untold = proxy.routes()
    assert proxy.get(HOST, headers=said)[0].status == 308
    told = Settings(("127.0.0.0/8",), 8443)
    assert bring(proxy, told, check=True)[0].changed
    assert proxy.routes() == untold
    assert bring(proxy, told)[0].changed
    assert not bring(proxy, told)[0].changed
    assert not bring(proxy, shop)[0].changed
    assert seen(proxy, headers=said)[0]["headers"]["X-Forwarded-For"].startswith("203.0.113.9")
    assert location(proxy, path="/x") == (308, f"https://{HOST}:8443/x")
    bring(proxy, replace(told, trusted=(), https_port=443))
    assert proxy.routes() == untold
    assert not bring(proxy, shop)[0].changed


def test_clients_speak_http_2_without_tls_by_option(plain, web):
    from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import Settings

    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"

    def answer():
        with socket.create_connection(("127.0.0.1", plain.port), timeout=30) as raw:
            raw.sendall(hello)
            return raw.recv(9)

    bring(plain, Settings(h2c=True))
    # A frame of settings is the answer of HTTP/2. (Caddy 2.11 goes on to speak it until it is started anew.)
    wait_for(lambda: answer()[3:4] == b"\4", "answer")
    bring(plain, Settings(h2c=False))
    assert "h2c" not in json.loads(plain.call("GET", "/config/apps/http/servers/web/protocols")[1])

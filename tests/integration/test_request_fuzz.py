"""Requests as attackers write them, against rules of a real proxy: no rule is skipped.

What the service gets is looked at, not what the proxy says. A path is read in every way in which a service may read it:
with encoded characters decoded or not, with dot segments resolved or not. STACKWRIGHT_LONG=1 sends 2,000 to each proxy,
STACKWRIGHT_REQUESTS another number; STACKWRIGHT_SEED names the seed.
"""

import base64
import contextlib
import http.server
import os
import random
import re
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, bring, free_port, running, wish

COUNT = int(os.environ.get("STACKWRIGHT_REQUESTS", "2000" if os.environ.get("STACKWRIGHT_LONG") == "1" else "600"))
SEED = os.environ.get("STACKWRIGHT_SEED", "1")
#: Of the password "secret".
HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"
GOOD = base64.b64encode(b"alice:secret").decode()
MOST = 100
A = "a.example.com"
#: The rules of one domain with one service behind them: path, whether a password is asked for, what is taken off.
RULES = {
    "/": (False, ""),
    "/admin": (True, ""),
    "/admin/open": (False, ""),
    "/private": (True, "/private"),
    "/api": (False, "/api"),
    "/api/keys": (True, "/api/keys"),
}
REDIRECTED, MOVED, WHOLE, SLASHED = "b.example.com", "c.example.com", "d.example.com", "e.example.com"


class _Handler(http.server.BaseHTTPRequestHandler):
    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = b""
        with contextlib.suppress(ValueError):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        while self.headers.get("Transfer-Encoding"):
            size = int(self.rfile.readline() or b"0", 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        visit = self.headers.get("X-Visit", "none")
        self.server.got.setdefault(visit, []).append((self.requestline, self.headers, len(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Recorder:
    """A service that writes down each request as it comes."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.got, self.server.daemon_threads = {}, True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(params=VERSIONS, scope="module")
def proxy(request, tmp_path_factory):
    with running(Caddy(request.param, tmp_path_factory.mktemp("caddy"))) as started:
        server = started.config["apps"]["http"]["servers"]["web"]
        secure = free_port()
        server["listen"].append(f"127.0.0.1:{secure}")
        server["tls_connection_policies"] = [{}]
        server["protocols"] = ["h1", "h2"]
        started.config["apps"]["http"]["https_port"] = secure
        assert started.call("PATCH", "/config/apps", started.config["apps"])[0] == 200
        yield started


@pytest.fixture(scope="module")
def service():
    with running(Recorder()) as one:
        yield one


@pytest.fixture(scope="module")
def rules(proxy, service):
    to = {"upstream": "127.0.0.1", "port": service.port, "tls": "off"}
    routes = []
    for path, (closed, strip) in RULES.items():
        headers = {"request": {"X-Rule": path, "X-Secret": ""}}
        more = {"auth": {"alice": HASH}} if closed else {}
        routes.append({"domain": A, "base_path": path, "strip_prefix": bool(strip), "headers": headers, **to, **more})
    routes[-2]["max_body"] = MOST
    routes.append({**to, "domain": REDIRECTED, "tls": "auto"})
    routes.append({"domain": MOVED, "tls": "off", "redirect_to": "https://new.example.com"})
    routes.append({**to, "domain": MOVED, "base_path": "/kept", "strip_prefix": False})
    routes.append({**to, "domain": WHOLE, "auth": {"alice": HASH}})
    routes.append({**to, "domain": SLASHED, "base_path": "/app", "trailing_slash": True})
    bring(proxy, wish("shop", *routes))
    return service


# -- what is asked


def encoded(chance, text):
    """``text`` with some characters encoded, some letters in the other case."""
    found = ""
    for letter in text:
        kind = chance.random()
        if kind < 0.08:
            found += f"%{ord(letter):02{chance.choice('xX')}}"
        elif kind < 0.16:
            found += letter.swapcase()
        else:
            found += letter
    return found


SLASHES = ["/"] * 8 + ["//", "///", "%2f", "%2F", "/./", "/%2e/", "\\", "%5c", "/;/", "%252f"]
WORDS = ["admin", "admin/open", "api", "api/keys", "private", "kept", "app", "x", "index.html", "", "a" * 300]
UP = ["..", "%2e%2e", ".%2e", "%2E.", ".", "%2e", "...", "..;", "..%00", "%252e%252e", "..%2f", "..%5c"]


def path_of(chance):
    parts = ""
    for _turn in range(chance.randint(1, 5)):
        word = chance.choice(UP) if chance.random() < 0.35 else chance.choice(WORDS)
        if chance.random() < 0.3 and "%" not in word:
            word = encoded(chance, word)
        parts += chance.choice(SLASHES) + word
    if not parts.startswith("/"):
        parts = "/" + parts
    return parts + chance.choice(["", "", "", "/", "?", "?a=/../admin", "#/../admin", ".", "%20", "%00", ";a=b"])


def host_of(chance):
    name = chance.choice([A] * 12 + [REDIRECTED, MOVED, WHOLE, WHOLE, SLASHED])
    if chance.random() < 0.3:
        name = "".join(chance.choice([letter, letter.upper()]) for letter in name)
    return name, name + chance.choice(["", "", "", ".", ".", ":80", ".:80", ":443", "..", ":", ":x", " "])


METHODS = ["GET"] * 8 + [
    "POST",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "get",
    "GeT",
    "FOO",
    "DELETE",
    "CONNECT",
    "PRI",
]
TRICKS = [
    "X-Rule: /",
    "x-rule: forged",
    "X-Secret: 1",
    "X-SECRET: 1",
    "X-Secret : 1",
    "Connection: X-Rule",
    "Connection: close, x-rule, X-Forwarded-Proto, Authorization",
    "Connection: X-Secret",
    "Keep-Alive: X-Rule",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: new.example.com",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1;proto=https",
    "X-Original-URL: /admin",
    "X-Rewrite-URL: /admin",
    "X-HTTP-Method-Override: DELETE",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Authorization: Basic",
    "Authorization: Basic Og==",
    "Authorization: Basic " + base64.b64encode(b"alice:").decode(),
    "Authorization: Basic " + base64.b64encode(b"alice:wrong").decode(),
    "Authorization: Basic " + base64.b64encode(b"\0alice:secret").decode(),
    "Authorization: Bearer " + GOOD,
    "Proxy-Authorization: Basic " + GOOD,
    f"Authorization : Basic {GOOD}",
    f"X: y\r\n Authorization: Basic {GOOD}",
    "Cookie: Authorization=Basic " + GOOD,
    "Expect: 100-continue",
    "TE: trailers",
]
BODIES = [
    "",
    "",
    "",
    "Content-Length: 5\r\n\r\nhello",
    "Content-Length: 300\r\n\r\n" + "x" * 300,
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n12c\r\n" + "x" * 300 + "\r\n0\r\n\r\n",
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    "GET /admin/smuggled HTTP/1.1\r\nHost: a.example.com\r\nX-Visit: smuggled\r\n\r\n",
    "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
]


class Request:
    """One request: its bytes, and what it means to those who read it well."""

    def __init__(self, chance, visit):
        self.name, host = host_of(chance)
        self.path = target = path_of(chance)
        self.method = chance.choice(METHODS)
        self.good = chance.random() < 0.15
        lines = [f"Host: {host}"]
        form = chance.random()
        if form < 0.1:
            self.target = f"http://{host}{target}"
            lines = [f"Host: {chance.choice(['other.example.com', REDIRECTED, host])}"]
        elif form < 0.13:
            self.target = chance.choice(["*", host, host + ":80"])
        else:
            self.target = target
        tricks = chance.sample(TRICKS, chance.choice([0, 0, 1, 1, 2, 3]))
        if self.good:
            tricks = [trick for trick in tricks if "uthorization" not in trick]
            lines.append(f"Authorization: Basic {GOOD}")
        lines += tricks
        chance.shuffle(lines)
        version = chance.choice(["1.1"] * 9 + ["1.0"])
        body = chance.choice(BODIES)
        head = f"{self.method} {self.target} HTTP/{version}\r\n" + "".join(line + "\r\n" for line in lines)
        head += f"X-Visit: {visit}\r\n" + ("" if "Connection" in head else "Connection: close\r\n")
        self.text = head + (body or "\r\n")

    def send(self, port):
        """The status of the first answer and its Location; 0 where there is none."""
        got = b""
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, contextlib.suppress(OSError):
            connection.sendall(self.text.encode("latin-1"))
            while b"\r\n\r\n" not in got and (part := connection.recv(65536)):
                got = re.sub(rb"^HTTP/1.1 1.*?\r\n\r\n", b"", got + part, flags=re.S)
        status = re.match(rb"HTTP/1\.[01] (\d+)", got)
        location = re.search(rb"\r\nlocation: ([^\r]*)", got, re.I)
        return int(status.group(1)) if status else 0, location.group(1).decode() if location else ""


# -- what is to come of it


def views(path):
    """The segments of ``path`` (raw) in each way in which a service may read it."""
    raw = path.partition("?")[0].encode("latin-1")
    for text in (raw, unquote_to_bytes(raw), re.sub(rb"(?i)%2e", b".", raw)):
        plain = [part.lower() for part in text.split(b"/") if part]
        yield plain
        clean = []
        for part in plain:
            if part == b"..":
                del clean[-1:]
            elif part != b".":
                clean.append(part)
        yield clean


def decoded(path):
    """The segments of ``path`` as the proxy reads them."""
    return list(views(path))[2]


def rule_of(segments):
    """The rule of the longest path that the segments are below."""
    fits = [
        path for path in RULES if segments[: len(path.split("/")[1:])] == path.encode().split(b"/")[1:] or path == "/"
    ]
    return max(fits, key=len)


def faults(request, status, location, got):
    """What went wrong with one request."""
    name = request.name.lower()
    for line, headers, size in got:
        asked = line.split(" ")[1]
        if name in (REDIRECTED, WHOLE if not request.good else "") or (name == MOVED and "kept" not in line.lower()):
            yield f"{name} reached the service with {line!r}"
        rule = (headers.get_all("X-Rule") or ["none"]) if name == A else ["none"]
        if len(rule) > 1 or (name == A and rule[0] not in RULES):
            yield f"the header of the rule is {rule}"
        if headers.get("X-Secret") is not None and name == A:
            yield "a header that the rule removes came through"
        if headers.get("X-Real-IP") or headers.get("Forwarded") or headers.get("X-Forwarded-For") != "127.0.0.1":
            yield "a client said who it is"
        if headers.get("X-Forwarded-Proto") != "http":
            yield "a client said that it came by HTTPS"
        if name == A and rule[0] in RULES:
            closed, strip = RULES[rule[0]]
            seen = strip + asked
            wanted = {rule_of(view) for view in views(seen)}
            if not request.good and (closed or any(RULES[one][0] for one in wanted)):
                yield f"no password was asked for {asked!r}, which {rule[0]} took; it may mean {sorted(wanted)}"
            sent, got_there, off = decoded(request.path), decoded(asked), decoded(strip)
            if off and sent[: len(off)] == off and got_there != sent[len(off) :]:
                yield f"{strip} was not taken off {request.path!r}: {asked!r}"
            if rule[0] == "/api" and size > MOST:
                yield f"a body of {size} bytes"
        if not asked.startswith("/") and asked != "*" and request.method != "CONNECT":
            yield f"the service was asked for {asked!r}"
        if len(got) > 1:
            yield f"it was sent {len(got)} times"
    if location:
        allowed = {
            REDIRECTED: r"https://b\.example\.com\.?(:\d+)?[/*?]?",
            MOVED: r"https://new\.example\.com(/|\*|$)",
            # What no route takes goes to HTTPS by Caddy itself, where the name ends in a dot.
            SLASHED: r"/app/|https://e\.example\.com\.",
        }.get(name, r"\Z.")
        if not re.match(allowed, location, re.I):
            yield f"redirected to {location}"


def test_no_rule_is_skipped(proxy, rules):
    chance = random.Random(f"{SEED} {proxy.version}")
    requests, answers = [], []
    for number in range(COUNT):
        requests.append(Request(chance, f"{proxy.version}-{number}"))
        answers.append(requests[-1].send(proxy.port))
    # An answer may come before the service has seen the request.
    marker = proxy.get(A, headers={"X-Visit": "last"})
    assert marker[0].status == 200
    got = rules.server.got
    found = []
    for number, request in enumerate(requests):
        for fault in faults(request, *answers[number], got.get(f"{proxy.version}-{number}", [])):
            found.append(f"{number}: {fault}\n    {request.text[:200]!r}")
    seen = {status for status, _location in answers}
    reached = sum(len(some) for visit, some in got.items() if visit.startswith(f"{proxy.version}-"))
    print(f"Caddy {proxy.version}, seed {SEED}: {COUNT} requests, {reached} reached a service, statuses {sorted(seen)}")
    assert not found, f"{len(found)} of {COUNT}:\n" + "\n".join(found[:20])
    assert "smuggled" not in got
    assert reached > COUNT / 10 and {200, 308, 400, 401, 404} <= seen

"""Figures of the proxy: what an update costs with many routes, and what a request costs with many hosts.

Ratios only, each of runs that alternate, so that a busy machine slows both sides; the best of several counts.
"""

import http.client
import json
import os
import socket
import statistics
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import caddy
from caddy import VERSIONS, Caddy, Service, bring, free_port, running, wish

MANY = 1000


@pytest.fixture(params=VERSIONS)
def proxy(request, tmp_path):
    with running(Caddy(request.param, tmp_path)) as started:
        yield started


def to(port, number):
    return {"domain": f"h{number:04}.example.com", "upstream": "127.0.0.1", "port": port}


def test_an_update_with_a_thousand_routes_costs_little_more_than_a_bare_patch(proxy):
    bring(proxy, wish("many", *(to(9999, number) for number in range(MANY - 5))))
    ours, bare = [], []
    for turn in range(24):
        five = [to(8000 + turn, MANY + number) for number in range(5)]
        with measured(proxy, ours):
            done, admin = bring(proxy, wish("shop", *five))
        assert done.changed
        assert admin.writes == 1
        # The same array once more would be no change; so some routes of it differ.
        text = json.dumps(proxy.routes()).replace(f"127.0.0.1:{8000 + turn}", f"127.0.0.1:{7000 + turn}")
        routes = json.loads(text)
        with measured(proxy, bare):
            status, _body = proxy.call("PATCH", "/config/apps/http/servers/web/routes", routes)
        assert status == 200
        # On a busy machine the time says little; then the processor time of both processes counts.
        best = [[min(found) for found in zip(*measures)] for measures in (ours, bare)]
        little = any(one <= 1.5 * other for one, other in zip(*best))
        if turn >= 5 and little:
            break
    print(f"{proxy.version}: update {best[0][0] * 1000:.0f} ms, bare PATCH {best[1][0] * 1000:.0f} ms")
    assert little, best


@contextmanager
def measured(proxy, found):
    """Appends to ``found`` how long what is done takes, and the processor time of this process and the proxy (s)."""
    used, start = time.process_time() + cpu(proxy), time.monotonic()
    yield
    found.append((time.monotonic() - start, time.process_time() + cpu(proxy) - used))


def work(proxy, host, requests=2500):
    """Requests over one kept connection: how many a second, and what each costs the proxy (CPU seconds)."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        before, start = cpu(proxy), time.monotonic()
        for _number in range(requests):
            connection.sendall(request)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:100]
        return requests / (time.monotonic() - start), (cpu(proxy) - before) / requests


def cpu(proxy):
    """CPU seconds that the proxy has used."""
    fields = Path(f"/proc/{proxy.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_last_of_a_thousand_hosts_is_about_as_fast_as_the_last_of_ten(version, tmp_path):
    with running(Raw(), Caddy(version, tmp_path / "few"), Caddy(version, tmp_path / "many")) as (service, few, many):
        bring(few, wish("few", *(to(service.port, number) for number in range(10))))
        bring(many, wish("many", *(to(service.port, number) for number in range(MANY))))
        found_few, found_many = [], []
        for turn in range(24):
            found_few.append(work(few, "h0009.example.com"))
            found_many.append(work(many, f"h{MANY - 1:04}.example.com"))
            # A busy machine slows both sides, but not evenly: what the proxy's own work costs is what counts.
            rates = [max(rate for rate, _cost in found) for found in (found_few, found_many)]
            costs = [min(cost for _rate, cost in found) for found in (found_few, found_many)]
            if turn >= 3 and (rates[1] >= 0.8 * rates[0] or costs[0] >= 0.8 * costs[1]):
                break
    print(
        f"{version}: 10 hosts {rates[0]:.0f}/s {costs[0] * 1e6:.0f} us, {MANY} {rates[1]:.0f}/s {costs[1] * 1e6:.0f} us"
    )
    assert rates[1] >= 0.8 * rates[0] or costs[0] >= 0.8 * costs[1]


class Raw:
    """A service that answers with the same few bytes, so that the proxy is what is measured."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"

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
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client:
            while client.recv(65536):
                client.sendall(self.ANSWER)

    def stop(self):
        self.listener.close()


def test_no_get_that_was_not_sent_is_lost_while_the_upstream_is_gone(proxy):
    """While the service is away for 1.5 s. What it was answering when it went was sent, and is not sent again: each
    visitor may have had one such."""
    service = Service("web", free_port())
    found, over = [], threading.Event()

    def visit():
        while not over.is_set():
            found.append(proxy.get("h0001.example.com", tries=1)[0].status)

    with running(service):
        bring(proxy, wish("shop", to(service.port, 1)))
        visitors = [threading.Thread(target=visit) for _number in range(8)]
        for visitor in visitors:
            visitor.start()
        time.sleep(0.3)
        service.stop()
        time.sleep(1.5)
        service.start()
        time.sleep(0.7)
        over.set()
        for visitor in visitors:
            visitor.join()
    print(f"{proxy.version}: {len(found)} requests, {sum(status != 200 for status in found)} failed")
    assert len(found) > 20
    assert set(found) <= {200, 502}
    assert found.count(502) <= len(visitors)


class SlowNames:
    """A DNS in which each name is an address of loopback, and which thinks ``delay`` seconds about every answer."""

    def __init__(self, delay):
        self.delay, self.asked = delay, 0
        # Of this process alone: others may run the same test beside it.
        self.address = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 53))
        self.socket.settimeout(0.1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.over.is_set():
            try:
                question, asker = self.socket.recvfrom(2000)
            except socket.timeout:
                continue
            self.asked += 1
            threading.Timer(self.delay, self._answer, (question, asker)).start()

    def _answer(self, question, asker):
        end = question.index(b"\0", 12) + 5
        known = question[end - 4 : end - 2] == b"\0\1"  # an A record; there are no others
        answer = question[:2] + struct.pack(">HHHHH", 0x8180, 1, known, 0, 0) + question[12:end]
        if known:
            answer += b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 600, 4) + socket.inet_aton("127.0.0.1")
        with suppress(OSError):
            self.socket.sendto(answer, asker)

    def stop(self):
        self.over.set()
        self.thread.join()
        self.socket.close()


def medians(proxy, kinds, seconds=2, visitors=8):
    """How long a request takes (s), for each kind of hosts, of visitors who ask one host after the other.

    They ask for each kind in turn, so that another load on the machine takes as much from each.
    """
    found, end = {kind: [] for kind in kinds}, time.monotonic() + seconds

    def visit(number):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
        while time.monotonic() < end or not all(found.values()):
            for kind, hosts in kinds.items():
                began = time.monotonic()
                connection.request("GET", "/", headers={"Host": hosts[number % len(hosts)]})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                found[kind].append(time.monotonic() - began)
            number += visitors
        connection.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {kind: statistics.median(times) for kind, times in found.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_slow_names_hold_up_no_other_route_and_no_request_over_a_kept_connection(version, tmp_path, monkeypatch):
    """100 routes, 200 ms for each answer of the DNS; see docs/decisions/0035-sent-once.md."""
    real, resolv, names = caddy.caddy, tmp_path / "resolv.conf", SlowNames(0.2)
    resolv.write_text(f"nameserver {names.address}\noptions ndots:0\n")
    inside = f'mount --bind {resolv} /etc/resolv.conf && exec {real(version)} "$@"'
    wrapped = tmp_path / "caddy"
    wrapped.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{inside}' sh \"$@\"\n")
    wrapped.chmod(0o755)
    monkeypatch.setattr(caddy, "caddy", lambda _version: wrapped)
    with running(names, Service("web"), Caddy(version, tmp_path / "proxy")) as (names, service, proxy):

        def bring_all(kinds):
            """100 hosts of each kind, and a request to each, so that connections are there where they are kept."""
            hosts = {kind: [f"h{number:02}.{kind}.example.com" for number in range(100)] for kind in kinds}
            listed = [
                {"domain": host, "upstream": upstream.format(number), "port": service.port, **more}
                for kind, (upstream, more) in kinds.items()
                for number, host in enumerate(hosts[kind])
            ]
            bring(proxy, wish("shop", *listed))
            for turn in range(0, 100, 25):
                some = {kind: found[turn : turn + 25] for kind, found in hosts.items()}
                medians(proxy, some, seconds=0.5, visitors=25)
            return hosts

        kept = {"keep_alive": True}
        hosts = bring_all({"address": ("127.0.0.1", {}), "kept": ("127.0.0.1", kept), "name": ("s{}.test", kept)})
        for _turn in range(5):
            found = medians(proxy, hosts)
            if found["name"] <= 1.1 * found["kept"]:
                break
        assert names.asked
        (slow,) = medians(proxy, bring_all({"slow": ("s{}.test", {})})).values()
        print(f"\nCaddy {version}: by default {slow * 1000:.0f} ms; connections that are kept, and an address:")
        print(", ".join(f"{kind} {value * 1000:.1f} ms" for kind, value in found.items()))
    assert found["name"] <= 1.1 * found["kept"]
    # Each waits for its own name; with dynamic_upstreams, eight visitors wait for each other.
    assert 0.2 <= slow < 0.2 * 4

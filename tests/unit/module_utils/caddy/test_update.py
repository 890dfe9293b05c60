"""The loop of reads and guarded writes, in simulated time."""

import json

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import Admin
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import Retry
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.guarded_update import update
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.replicas import each_replica
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Answer, Broken, Unreachable
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import RouteRequest
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route


class Scripted:
    """An admin API that answers writes by a script; reads return its state."""

    at = endpoint("/run/x")

    def __init__(self, *script):
        self.script = list(script)
        self.apps = {"http": {"servers": {"web": {"routes": []}}}}
        self.guards = []

    def send(self, method, path, body, headers):
        if method == "GET":
            return Answer(200, {"etag": f'"{len(self.guards)}"'}, json.dumps(self.apps).encode())
        self.guards.append(headers["If-Match"])
        step = self.script.pop(0) if self.script else 200
        if step in (200, "after"):
            self.apps["http"]["servers"]["web"]["routes"] = json.loads(body)
        if step in ("before", "after"):
            raise Broken("reset")
        return Answer(step, {}, b'{"error": "no: $2b$10$abc."}' if step == 400 else b"")


WISH = RouteRequest("shop", (Route("a.example.com", upstream="web", port=80),))


def run(*script, check=False, limit=60.0):
    clock = Clock()
    server = Scripted(*script)
    admin = Admin(server, Retry(clock, lambda: 0.5, 3.0))
    return update(admin, WISH, check, Retry(clock, lambda: 0.5, limit)), admin, server, clock


@pytest.mark.parametrize(
    ("script", "writes"),
    [((), 1), ((412, 412), 3), (("before",), 2), (("after",), 1), ((412, "before", "after"), 3), ((502,), 2)],
)
def test_a_change_comes_through_and_is_reported_once(script, writes):
    done, admin, server, _clock = run(*script)
    assert done.changed
    assert (admin.writes, len(server.guards)) == (writes, writes)
    again = update(admin, WISH, False, None)
    assert not again.changed


def test_each_write_is_guarded_by_the_read_before_it():
    _done, _admin, server, _clock = run(412, 412)
    assert server.guards == ['"0"', '"1"', '"2"']


def test_check_writes_nothing():
    done, admin, server, _clock = run(check=True)
    assert done.changed
    assert (admin.writes, server.guards) == (0, [])


def test_others_that_write_all_the_time_end_it():
    with pytest.raises(RouteError) as caught:
        run(*[412] * 1000, limit=5.0)
    assert caught.value.error_code == "contended"


def test_what_the_proxy_refuses_is_not_tried_again_and_its_message_has_no_hash():
    with pytest.raises(RouteError) as caught:
        run(400)
    assert caught.value.error_code == "route_refused"
    assert "no: ********" in str(caught.value)


def test_waits_grow_and_end():
    clock = Clock()
    patience = Retry(clock, lambda: 1.0, 10.0)
    turn = 0
    while patience(turn):
        turn += 1
    assert clock.slept[:3] == [0.01, 0.02, 0.04]
    assert max(clock.slept) == 0.5
    assert 10.0 <= clock.time < 10.6


def test_an_api_that_is_never_there_is_given_up_in_time():
    class Gone:
        at = endpoint("/run/x")

        def send(self, *_args):
            raise Unreachable("No such file or directory")

    clock = Clock()
    with pytest.raises(RouteError, match="No such file") as caught:
        Admin(Gone(), Retry(clock, lambda: 0.5, 3.0)).read("/config/apps")
    assert caught.value.error_code == "admin_unreachable"
    assert clock.time < 4


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("/run/x", {}, [""]),
        ("http://10.0.0.1", {}, ["10.0.0.1"]),
        ("http://proxy.example.com", {"proxy.example.com": ["10.0.0.1"]}, ["10.0.0.1"]),
        ("http://tasks.caddy", {"tasks.caddy": ["10.0.0.4", "10.0.0.3"]}, ["10.0.0.3", "10.0.0.4"]),
        ("http://caddy", {"caddy": ["10.0.0.3"], "tasks.caddy": ["10.0.0.3"]}, ["10.0.0.3"]),
        ("http://caddy", {"caddy": ["10.0.0.2"], "tasks.caddy": ["10.0.0.3"]}, "several_replicas"),
        ("http://caddy", {"caddy": ["10.0.0.2"], "tasks.caddy": ["10.0.0.3", "10.0.0.4"]}, "several_replicas"),
        ("http://nobody", {}, "admin_unreachable"),
    ],
)
def test_replicas_of_an_address(text, names, found):
    def addresses():
        return [at.address for at in each_replica(endpoint(text), lambda name: names.get(name, []))]

    if isinstance(found, str):
        with pytest.raises(RouteError) as caught:
            addresses()
        assert caught.value.error_code == found
    else:
        assert addresses() == found

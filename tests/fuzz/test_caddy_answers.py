"""The routes' stories against an admin API whose answers are spoilt: each ends, well or with an error of ours."""

from __future__ import annotations

import copy
import json
import random

import pytest
from answers import BODIES, DESIRED, Clock, Engine, spoil
from fuzzing import hunt

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import proxy_routes as routes
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import route_options
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import World
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Answer, Broken, Late
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

FOREIGN = {
    "match": [{"host": ["other.example.com"], "path": ["/api/*"]}, {"expression": "{http.request.method} == 'GET'"}],
    "handle": [
        {"handler": "headers", "response": {"set": {"X-A": ["b"]}}},
        {"handler": "subroute", "routes": [{"handle": [{"handler": "static_response", "status_code": "404"}]}]},
        {"handler": "reverse_proxy", "upstreams": [{"dial": "app:80"}], "health_checks": {"active": {"uri": "/"}}},
        {"handler": "authentication", "providers": {"http_basic": {"accounts": [{"username": "a", "password": "b"}]}}},
    ],
    "terminal": True,
}
APPS = {
    "http": {
        "servers": {
            "web": {
                "listen": [":443"],
                "routes": [{"handle": [{"handler": "encode", "encodings": {"gzip": {}}}]}, FOREIGN],
                "automatic_https": {"skip": ["plain.example.com"]},
            }
        }
    },
    "tls": {"automation": {"policies": [{"subjects": ["other.example.com"], "issuers": [{"module": "internal"}]}]}},
}


class Api:
    """An admin API that takes what it is sent; its answers are spoilt as ``seed`` says, or as they should be (0)."""

    def __init__(self, seed=0, how="part", apps=APPS):
        self.seed, self.how = seed, how
        self.apps, self.writes, self.count = copy.deepcopy(apps), 0, 0
        self.at, self.timeout = endpoint("/run/admin"), 5.0

    def send(self, method, path, body, headers):
        self.count += 1
        assert self.count < 3000
        chance = random.Random(f"{self.seed}:{method}")
        etag = {"etag": f'"{path} {self.writes}"'}
        if self.how == "broken":
            raise chance.choice((Broken("reset"), Late()))
        if method != "GET":
            self.writes += 1
            self._take(path, json.loads(body) if body else None)
            if not self.seed or chance.random() < 0.5:
                return Answer(200, {}, b"")
            told = chance.choice((b'{"error": "no"}', b'{"error": 5}', b'{"error": null}', b"[]", *BODIES))
            return Answer(chance.choice((200, 204, 301, 400, 403, 404, 412, 500, 502)), {}, told)
        raw = json.dumps(self.apps).encode()
        if self.seed and self.how == "body":
            raw = chance.choice(BODIES)
        elif self.seed and self.how == "status":
            return Answer(chance.choice((204, 301, 400, 401, 403, 404, 500, 502)), etag, chance.choice(BODIES))
        elif self.seed:
            raw = json.dumps(spoil(self.apps, chance, chance.choice((1, 1, 2, 5)))).encode()
        return Answer(200, etag if chance.random() < 0.9 else {}, raw)

    def _take(self, path, body):
        if path.endswith("/routes"):
            self.apps["http"]["servers"]["web"]["routes"] = body
        elif path == "/config/apps":
            self.apps = body


def plain(options):
    """What Ansible makes of options that are not given."""
    return {name: option.get("default") for name, option in options.items()}


ROUTES = [
    {**plain(route_options.ROUTES["routes"]["options"]), **route}
    for route in (
        {"domain": "shop.example.com", "base_path": "/", "upstream": "shop_web", "port": 80, "tls": "internal"},
        {
            "domain": "off.example.com",
            "base_path": "/a",
            "upstream": "shop_web",
            "port": 80,
            "tls": "off",
            "compress": True,
        },
    )
]
ALL = [{"stack": "shop", "name": "shop", "busy": False, "gone": False, "yields": [], "routes": ROUTES}]
GIVEN = {
    **plain(route_options.ADMIN),
    **plain(route_options.ROUTES),
    "stack": "shop",
    "routes": ROUTES,
    "admin": ["unix:///run/admin"],
    "admin_timeout": 5,
}
STORIES = {
    "present": lambda c: routes.change_routes(c, GIVEN, False),
    "check": lambda c: routes.change_routes(c, GIVEN, True),
    "beside others": lambda c: routes.change_routes(c, {**GIVEN, "exclusive": False}, False),
    "of services": lambda c: routes.change_routes(c, {**GIVEN, "routes": None, "services_of": "shop"}, False),
    "absent": lambda c: routes.change_routes(c, {**GIVEN, "state": "absent", "routes": None}, False),
    "taken from another": lambda c: routes.change_routes(c, {**GIVEN, "takes": ["other.example.com"]}, False),
    "of gone owners": lambda c: routes.change_routes(c, {**GIVEN, "take_over": "gone"}, False),
    "of all stacks": lambda c: routes.change_routes(c, {**GIVEN, "stack": None, "routes": None, "stacks": ALL}, False),
    "one absent": lambda c: routes.change_routes(c, {**GIVEN, "state": "absent"}, False),
    "info": lambda c: routes.show_routes(c, {**GIVEN, "stack": None}, False),
    "info of one": lambda c: routes.show_routes(c, {**GIVEN, "server": "web"}, False),
}


def made_before():
    api = Api()
    tell("present", api)
    return api.apps


def tell(story, api, engine=None):
    client = EngineClient(Connection("unix:///nowhere"), engine or Engine())
    routes._world = lambda params: World(lambda at: api, lambda name: [], Clock(), lambda: 0.5)
    try:
        result = STORIES[story](client)
    except StackwrightError as error:
        result = [error.error_code, str(error), error.details]
    json.dumps(result, allow_nan=False).encode("utf-8")
    json.dumps(result, ensure_ascii=False).encode("utf-8")
    return result


def make(chance: random.Random):
    """Which story, the seed of the spoiling and how it is done, and whether the stack has routes already."""
    how = chance.choices(("part", "body", "status", "broken"), (80, 10, 7, 3))[0]
    return chance.choice(sorted(STORIES)), chance.randrange(1, 10**9), how, chance.random() < 0.7


def door(case):
    story, seed, how, again = case
    engine = Engine(seed, ("services",)) if story == "of services" and seed % 2 else None
    tell(story, Api(0 if engine else seed, how, made_before() if again else APPS), engine)


@pytest.mark.parametrize("story", sorted(STORIES))
def test_a_proxy_in_good_order(story):
    assert isinstance(tell(story, Api(apps=made_before())), dict)


def test_spoilt_answers():
    assert DESIRED["routes"], "routes of services are among the stories"
    hunt(make, door, few=200, full=2000)


@pytest.mark.parametrize("apps", ["x", 5, [], [1], True, 1.5, {"http": "x"}, {"http": {"servers": []}}])
def test_what_is_no_configuration_is_not_taken_for_one(apps):
    api = Api(apps=apps)
    for story in ("info", "present", "absent"):
        told = tell(story, api)
        assert told[0] == "admin_answer", (story, told)
        assert "GET /config/apps" in told[1]
    assert api.writes == 0


def test_no_configuration_at_all_is_none():
    assert tell("info", Api(apps=None))["routes"] == []
    with pytest.raises(RouteError, match="no HTTP server"):
        routes.change_routes(None, GIVEN, False)

"""A run that is killed at any of its steps is completed by the next one, or undone by a run with the old files.

The world here has what the real one keeps: services with their labels, a record of missed routes and taken domains, and
proxies. Each step is killed before it has any effect, and after it had all of it.
"""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import asked_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.story import Asked, Story

STACK, OTHER = "shop", "blog"
PROXIES = ("p1", "p2")
DOWN = {"failed": True, "changed": False, "error_code": "admin_unreachable", "msg": "no answer"}


class Killed(Exception):
    pass


class Files:
    """``services``: the domain of each; ``bad``: whether its tasks fail."""

    def __init__(self, services, bad=False):
        self.services, self.bad = services, bad


class World:
    """The Swarm and its proxies, which the steps of a story read and change."""

    def __init__(self, services):
        self.services = dict(services)
        self.others = {"blog_web": "blog.example.com"}
        self.owed, self.taken = set(), set()
        self.proxies = {name: {STACK: self.routes(services), OTHER: ["blog.example.com"]} for name in PROXIES}
        self.down = set()

    @staticmethod
    def routes(services):
        return sorted(filter(None, services.values()))

    def state(self):
        return (self.services, self.owed, self.taken, self.proxies)


class Steps:
    """The steps of one run that is killed before, or ``after``, the effect with the number ``at``."""

    def __init__(self, world, files, at=-1, after=False, takes=()):
        self.world, self.files, self.at, self.after, self.takes = world, files, at, after, takes
        self.effects = 0
        self.backed = False

    def _effect(self, act):
        number, self.effects = self.effects, self.effects + 1
        if number == self.at and not self.after:
            raise Killed
        act()
        if number == self.at:
            raise Killed

    def looked(self, state="present"):
        wanted = self.files.services if state == "present" else {}
        plan = self._plan(wanted)
        return {
            "changed": bool(plan),
            "plan": plan,
            "routes": [{"domain": domain} for domain in World.routes(wanted)],
            "owed": sorted(self.world.owed),
        }

    def _plan(self, wanted):
        now = self.world.services
        change = [name for name in wanted if now.get(name) != wanted[name]]
        plan = [{"kind": "service", "name": name, "action": "update", "phase": "change"} for name in change]
        gone = [name for name in now if name not in wanted]
        return plan + [{"kind": "service", "name": name, "action": "remove", "phase": "prune"} for name in gone]

    def preflight(self):
        return {"findings": []}

    def deploy(self, prune, state="present"):
        if self.files.bad:
            # It is rolled back as a whole.
            self._effect(lambda: None)
            return {"failed": True, "changed": True, "msg": "it exits", "error_code": "tasks_fail"}
        wanted = self.files.services
        kept = {} if prune else self.world.services
        self._effect(lambda: setattr(self.world, "services", {**kept, **wanted}))
        return {**self.looked(), "changed": True}

    def plan_prune(self):
        return {**self.looked(), "plan_id": "p"}

    def prune(self, plan_id):
        self._effect(lambda: setattr(self.world, "services", dict(self.files.services)))
        return {"changed": True, "plan": [], "plan_lines": []}

    def values(self, routes, check):
        return {"handed_routes": routes, "live_services": {}}

    def proxy(self, host, arguments, check):
        has = self.world.proxies[host]
        if host in self.world.down:
            return dict(DOWN)
        if "stacks" in arguments:
            new = {one["name"]: one["routes"] for one in arguments["stacks"]}
        elif arguments["state"] == "absent":
            new = {name: routes for name, routes in has.items() if name != STACK}
        else:
            new = {**has, STACK: [route["domain"] for route in arguments["routes"]]}
        changes = ["change"] if new != has else []
        fresh = not has
        if changes and not check:
            self._effect(lambda: self.world.proxies.__setitem__(host, new))
        return {"changed": bool(changes), "changes": changes, "fresh": fresh, "node": host}

    def has_socket(self, host, path):
        return True

    def strangers(self, hosts):
        return []

    def book(self, **options):
        world = self.world
        if options.get("missed"):
            self._effect(lambda: world.owed.update(options["missed"]))
        if options.get("settled"):
            self._effect(lambda: world.owed.difference_update(debt["proxy"] for debt in options["settled"]))
        if options.get("takes"):
            self._effect(lambda: world.taken.update(options["takes"]))
        routes = World.routes(world.services)
        shown = options.get("secrets")
        stacks = [
            {"name": STACK, "routes": routes if shown else [{"domain": domain} for domain in routes]},
            {"name": OTHER, "routes": ["blog.example.com"]},
        ]
        if not world.services:
            stacks.pop(0)
        owed = [{"proxy": proxy} for proxy in sorted(world.owed)]
        return {"stacks": stacks, "owed": owed, "digest": str(stacks), "changed": False}

    def names(self, hosts):
        return []


class OfOther(Steps):
    """The steps of another stack, whose own routes are correct on all proxies."""

    def proxy(self, host, arguments, check):
        if "stacks" in arguments:
            return super().proxy(host, arguments, check)
        return {"changed": False, "changes": [], "fresh": False}


def run(world, files, state="present", **how):
    """Returns the result, or None if the run was killed; and the number of its effects."""
    options = {"proxies": PROXIES, "on_unlisted_proxy": "ignore"}
    options.update({key: how.pop(key) for key in ("switch", "on_lost_proxy") if key in how})
    takes = list(how.get("takes", ()))
    steps = Steps(world, files if state == "present" else Files({}), **how)
    story = Story(steps, Asked(state, asked_of(options, {}, []), True, True, takes, False), {"name": STACK, "id": "i"})
    try:
        return story.run(steps.looked(state)), steps.effects
    except Killed:
        return None, steps.effects


OLD = {"shop_web": "old.example.com", "shop_extra": "extra.example.com"}
NEW = {"shop_web": "new.example.com", "shop_api": "api.example.com"}
#: No service goes.
MORE = {"shop_web": "new.example.com", "shop_extra": "extra.example.com"}


def prepared(kind):
    """A world before the killed run, the files of that run, and its options."""
    world = World(OLD)
    if kind == "first":
        world = World({})
        for routes in world.proxies.values():
            del routes[STACK]
    if kind == "new proxy":
        world.proxies["p2"] = {}
    if kind == "owed":
        world.proxies["p2"][OTHER] = ["gone.example.com"]
        world.owed.add("p2")
    if kind.startswith("lost"):
        world.down.add("p2")
    how = {
        "after_gate": {},
        "takes": {"takes": ("new.example.com",)},
    }.get(kind, {})
    if kind.startswith("lost"):
        how = {"on_lost_proxy": "warn"}
    if kind in ("before", "before, bad"):
        how = {"switch": "before"}
    if kind == "absent":
        how = {"state": "absent"}
    return world, Files(MORE if kind == "lost, no removal" else NEW, bad=kind.endswith("bad")), how


KINDS = (
    "after_gate",
    "first",
    "takes",
    "before",
    "before, bad",
    "bad",
    "absent",
    "new proxy",
    "owed",
    "lost",
    "lost, no removal",
)


def whole(kind):
    """Returns the world after a complete run, and the number of its effects."""
    world, files, how = prepared(kind)
    _done, effects = run(world, files, **how)
    return world, effects


def killed(kind):
    """Yields the worlds after runs that are killed at each of their effects."""
    for number, after in itertools.product(range(whole(kind)[1]), (False, True)):
        world, files, how = prepared(kind)
        done, _effects = run(world, files, at=number, after=after, **how)
        assert done is None
        yield world, files, how


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_completes_it(kind):
    expected, effects = whole(kind)
    assert effects >= 1
    seen = 0
    for world, files, how in killed(kind):
        done, _effects = run(world, files, **how)
        # Each proxy that misses something is known to do so.
        assert done is not None and world.state() == expected.state()
        again, effects = run(world, files, **how)
        if not files.bad:
            assert not done.get("failed") and not again["changed"] and effects == len(how.get("takes", ()))
        seen += 1
    assert seen >= 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "first"])
def test_a_run_with_the_old_files_undoes_it(kind):
    for world, _files, how in killed(kind):
        if kind == "absent":
            how = {}
        run(world, Files(OLD), **{**how, "takes": ()})
        for name, routes in world.proxies.items():
            if name not in world.down:
                assert routes == {STACK: World.routes(OLD), OTHER: ["blog.example.com"]}, kind
        assert world.services == OLD


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("lost")])
def test_a_proxy_that_is_back_is_completed_by_the_run_of_any_stack(kind):
    """A run of another stack only knows the records, so after any kill the next run must record the missed routes."""
    for world, files, how in killed(kind):
        run(world, files, **how)
        world.down.clear()
        assert world.owed == {"p2"}
        options = asked_of({"proxies": PROXIES, "on_unlisted_proxy": "ignore"}, {}, [])
        looked = {"changed": False, "plan": [], "routes": [], "owed": sorted(world.owed)}
        asked = Asked("present", options, False, True, [], False)
        Story(OfOther(world, files), asked, {"name": OTHER, "id": "o"}).run(looked)
        assert (
            world.proxies["p2"] == {STACK: World.routes(files.services), OTHER: ["blog.example.com"]} and not world.owed
        )

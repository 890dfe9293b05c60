"""Many stacks in one task: in order, side by side, with one table; a failure stops those after it, and no other."""

import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "{command}"]
    stop_grace_period: 1s
    environment: {{EDITION: "${{EDITION:-one}}"}}
    deploy:
      restart_policy: {{condition: none}}
"""
NAMES = ("base", "front", "alone")
ROLLOUT = {"stable_for": 0.3, "timeout": 60}


class Site:
    """Three stacks whose names begin with that of the test: ``base``, ``front`` after it, and ``alone``."""

    def __init__(self, bed, swarm, folder):
        self.node, self.prefix, self.folder = bed.node("m1"), swarm.name, folder
        self.image = bed.images["busybox"]
        self.player = Player(folder, {"m1": self.node.docker_host})
        for name in NAMES:
            self.write(name)

    def name(self, stack):
        return f"{self.prefix}-{stack}"

    def write(self, stack, command="sleep 1d", **options):
        folder = f"stacks/{self.name(stack)}"
        self.player.write(f"{folder}/compose.yml", COMPOSE.format(image=self.image, command=command))
        given = {"after": [self.name("base")]} if stack == "front" else {}
        self.player.write(f"{folder}/stack.yml", yaml.safe_dump({**given, **options}))

    def run(self, stacks=("stacks",), check=False, code=0, **options):
        options = {"stacks": list(stacks), "rollout": ROLLOUT, "show": True, **options}
        remote = {"ansible_remote_tmp": str(self.folder / "remote")}
        played = self.player.play({"compose_stack": options}, check=check, variables=remote)
        assert (played.code == 0) == (code == 0), played.output
        return played

    def ids(self):
        """The versions of the Swarm's services of this test, by their names."""
        lines = self.node.cli(["docker", "service", "ls", "-q", "--filter", f"name={self.prefix}"]).stdout.split()
        form = "{{.Spec.Name}} {{.Version.Index}}"
        found = self.node.cli(["docker", "service", "inspect", "--format", form, *lines]).stdout if lines else ""
        return dict(line.split() for line in found.splitlines())

    def records(self):
        return {path: path.stat().st_ino for path in self.folder.glob("remote/stackwright-*/seen-*.json")}


@pytest.fixture
def site(bed, swarm, tmp_path):
    return Site(bed, swarm, tmp_path)


def told(played):
    """What became of each stack, by the last part of its name."""
    return {one["stack"].rpartition("-")[2]: one["result"] for one in played.last["stacks"]}


def shown(played):
    """The lines that the task showed, without the host and the names of the test."""
    return [line[5:] for line in played.output.splitlines() if line.startswith("[m1] ")]


def test_stacks_are_deployed_in_order_and_the_next_run_prints_their_rows(site):
    first = site.run()
    assert told(first) == {"base": "changed", "front": "changed", "alone": "changed"}
    lines = shown(first)
    begun, ended = (
        {name: next(i for i, line in enumerate(lines) if re.match(rf"\S+-{name}: {what}", line)) for name in NAMES}
        for what in ("plan: create service", "service: ")
    )
    assert begun["base"] < ended["base"] < begun["front"], first.output
    assert max(begun["base"], begun["alone"]) < min(ended["base"], ended["alone"]), "they are deployed side by side"
    before = site.ids()
    assert len(before) == 3
    again = site.run()
    assert told(again) == dict.fromkeys(NAMES, "unchanged") and not again.last["changed"]
    assert [line.split()[:2] for line in shown(again)] == [
        ["stack", "result"],
        *([site.name(name), "unchanged"] for name in ("alone", "base", "front")),
    ], again.output
    records = site.records()
    assert len(records) == 3
    # What is remembered is not looked at again.
    third = site.run()
    assert third.last == again.last and site.records() == records and site.ids() == before


def test_a_failure_stops_the_stacks_after_it_and_no_other(site):
    site.write("base", "exit 3")
    played = site.run(code=2, rollout={"stable_for": 3, "timeout": 60})
    assert told(played) == {"base": "failed", "front": "skipped", "alone": "changed"}
    result = played.last
    assert result["error_code"] == "stacks_failed" and result["changed"]
    assert result["msg"].splitlines()[0] == "2 of 3 stacks were not deployed:"
    assert re.search(rf"^  {site.name('base')} \(\w+\): .*did not become healthy", result["msg"], re.M)
    assert re.search(rf"^  {site.name('front')}: .*after {site.name('base')}", result["msg"], re.M)
    assert set(site.ids()) == {site.name("alone") + "_web"}
    # Mended, the next run deploys what is left.
    site.write("base")
    assert told(site.run()) == {"base": "changed", "front": "changed", "alone": "unchanged"}


def test_a_file_that_can_not_be_compiled_is_a_failure_of_its_stack(site):
    site.player.write(f"stacks/{site.name('base')}/compose.yml", "services: {web: {imge: x}}")
    played = site.run(code=2)
    assert told(played) == {"base": "failed", "front": "skipped", "alone": "changed"}
    assert "(invalid_compose)" in played.last["msg"] and "imge" in played.last["msg"]


def test_check_mode_shows_the_plan_of_all(site):
    played = site.run(check=True, preflight=True)
    assert played.last["changed"] and not site.ids()
    assert [row.split()[1:3] for row in shown(played)[-3:]] == [["would", "change"]] * 3, played.output
    for name in NAMES:
        assert any(line.startswith(f"{site.name(name)}: plan: create service") for line in shown(played)), played.output
    site.run()
    same = site.run(check=True)
    assert told(same) == dict.fromkeys(NAMES, "unchanged") and not same.last["changed"]
    # A plan of one stack is that of its own run; its row says how much it is.
    site.write("base", variables={"EDITION": "two"})
    planned = site.run(check=True)
    assert told(planned) == {"base": "changed", "front": "unchanged", "alone": "unchanged"}
    assert any(re.match(rf"{site.name('base')}: plan: update service .*EDITION", line) for line in shown(planned))
    assert re.search(r"base\s+would change\s+\S+\s+1 operation$", shown(planned)[-2]), planned.output


@pytest.mark.parametrize(
    ("stacks", "code"),
    [
        ([{"name": "a", "after": ["b"]}, {"name": "b", "after": ["a"]}], "stack_cycle"),
        ([{"name": "a", "after": ["c"]}, {"name": "b"}], "unknown_stack"),
        ([{"name": "a"}, {"name": "a"}], "duplicate_stack"),
        ([{"name": "a"}, 7], "invalid_stack_list"),
        ([{"name": "a"}, {"src": "compose.yml"}], "invalid_stack_list"),
        ([{"name": "a", "sauce": "compose.yml"}], "invalid_options"),
        ([{"name": "a", "docker_host": "unix:///x"}], "invalid_stack_list"),
        (["nowhere"], "invalid_stack_list"),
    ],
)
def test_a_list_that_can_not_be_right_is_refused_before_anything_changes(site, stacks, code):
    own = [
        {
            "src": f"stacks/{site.name('alone')}/compose.yml",
            **one,
            "name": f"{site.prefix}-{one['name']}",
            "after": [f"{site.prefix}-{name}" for name in one.get("after", [])],
        }
        if isinstance(one, dict) and "name" in one
        else one
        for one in stacks
    ]
    played = site.run(own, code=2)
    assert played.last["error_code"] == code, played.output
    assert not site.ids()


def test_async_is_refused_with_the_reason(site):
    played = site.player.play({"compose_stack": {"stacks": ["stacks"]}, "async": 60, "poll": 1})
    assert played.code != 0 and played.last["error_code"] == "async_unsupported", played.output
    assert "at_once" in played.last["msg"] and not site.ids()

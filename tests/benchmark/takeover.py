"""Stacks that docker's CLI deployed, taken over, and the other way round: takeover.py [COUNT=50 | FILE ...]

Real files (../shared/corpus-expected), the real CLI, a real engine. The node is drained, so no task starts and no image
is pulled; what counts is which services are written at all (Version.Index) and whether their TaskTemplate stays.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("", "differential", "integration")]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from core import Core
from listed import SECRETS, is_listed, reasons_for, refused
from testbed import Bed
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

SHARED = ROOT.parent / "shared"
CORPUS = SHARED.resolve() / "corpus"
STACK, NAMESPACE = "takeover", "com.docker.stack.namespace"
KINDS = ("services", "networks", "configs", "secrets")


def cases(count: int) -> list[tuple[str, dict[str, Any]]]:
    """Cases spread over the sources, those that need no foreign objects first; none whose files had to be made up."""
    folder = SHARED / "corpus-expected"
    found = {str(path.relative_to(folder))[: -len(".json")]: path for path in sorted(folder.glob("*/**/*.json"))}
    loaded = {name: json.loads(path.read_text())["case"] for name, path in found.items()}
    usable = [(name, case) for name, case in loaded.items() if not any(fix.startswith("file ") for fix in case["fix"])]
    seen: Counter[tuple[str, bool]] = Counter()
    ranked = []
    for name, case in usable:
        group = (case["source"], bool(case["seed"]))
        seen[group] += 1
        ranked.append((group[1], seen[group], name, case))
    half = [(name, case) for seeded, _rank, name, case in sorted(ranked, key=lambda r: r[:3]) if not seeded]
    rest = [(name, case) for seeded, _rank, name, case in sorted(ranked, key=lambda r: r[:3]) if seeded]
    first = half[: max(count - len(rest), count * 4 // 5)]
    return [*first, *rest[: count - len(first)]]


class Swarm:
    """The engine as docker's CLI and its bare API see it."""

    def __init__(self, bed: Bed) -> None:
        self.node = bed.node("m1")

    def cli(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "DOCKER_HOST": self.node.docker_host, **(env or {})}
        return subprocess.run(
            ["docker", *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def deploy(self, case: dict[str, Any]) -> str:
        path = CORPUS / case["source"] / case["path"]
        done = self.cli(
            *("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", str(path), STACK), env=case["env"]
        )
        return done.stderr.strip() if done.returncode else ""

    def own(self, kind: str) -> list[dict[str, Any]]:
        objects = self.node.api("GET", f"/{kind}")
        return [o for o in objects if ((o.get("Spec") or o).get("Labels") or {}).get(NAMESPACE) == STACK]

    def services(self) -> dict[str, dict[str, Any]]:
        return {service["Spec"]["Name"]: service for service in self.own("services")}

    def tasks(self) -> set[str]:
        ids = {service["ID"] for service in self.own("services")}
        return {task["ID"] for task in self.node.api("GET", "/tasks") if task["ServiceID"] in ids}

    def settled(self) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Services and tasks, once the allocator and the orchestrator have nothing more to write."""
        looks: list[Any] = []

        def still() -> bool:
            services, tasks = self.services(), self.tasks()
            looks.append(({name: s["Version"]["Index"] for name, s in services.items()}, tasks))
            self.last = services, tasks
            return len(looks) >= 3 and looks[-1] == looks[-2] == looks[-3]

        wait_for("the Swarm to settle", still, 30, 0.25)
        return self.last

    def seed(self, case: dict[str, Any]) -> list[str]:
        made = []
        for network in case["seed"].get("networks") or []:
            if network["Name"] in ("host", "bridge", "none"):
                continue
            body = {"Name": network["Name"], "Driver": "overlay", "Attachable": True}
            made.append("/networks/" + self.node.api("POST", "/networks/create", body)["Id"])
        for kind in ("secrets", "configs"):
            for entry in case["seed"].get(kind) or []:
                body = {"Name": (entry.get("Spec") or entry)["Name"], "Data": "eA==", "Labels": {}}
                made.append(f"/{kind}/" + self.node.api("POST", f"/{kind}/create", body)["ID"])
        return made

    def unseed(self, made: list[str]) -> None:
        for path in made:
            wait_for(f"{path} to go", lambda path=path: self._gone(path), 60)

    def _gone(self, path: str) -> bool:
        try:
            self.node.api("DELETE", path)
        except Exception:  # in use until the tasks are gone
            return False
        return True

    def left(self) -> list[str]:
        return [f"{kind} {(o.get('Spec') or o)['Name']}" for kind in KINDS for o in self.own(kind)]

    def ours_is_docker_s(self) -> list[str]:
        """What docker's own commands get wrong on the stack; the last of them removes it."""
        wrong = []
        count = len(self.own("services"))
        listed = [json.loads(line) for line in self.cli("stack", "ls", "--format", "{{json .}}").stdout.splitlines()]
        if [int(entry["Services"]) for entry in listed if entry["Name"] == STACK] != [count]:
            wrong.append(f"stack ls shows {listed}, not {count} services")
        shown = self.cli("stack", "services", STACK, "--format", "{{.Name}}").stdout.split()
        if sorted(shown) != sorted(self.services()):
            wrong.append(f"stack services shows {shown}")
        asked = self.cli("stack", "ps", STACK)
        if asked.returncode and "nothing found" not in asked.stderr.lower():
            wrong.append(f"stack ps: {asked.stderr}")
        self.remove()
        return wrong

    def remove(self) -> None:
        """``docker stack rm`` until nothing is left: the first leaves networks whose tasks have not gone yet."""

        def gone() -> bool:
            self.cli("stack", "rm", STACK)
            return not self.left()

        wait_for("the stack to go", gone, 60, 0.3)


def templates(services: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: service["Spec"]["TaskTemplate"] for name, service in services.items()}


def desired_of(case: dict[str, Any]) -> dict[str, Any]:
    source = Source(str(CORPUS / case["source"] / case["path"]))
    variables = {"HOME": "/root", **case["env"]}
    return compile_stack(CompileRequest([source], name=STACK, variables=variables), LocalFiles())


def take_over(
    swarm: Swarm, core: Core, name: str, case: dict[str, Any], desired: dict[str, Any]
) -> tuple[set[str], list[str]]:
    """docker's CLI deploys, ours takes over; the reasons for changes, and what is wrong."""
    refusal = swarm.deploy(case)
    if refusal:
        return set(), [f"the CLI failed: {refusal[:300]}"]
    before, tasks = swarm.settled()
    plan = core._run(_deploy, desired, {"check": True, "wait": False, "resolve_image": "changed"})["plan"]
    reasons, wrong = reasons_for(name, plan)
    core._run(_deploy, desired, {"adopt_secrets": True, "wait": False, "resolve_image": "changed"})
    written = [path for _method, path in core.writes if path.startswith("/services/")]
    after, tasks_after = swarm.settled()
    untouched = {n for n in before if after[n]["Version"] == before[n]["Version"]}
    if reasons <= {SECRETS}:
        if written or untouched != set(before):
            wrong.append(f"written without need: {sorted(set(before) - untouched)}")
        if tasks_after != tasks:
            wrong.append("tasks were replaced")
    again = core._run(_deploy, desired, {"wait": False, "resolve_image": "changed"})
    if again["changed"]:
        wrong.append(f"a second run changes {again['plan_lines']}")
    return reasons, wrong + swarm.ours_is_docker_s()


def hand_back(swarm: Swarm, core: Core, case: dict[str, Any], desired: dict[str, Any]) -> tuple[bool, list[str]]:
    """Ours deploys, docker's CLI deploys the same file again: whether no task would restart, and what is wrong."""
    core._run(_deploy, desired, {"wait": False})
    before, tasks = swarm.settled()
    refusal = swarm.deploy(case)
    wrong = [f"the CLI on ours: {refusal[:300]}"] if refusal else []
    after, tasks_after = swarm.settled()
    if set(before) != set(after):
        wrong.append(f"other services: {sorted(set(before) ^ set(after))}")
    same = templates(before) == templates(after) and tasks_after == tasks
    return same, wrong + swarm.ours_is_docker_s()


def _deploy(client: Any, clock: Any, desired: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack

    return deploy_stack(client, clock, desired, options)


def main(count: int, names: list[str]) -> int:
    kept: list[str] = []
    differing: dict[str, list[str]] = {}
    same_back: list[str] = []
    other_back: list[str] = []
    failures: dict[str, list[str]] = {}
    start = time.monotonic()
    with Bed.up(
        os.environ.get("STACKWRIGHT_TEST_BED", "takeover-bench")
    ) as bed, tempfile.TemporaryDirectory() as folder:
        swarm = Swarm(bed)
        if swarm.cli("node", "update", "--availability", "drain", "m1").returncode:
            raise SystemExit("the node can't be drained")
        chosen = [(name, case) for name, case in cases(count) if not names or name in names]
        for name, case in chosen:
            core = Core(swarm.node.docker_host, STACK, Path(folder))
            made = swarm.seed(case)
            try:
                desired = desired_of(case)
                reasons, wrong = take_over(swarm, core, name, case, desired)
                same, more = hand_back(swarm, core, case, desired)
                wrong += more
                (same_back if same else other_back).append(name)
                if not same and not is_listed(name):
                    wrong.append("tasks restart when docker's CLI deploys again, for no listed reason")
            except ComposeError as error:
                reason = refused(name, {problem.code for problem in error.problems})
                reasons, wrong = {reason}, [] if reason else [str(error)]
            except Exception as error:  # one file's failure is a line of the table
                reasons, wrong = set(), [f"{type(error).__name__}: {error}"]
                swarm.remove()
            core.client.close()
            swarm.unseed(made)
            if wrong:
                failures[name] = wrong
            elif not reasons:
                kept.append(name)
            for reason in reasons:
                differing.setdefault(reason, []).append(name)
    sources = {case["source"] for _name, case in chosen}
    print(f"files: {len(chosen)} of {len(sources)} sources, {time.monotonic() - start:.0f} s")
    print(f"taken over without a change: {len(kept)}")
    for reason, names in sorted(differing.items()):
        print(f"differing, listed: {reason}: {len(names)}: {', '.join(names)}")
    print(
        f"deployed by ours, then by docker's CLI: no task restarts in {len(same_back)}, in {len(other_back)} some do:"
    )
    print("   ", ", ".join(other_back))
    print(f"failures: {len(failures)}")
    for name, wrong in failures.items():
        print(f"    {name}: {'; '.join(wrong)}")
    return bool(failures)


if __name__ == "__main__":
    if not SHARED.is_dir():
        raise SystemExit("the corpus (../shared) is not on this machine")
    given = sys.argv[1:] or ["50"]
    sys.exit(main(int(given[0]), []) if given[0].isdigit() else main(1000, given))

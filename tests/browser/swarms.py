"""Results of swarm_info, stack_info and stack_drift for made-up Swarms of any size; a seed gives the same ones."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

TIME = "2026-11-29T19:00:00Z"
NOW = datetime(2026, 11, 29, 19, tzinfo=timezone.utc)
STACKS = [
    "shop",
    "blog",
    "metrics",
    "mail",
    "wiki",
    "forum",
    "auth",
    "search",
    "queue",
    "images",
    "billing",
    "crm",
    "chat",
    "docs",
    "git",
    "registry",
    "logs",
    "maps",
]
SERVICES = ["web", "db", "cache", "worker", "cron", "api", "proxy", "mailer"]
DIGEST = "@sha256:2e0e3921702761e0491f81c75a944f0a079cb5cfc9f167c2a37089be55d3afff"


def before(**time: float) -> str:
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def task(slot: int, node: str, state: str, ended: bool, minutes: float, error: str = "") -> dict:
    return {
        "id": f"t{slot}",
        "slot": slot,
        "node": node,
        "state": state,
        "desired_state": "shutdown" if ended else "running",
        "error": error,
        "exit_code": 3 if error else None,
        "container_id": "8d0f7b0e1c6a",
        "image": "app",
        "created": before(minutes=minutes + 1),
        "since": before(minutes=minutes),
    }


def service(stack: str, name: str, tasks: list, desired: int, fails: bool, number: int) -> dict:
    rollout = {"parallelism": 1, "delay": 0.0, "order": "start-first", "failure_action": "pause", "monitor": 5.0}
    return {
        "name": name,
        "status": "failed" if fails else "healthy",
        "mode": "replicated",
        "desired": desired,
        "running": 0 if fails else desired,
        "message": "its tasks fail repeatedly (4 times in one slot)" if fails else "",
        "id": "q4dyk0q5jdd6bxh2fyqx0e3m1",
        "image": f"registry.example.com/{stack}/{name}:1.{number}{DIGEST}",
        "image_asked": "",
        **({"log": [f"try {number}: no such database" for number in range(1, 6)]} if fails else {}),
        "labels": {"com.docker.stack.namespace": stack},
        "ports": [] if number else [{"published": 8000, "target": 80, "protocol": "tcp", "mode": "ingress"}],
        "networks": [f"{stack}_default"],
        "volumes": [],
        "update_state": "" if number % 3 else "completed",
        "created": before(days=20),
        "updated": before(days=number),
        "tasks": tasks,
        "constraints": ["node.role == worker"],
        "preferences": [],
        "environment": {"LOG_LEVEL": "info", "DB_PASSWORD": "********", "PORT": "8080"},
        "command": ["serve", "--port", "8080"],
        "mounts": [{"type": "volume", "source": f"{stack}_data", "target": "/data", "read_only": False}],
        "secrets": [f"{stack}_key"],
        "configs": [f"{stack}_page"],
        "resources": {"limits": {"cpus": 1.0, "memory": 1 << 29}, "reservations": {"cpus": 0.25, "memory": 1 << 27}},
        "restart_policy": {"condition": "any", "delay": 5.0, "max_attempts": None, "window": None},
        "update_config": rollout,
        "rollback_config": {**rollout, "order": "stop-first"},
        "health_check": {
            "test": ["CMD", "true"],
            "interval": 10.0,
            "timeout": None,
            "retries": 3,
            "start_period": None,
        },
    }


def revision(chance: random.Random, stack: str, number: int, days: float, failed: bool) -> dict:
    return {
        "number": number,
        "id": "r",
        "status": "FAILED" if failed else "HEALTHY",
        "operation": "deploy",
        "reason": f"{stack}_web: its tasks fail repeatedly: exit code 3 (node m1)\n    | no database" if failed else "",
        "message": chance.choice(["weekly release", "faster start", ""]),
        "who": chance.choice(["ann@ci", "ben@ci"]),
        "back_to": None,
        "restored": "done" if failed else "",
        "queued": None,
        "started": before(days=days, seconds=chance.randint(10, 180)),
        "finished": before(days=days),
        "services": [],
        "files": [],
        "commit": {"id": "b1946ac92492d2347c6235b4d2611184", "branch": "main"} if number % 2 else {},
        "metadata": {},
        "own": [],
        "damaged": "",
        "changes": [f"update service {stack}_web: image {stack}:1.{number - 1} → {stack}:1.{number}"],
        "changes_from": number - 1 or None,
    }


def cluster(stacks: int = 4, services: int = 4, nodes: int = 3, host: str = "manager1", well: bool = False) -> dict:
    """What a manager says of its cluster; unless it is ``well``, there are failures, drift and a node that is down."""
    chance = random.Random(stacks * 1000 + services)
    names = [f"m{number}" if number <= 3 else f"w{number - 3}" for number in range(1, nodes + 1)]
    running: dict = {name: {} for name in names}
    found, drift = [], {}
    for index in range(stacks):
        stack = STACKS[index] if index < len(STACKS) else f"stack{index}"
        own = []
        for number in range(services):
            name = f"{stack}_{SERVICES[number % 8]}{number // 8 or ''}"
            fails, desired, tasks = not well and index == 1 and not number, chance.choice([1, 2, 2, 3]), []
            for slot in range(1, desired + 1):
                node = chance.choice(names)
                if fails:
                    error = "task: non-zero exit (3)"
                    tasks += [task(slot, node, "failed", True, minutes, error) for minutes in (5, 6, 7, 8)]
                    continue
                tasks.append(task(slot, node, "running", False, 300))
                running[node][(name, stack)] = running[node].get((name, stack), 0) + 1
            own.append(service(stack, name, tasks, desired, fails, number))
        count = chance.randint(6, 12)
        past = [
            revision(chance, stack, number, (count - number) * 6.1 + 0.2, chance.random() < 0.15 and not well)
            for number in range(count, 0, -1)
        ]
        failed = sum(one["status"] == "FAILED" for one in past)
        found.append(
            {
                "name": stack,
                "owner": {"id": "", "project": "acme", "environment": "production", "name": stack},
                "status": "failed" if own and any(one["status"] == "failed" for one in own) else "healthy",
                "services": own,
                "routes": [{"domain": f"{stack}.example.com"}],
                "networks": [{"name": f"{stack}_default"}],
                "configs": [f"{stack}_page"],
                "secrets": [f"{stack}_key"],
                "volumes": [f"{stack}_data"],
                "images": [],
                "locked_by": "",
                "revisions": past,
                "deployments": {
                    "deployments": count,
                    "failed": failed,
                    "cancelled": 0,
                    "failure_rate": round(failed / count, 3),
                    "restored": failed,
                    "not_restored": 0,
                    "rollback_success": 1.0 if failed else None,
                    "recoveries": failed,
                    "time_to_recover": 34.5 if failed else None,
                },
            }
        )
        drift[stack] = {"stack": stack, "revision": count, "drift_lines": [], "drift": [], "ours": []}
    if not well:
        scaled = {
            "kind": "scaled",
            "object": "service",
            "name": "shop_web",
            "key": "web",
            "reason": "its number of replicas differs",
            "hint": "Heal to restore it, or add the change to the files and deploy them.",
            "changes": [{"path": "Mode.Replicated.Replicas", "intended": 2, "actual": 5}],
            "healing": "update",
        }
        drift["shop"].update(drift=[scaled], drift_lines=["scaled service shop_web: replicas 2 → 5"])
    return {
        "host": host,
        "stacks": found,
        "drift": drift,
        "usage": {"m1": {"load": 1.2, "memory_used": 5 << 30}},
        "swarm": swarm(found, names, running, well, chance),
    }


def swarm(stacks: list, names: list, running: dict, well: bool, chance: random.Random) -> dict:
    def thing(name: str, stack: dict, *users: str) -> dict:
        return {
            "id": "x",
            "name": name,
            "stack": stack["name"],
            "labels": {},
            "created": before(days=9),
            "used_by": list(users),
        }

    def node(name: str) -> dict:
        down = name == "w1" and not well
        return {
            "id": name,
            "name": name,
            "role": "manager" if name.startswith("m") else "worker",
            "availability": "drain" if name == "w2" else "active",
            "state": "down" if down else "ready",
            "message": "heartbeat failure" if down else "",
            "address": "10.0.1.11",
            "leader": name == "m1",
            "reachability": "reachable" if name.startswith("m") else "",
            "engine": "28.5.2",
            "os": "linux",
            "architecture": "x86_64",
            "labels": {"disk": "ssd"},
            "engine_labels": {},
            "cpus": 4.0,
            "memory": 8331694080,
            "cpus_reserved": round(chance.uniform(0.5, 3.5), 2),
            "memory_reserved": chance.randint(1, 6) << 30,
            "tasks": sum(running[name].values()),
            "created": before(days=90),
            "updated": before(hours=2),
        }

    return {
        "cluster": {
            "id": "4eoyr6qczm8id0w9tvzg3ytr7",
            "created": before(days=90),
            "updated": before(days=3),
            "managers": 3,
            "nodes": len(names),
            "autolock": False,
            "task_history": 5,
            "address_pools": ["10.0.0.0/8"],
            "vxlan_port": 4789,
            "raft": {
                "managers": 3,
                "reachable": 3,
                "needed": 2,
                "quorum": True,
                "may_fail": 1,
                "leader": "m1",
                "unreachable": [],
            },
            "certificates": {
                "root": {"issued": before(days=90), "expires": "2046-11-15T10:00:00Z", "days_left": 7290},
                "this_node": None,
                "node_days": 90.0,
                "rotating": False,
                "other_root": [],
            },
        },
        "nodes": [node(name) for name in names],
        "services": [{**one, "stack": stack["name"]} for stack in stacks for one in stack["services"]],
        "tasks_by_node": [
            {
                "node": name,
                "id": name,
                "tasks": sum(own.values()),
                "services": [{"service": one, "stack": stack, "tasks": count} for (one, stack), count in own.items()],
            }
            for name, own in running.items()
        ],
        "networks": [
            {
                **thing(f"{stack['name']}_default", stack, *[one["name"] for one in stack["services"]]),
                "driver": "overlay",
                "attachable": True,
                "internal": False,
                "ingress": False,
                "encrypted": False,
                "subnets": ["10.0.1.0/24"],
            }
            for stack in stacks
        ],
        "secrets": [thing(f"{stack['name']}_key", stack, stack["services"][0]["name"]) for stack in stacks]
        + [thing("old_key", {"name": ""})],
        "configs": [thing(f"{stack['name']}_page", stack) for stack in stacks],
        "warnings": [] if well else ["The root certificate of the Swarm expires in 20 days."],
    }

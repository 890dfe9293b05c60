"""A fake Swarm whose services have tasks: jobs end at once with the test's exit code, and all others run."""

import copy
import itertools
import struct

from fake_swarm import FakeSwarm, _name, copied

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError

JOBS = ("ReplicatedJob", "GlobalJob")


class TaskSwarm(FakeSwarm):
    """``exits`` maps jobs (names in the Swarm) to exit codes, or to None for one that goes on; ``story`` has what
    happened to services: ("runs", "shop_a"), ("made", ...), ("replaced", ...), ("removed", ...)."""

    def __init__(self, nodes=1):
        super().__init__()
        self.exits, self.story, self.tasks, self.places = {}, [], {}, {}
        self.nodes = [node(number) for number in range(1, nodes + 1)]
        self.turns = itertools.count()

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        if path == "/info":
            info = super().get(path)
            return {**info, "Swarm": {**info["Swarm"], "Nodes": len(self.nodes)}}
        if path.endswith("/logs"):
            line = f"log of {path.split('/')[2]}\n".encode()
            return struct.pack(">BxxxI", 1, len(line)) + line
        found = super().get(path, query)
        if path == "/tasks":
            return copied([task for tasks in self.tasks.values() for task in tasks])
        return copied(self.nodes) if path == "/nodes" else found

    def _one(self, kind, identity):
        named = [obj for obj in self.objects[kind].values() if _name(obj) == identity]
        return named[0] if named else super()._one(kind, identity)

    def delete(self, path, query=None, headers=None, timeout=None):
        kind, _slash, identity = path.lstrip("/").partition("/")
        try:
            obj = self._one(kind, identity)
        except EngineError:
            return super().delete(path)
        super().delete(f"/{kind}/{obj.get('ID') or obj['Id']}")
        if kind == "services":
            self.tasks.pop(obj["ID"], None)
            self.story.append(("removed", _name(obj)))
        return True

    def _post(self, path, query, body):
        made = super()._post(path, query, body)
        kind, _slash, rest = path.lstrip("/").partition("/")
        if kind == "services":
            service = self.objects[kind][made["ID"] if rest == "create" else rest.partition("/")[0]]
            self._schedule(service)
        return made

    def _schedule(self, service):
        spec, key = service["Spec"], service["ID"]
        name, before = _name(service), self.tasks.get(key) or []
        if any(mode in spec["Mode"] for mode in JOBS):
            service["JobStatus"] = {"JobIteration": {"Index": service["Version"]["Index"]}}
            service["JobStatus"]["JobIteration"]["Index"] = next(self.numbers)
            self.story.append(("runs", name))
            self.completed.discard(name)
            self.tasks[key] = before + [self._task(service, slot) for slot in range(self._count(spec))]
            self.finish(name) if self.exits.get(name, 0) is not None else None
            return
        same = before and before[0]["Spec"] == spec["TaskTemplate"]
        if not same:
            self.story.append(("replaced" if before else "made", name))
        count = self._count(spec)
        kept = before[:count] if same else []
        self.tasks[key] = kept + [self._task(service, slot) for slot in range(len(kept) + 1, count + 1)]

    def _count(self, spec):
        mode = spec["Mode"]
        if "Replicated" in mode:
            return mode["Replicated"].get("Replicas", 1)
        return mode["ReplicatedJob"].get("TotalCompletions", 1) if "ReplicatedJob" in mode else len(self.nodes)

    def _task(self, service, slot):
        name, job = _name(service), service.get("JobStatus")
        each = "Global" in service["Spec"]["Mode"] or "GlobalJob" in service["Spec"]["Mode"]
        place = self.nodes[slot % len(self.nodes)]["ID"] if each else self.places.get(name, self.nodes[0]["ID"])
        task = {
            "ID": f"task-{next(self.turns)}-{name}",
            "ServiceID": service["ID"],
            "Slot": slot,
            "NodeID": place,
            "Spec": copy.deepcopy(service["Spec"]["TaskTemplate"]),
            "DesiredState": "complete" if job else "running",
            "Status": {"State": "running", "ContainerStatus": {"ContainerID": "c"}},
            "CreatedAt": self._time(),
        }
        return {**task, "JobIteration": dict(job["JobIteration"])} if job else task

    def finish(self, name):
        """Ends the running tasks of a job with its exit code."""
        code = self.exits.get(name, 0)
        service = next(s for s in self.objects["services"].values() if _name(s) == name)
        for task in self.tasks[service["ID"]]:
            if task["Status"]["State"] == "running":
                status = {"State": "failed" if code else "complete", "ContainerStatus": {"ContainerID": "c"}}
                status["ContainerStatus"]["ExitCode"] = code
                if code:
                    status["Err"] = f"task: non-zero exit ({code})"
                task.update(Status=status, DesiredState="shutdown" if code else "complete")
        if not code:
            self.completed.add(name)


def node(number):
    return {
        "ID": f"node{number}",
        "Description": {"Hostname": f"n{number}", "Platform": {"OS": "linux", "Architecture": "x86_64"}},
        "Spec": {"Availability": "active", "Role": "manager", "Labels": {}},
        "Status": {"State": "ready"},
    }

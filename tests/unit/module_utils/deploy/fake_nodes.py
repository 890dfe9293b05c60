"""A model of a Swarm with several nodes, which can be lost, and with tasks."""

import copy

from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import eligible

NO_NODE = "no suitable node (scheduling constraints not satisfied on 2 nodes)"
STARTED = 1_764_337_000  # 2025-11-28T13:36:40Z


def moment(seconds):
    return f"2025-11-28T13:{36 + int(seconds) // 60:02d}:{int(seconds) % 60:02d}.5Z"


class NodedSwarm(FakeSwarm):
    """``lose(name)`` makes a node unreachable; ``clock`` (a Clock) is also that of the Swarm. ``fails`` maps parts of
    image names to the error of their tasks."""

    def __init__(self, clock, names=("m1", "w1", "w2")):
        super().__init__()
        self.clock, self.tasks, self.fails = clock, [], {}
        self.nodes = {
            name: {
                "ID": f"id-{name}",
                "Spec": {"Availability": "active", "Role": "manager" if name[0] == "m" else "worker", "Labels": {}},
                "Status": {"State": "ready"},
                "UpdatedAt": moment(0),
                "Description": {"Hostname": name, "Platform": {"OS": "linux", "Architecture": "x86_64"}},
            }
            for name in names
        }

    def lose(self, name, state="down"):
        status = {"State": state, "Message": "heartbeat failure"}
        self.nodes[name].update(Status=status, UpdatedAt=moment(self.clock.time))
        self._orchestrate()

    def find(self, name):
        self.nodes[name].update(Status={"State": "ready"}, UpdatedAt=moment(self.clock.time))
        self._orchestrate()

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        self._orchestrate()
        if path == "/info":
            info = super().get(path)
            info["Swarm"]["Nodes"] = len(self.nodes)
            return {**info, "SystemTime": moment(self.clock.time)}
        if path in ("/tasks", "/nodes"):
            self._note("GET", path)
            wanted = ((query or {}).get("filters") or {}).get("service")
            tasks = [task for task in self.tasks if not wanted or task["ServiceID"] in wanted]
            return copy.deepcopy(tasks if path == "/tasks" else list(self.nodes.values()))
        if path.endswith("/logs"):
            self._note("GET", path)
            return b""
        return super().get(path, query, headers, stream, timeout)

    def _shown(self, kind, obj, query):
        shown = super()._shown(kind, obj, query)
        if kind == "services" and query.get("status"):
            own = [task for task in self.tasks if task["ServiceID"] == obj["ID"]]
            wanted = sum(task["DesiredState"] == "running" for task in own)
            # The Engine counts the tasks in the last report of a node, even if the node is lost.
            running = sum(task["Status"]["State"] == "running" for task in own)
            shown["ServiceStatus"] = {"RunningTasks": running, "DesiredTasks": wanted}
        return shown

    def _orchestrate(self):
        lost = {node["ID"] for node in self.nodes.values() if node["Status"]["State"] == "down"}
        services = self.objects["services"]
        for task in self.tasks:
            service = services.get(task["ServiceID"])
            current = service is not None and task["Spec"] == service["Spec"]["TaskTemplate"]
            extra = current and task["Slot"] > self._replicas(service)
            if task["DesiredState"] == "running" and (not current or extra or task.get("NodeID") in lost):
                task["DesiredState"] = "shutdown"
            if task["DesiredState"] == "shutdown" and task.get("NodeID") not in lost:
                task["Status"] = {"State": "shutdown", "Timestamp": moment(self.clock.time)}
        for service in services.values():
            for slot in range(1, self._replicas(service) + 1):
                here = [t for t in self.tasks if (t["ServiceID"], t["Slot"]) == (service["ID"], slot)]
                live = [task for task in here if task["DesiredState"] == "running"]
                if not live:
                    live = [self._task(service, slot)]
                    self.tasks += live
                self._schedule(live[0])

    def _replicas(self, service):
        return service["Spec"]["Mode"]["Replicated"]["Replicas"]

    def _task(self, service, slot):
        return {
            "ID": f"task-{next(self.numbers)}",
            "ServiceID": service["ID"],
            "Slot": slot,
            "DesiredState": "running",
            "Status": {"State": "pending", "Err": NO_NODE, "Timestamp": moment(self.clock.time)},
            "Spec": copy.deepcopy(service["Spec"]["TaskTemplate"]),
            "CreatedAt": moment(self.clock.time),
        }

    def _schedule(self, task):
        if task["Status"]["State"] != "pending":
            return
        fit = eligible(self.nodes.values(), task["Spec"])
        if not fit:
            return
        error = self.fails.get(task["Spec"]["ContainerSpec"]["Image"])
        state = {"State": "failed", "Err": error} if error else {"State": "running"}
        task["Status"] = {**state, "Timestamp": moment(self.clock.time)}
        task["NodeID"] = fit[0]["ID"]
        if error:
            task["DesiredState"] = "shutdown"

"""A model of a Swarm with the client's interface: the Engine's rules for deployments, without tasks."""

import itertools
import json
import pickle

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError

KINDS = ("services", "networks", "configs", "secrets")


def copied(found):
    """Copies as ``copy.deepcopy``, in a quarter of the time."""
    return pickle.loads(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))


class FakeSwarm:
    """Ports of services are taken as swarmkit does: it gives them out, and takes them back, a moment after the call.

    ``before(method, path)`` and ``after`` are called around each call; they may raise, or change objects."""

    where = "fake"
    api_version = (1, 41)

    def __init__(self):
        self.calls = 0
        self.writes = []
        self.numbers = itertools.count(1)
        self.objects = {kind: {} for kind in KINDS}
        self.volumes, self.containers = [], []  # of the node that answers
        self.completed = set()  # the jobs that have run to their end
        self.coming = None  # the name of what is about to be created or updated
        self.lagging = {}  # service → its ports once ``calls`` has come so far
        self.before = lambda method, path: None
        self.after = lambda method, path: None

    # -- the client's interface

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        self._note("GET", path)
        kind, _slash, identity = path.lstrip("/").partition("/")
        if path == "/info":
            swarm = {"LocalNodeState": "active", "ControlAvailable": True, "Cluster": {"ID": "cluster"}, "Nodes": 1}
            return {"Name": "node1", "Swarm": swarm}
        if kind == "containers":
            return copied(self.containers)
        if kind in ("tasks", "nodes", "images"):
            return []
        if kind == "volumes":
            return {"Volumes": copied(self.volumes)}
        if identity:
            return copied(self._one(kind, identity))
        filters = (query or {}).get("filters") or {}
        found = [
            self._shown(kind, obj, query or {}) for obj in self.objects[kind].values() if _fits(kind, obj, filters)
        ]
        return copied(found)

    def list(self, path, query=None, timeout=None):
        return self.get(path, query)

    def create(self, path, body, headers=None):
        return self.post(path, body=body)["ID"]

    def post(self, path, query=None, body=None, headers=None, timeout=None):
        self.coming = (body or {}).get("Name")
        self._note("POST", path)
        made = self._post(path, query, body)
        self.after("POST", path)
        return made

    def _post(self, path, query, body):
        kind, _slash, rest = path.lstrip("/").partition("/")
        body = json.loads(json.dumps(body))
        if rest == "create":
            return self._create(kind, body)
        obj = self._one(kind, rest.partition("/")[0])
        if obj["Version"]["Index"] != (query or {}).get("version"):
            raise EngineError("update out of sequence", "out_of_sequence", status=500)
        if kind == "services":
            back = (query or {}).get("rollback") == "previous"
            new = obj["PreviousSpec"] if back else self._service(body, obj["ID"])
            obj["PreviousSpec"], obj["Spec"] = obj["Spec"], new
            obj["UpdatedAt"] = self._time()
        else:
            if body.get("Data", obj["Spec"].get("Data")) != obj["Spec"].get("Data"):
                raise EngineError("only updates to Labels are allowed", "invalid_spec", status=400)
            obj["Spec"]["Labels"] = body["Labels"]
            obj["UpdatedAt"] = self._time()
        obj["Version"]["Index"] = next(self.numbers)
        return {}

    def delete(self, path, query=None, headers=None, timeout=None):
        self._note("DELETE", path)
        kind, _slash, identity = path.lstrip("/").partition("/")
        try:
            obj = self._one(kind, identity)
        except EngineError:
            return False
        needle = json.dumps(obj.get("Id") or obj["ID"])
        if kind != "services" and any(needle in json.dumps(s["Spec"]) for s in self.objects["services"].values()):
            raise EngineError(f"{kind} {identity} is in use by a service", "invalid_spec", status=400)
        del self.objects[kind][identity]
        self.after("DELETE", path)
        return True

    # -- for tests

    def add(self, kind, **body):
        """Adds an object of another client."""
        return self.objects[kind][self._create(kind, body)["ID"]]

    def names(self, kind):
        return sorted(_name(obj) for obj in self.objects[kind].values())

    # -- inside

    def _note(self, method, path):
        self.calls += 1
        for identity, (at, ports) in list(self.lagging.items()):
            if at <= self.calls:
                del self.lagging[identity]
                if identity in self.objects["services"]:
                    self.objects["services"][identity]["Endpoint"] = {"Ports": ports}
        self.before(method, path)
        if method != "GET":
            self.writes.append((method, path))

    def _one(self, kind, identity):
        try:
            return self.objects[kind][identity]
        except KeyError:
            raise EngineError(f"{kind} {identity} not found", "not_found", status=404) from None

    def _create(self, kind, body):
        if any(_name(obj) == body["Name"] for obj in self.objects[kind].values()):
            raise EngineError("name conflicts with an existing object", "conflict", status=409)
        identity = f"{kind}-{next(self.numbers)}"
        version = {"Index": next(self.numbers)}
        times = {"CreatedAt": self._time(), "UpdatedAt": self._time()}
        if kind == "networks":
            ipam = body.get("IPAM") or {"Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}]}
            self.objects[kind][identity] = {
                "Scope": "swarm",
                **body,
                "Id": identity,
                "IPAM": ipam,
                "Created": times["CreatedAt"],
            }
        else:
            spec = self._service(body, identity) if kind == "services" else body
            self.objects[kind][identity] = {"ID": identity, "Version": version, "Spec": spec, **times}
        return {"ID": identity, "Id": identity}

    def _time(self):
        return f"2026-01-01T00:00:00.{next(self.numbers):09d}Z"

    def _ports(self, spec, identity):
        """Checks the ports of a service as checkPortConflicts does; Swarm chooses the lowest free port."""
        wanted = (spec.get("EndpointSpec") or {}).get("Ports") or []
        taken = {}
        for other in self.objects["services"].values():
            if other["ID"] != identity:
                for ports in (other["Spec"].get("EndpointSpec") or {}, other.get("Endpoint") or {}):
                    for port in ports.get("Ports") or []:
                        taken.setdefault(_port(port), []).append((port.get("PublishMode") or "ingress", _name(other)))
        chosen = []
        for port in wanted:
            mode = port.get("PublishMode") or "ingress"
            for its_mode, name in taken.get(_port(port), []) if port.get("PublishedPort") else []:
                if "ingress" in (mode, its_mode):
                    words = (
                        f"port '{port['PublishedPort']}' is already in use by service '{name}' (x) as an ingress port"
                    )
                    raise EngineError(words, "invalid_spec", status=400)
            protocol = port.get("Protocol") or "tcp"
            key = (port.get("TargetPort"), protocol, mode)  # Swarm chooses the number that the service has
            had = [p for p in self._endpoint(identity) if _key(p) == key and _port(p) not in taken]
            free = (number for number in itertools.count(30000) if (number, protocol) not in taken)
            number = had[0]["PublishedPort"] if had else next(free)
            chosen.append({**port, "PublishedPort": port.get("PublishedPort") or number})
        if chosen or identity in self.objects["services"]:
            self.lagging[identity] = (self.calls + 3, chosen)

    def _endpoint(self, identity):
        return (self.objects["services"].get(identity, {}).get("Endpoint") or {}).get("Ports") or []

    def _service(self, spec, identity):
        self._ports(spec, identity)
        template = spec["TaskTemplate"]
        ids = {_name(network): key for key, network in self.objects["networks"].items()}
        for attachment in template.get("Networks") or []:
            target = attachment["Target"]
            if target not in self.objects["networks"] and target not in ids:
                raise EngineError(f"network {target} not found", "not_found", status=404)
            attachment["Target"] = ids.get(target, target)
        for kind, name in (("configs", "Config"), ("secrets", "Secret")):
            for reference in template["ContainerSpec"].get(f"{name}s") or []:
                if _name(self._one(kind, reference[f"{name}ID"])) != reference[f"{name}Name"]:
                    raise EngineError("wrong reference", "invalid_spec", status=400)
        template["Runtime"] = "container"
        template["ContainerSpec"].setdefault("Isolation", "default")
        if "Replicated" in spec["Mode"]:
            spec["Mode"]["Replicated"].setdefault("Replicas", 1)
        spec.setdefault("EndpointSpec", {}).setdefault("Mode", "vip")
        return spec

    def _shown(self, kind, obj, query):
        if kind == "secrets":
            return {**obj, "Spec": {k: v for k, v in obj["Spec"].items() if k != "Data"}}
        if kind == "services" and query.get("status"):
            replicas = (obj["Spec"]["Mode"].get("Replicated") or {}).get("Replicas", 1)
            done = {"CompletedTasks": 1} if _name(obj) in self.completed else {}
            return {**obj, "ServiceStatus": {"RunningTasks": replicas, "DesiredTasks": replicas, **done}}
        return obj


def _key(port):
    return port.get("TargetPort"), port.get("Protocol") or "tcp", port.get("PublishMode") or "ingress"


def _port(port):
    return port.get("PublishedPort"), port.get("Protocol") or "tcp"


def _name(obj):
    return obj["Spec"]["Name"] if "Spec" in obj else obj["Name"]


def _fits(kind, obj, filters):
    labels = (obj if kind == "networks" else obj["Spec"]).get("Labels") or {}
    for wanted in filters.get("label", []):
        key, equals, value = wanted.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return not filters.get("name") or any(_name(obj).startswith(prefix) for prefix in filters["name"])

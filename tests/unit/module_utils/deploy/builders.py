"""Small desired states."""

import base64

from hypothesis import strategies as st

NAMESPACE = "com.docker.stack.namespace"
LABELS = {NAMESPACE: "shop"}
#: One value of each field of a network that Swarm can't change.
NETWORK_CHANGES = [
    {"Attachable": True},
    {"Internal": True},
    {"Driver": "other"},
    {"Options": {"encrypted": ""}},
    {"IPAM": {"Config": [{"Subnet": "10.77.0.0/24"}]}},
]


def service(key, image="app:1", replicas=1, **container):
    spec = {
        "Name": f"shop_{key}",
        "Labels": {**LABELS, "com.docker.stack.image": image},
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Labels": LABELS, **container},
            "Networks": [{"Target": "shop_default", "Aliases": [key]}],
            "ForceUpdate": 0,
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {},
    }
    return {"key": key, "name": spec["Name"], "image": image, "spec": spec, "depends_on": {}, "where": "compose.yml:1"}


def reference(kind, key):
    """A service's reference to the config or secret ``key``; ``kind`` is ``Config`` or ``Secret``."""
    return {f"{kind}Name": f"shop_{key}", "File": {"Name": key, "UID": "0", "GID": "0", "Mode": 292}}


def content(key, text, **spec):
    data = base64.b64encode(text.encode()).decode()
    spec = {"Name": f"shop_{key}", "Labels": LABELS, **spec}
    return {"key": key, "name": f"shop_{key}", "external": False, "spec": spec, "data": data}


def desired(services, configs=(), secrets=()):
    network = {"Name": "shop_default", "Driver": "overlay", "Labels": LABELS}
    return {
        "format": 1,
        "stack": {"name": "shop", "id": "i", "hash": "h", "project": "", "environment": "", "prefix": "stackwright"},
        "networks": [{"key": "default", "name": "shop_default", "external": False, "spec": network}],
        "configs": sorted(configs, key=lambda entry: entry["name"]),
        "secrets": sorted(secrets, key=lambda entry: entry["name"]),
        "services": sorted(services, key=lambda entry: entry["name"]),
        "waves": [],
        "routes": [],
        "notices": [],
    }


words = st.sampled_from(["one", "two", "three"])


@st.composite
def any_state(draw):
    """A desired state of up to three services with configs, secrets and variables."""
    keys = draw(st.sets(st.sampled_from(["api", "db", "web"])))
    configs = draw(st.dictionaries(st.sampled_from(["conf", "page"]), words))
    secrets = draw(st.dictionaries(st.sampled_from(["key", "password"]), words))
    services = []
    for key in sorted(keys):
        container = {}
        if draw(st.booleans()):
            container["Env"] = [f"A={draw(words)}", f"B={draw(words)}"]
        used = draw(st.sets(st.sampled_from(sorted(configs)))) if configs else set()
        container["Configs"] = [reference("Config", name) for name in sorted(used)]
        used = draw(st.sets(st.sampled_from(sorted(secrets)))) if secrets else set()
        container["Secrets"] = [reference("Secret", name) for name in sorted(used)]
        services.append(service(key, f"app:{draw(words)}", draw(st.integers(0, 3)), **container))
    return desired(
        services,
        [content(key, text) for key, text in configs.items()],
        [content(key, text) for key, text in secrets.items()],
    )

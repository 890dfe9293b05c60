"""Results of modules beside those of their examples: failures, check mode, and two managers of one cluster."""

from __future__ import annotations

NO_ENGINE = {"docker_host": "unix:///nonexistent/docker.sock"}
NO_PROXY = "unix:///nonexistent/caddy.sock"
WRONG = "services: {web: {imge: nginx}}"
#: On both managers.
BOTH = {"limit": "swarm_managers", "diff": True}


def task(module, **options):
    return {"name": f"{module} {sorted(options)}", f"stackwright.swarm.{module}": options}


def echo(module="compose_stack", **options):
    return task(module, name="echo", **options)


def tried(given):
    return {**given, "ignore_errors": True}


def running(command, **more):
    """A definition of echo, for which nothing waits: not for old tasks, and not before a new one follows."""
    service = {"image": "{{ registry }}/busybox:1", "command": ["sh", "-c", command], "stop_signal": "SIGKILL"}
    service["stop_grace_period"] = "1s"
    update = {"parallelism": 0, "monitor": "10ms", "order": "start-first"}
    deploy = {"update_config": update, "restart_policy": {"delay": "0s"}}
    web = {**service, "deploy": deploy, "volumes": ["data:/data"], **more}
    return {"services": {"web": web}, "volumes": {"data": {}}}


def failures(module):
    """Tasks of the module that fail."""
    bad = {"name": "-", "data": "x"}
    here = "{{ caddy_admin }}"
    found = {
        "caddy_route": [
            route("one", here),
            route("two", here),
            route("three", here, domain="b.example.com", health={"uri": "/%zz"}),
            route("one", here, NO_PROXY, port=81),
        ],
        "caddy_route_info": [task(module, admin=[NO_PROXY])],
        "caddy_route_values": [task(module, routes=[], **NO_ENGINE)],
        "caddy_server": [task(module, admin=[NO_PROXY])],
        "file_fetch": [task(module, src="/nowhere", dest="nowhere")],
        "stack_export": [task(module, name=["nobody"], dest="exported")],
        "stack_info": [echo(module, **NO_ENGINE)],
        "stack_logs": [echo(module, tail=0)],
        "stack_preflight": [echo(module, definition=WRONG)],
        "stack_routes": [task(module, **NO_ENGINE)],
        "stack_values": [echo(module, state="regenerated", names=["NOT_THERE"])],
        "swarm_bundle": [task(module, state="verified", path="nowhere")],
        "swarm_cluster": [task(module, **NO_ENGINE)],
        "swarm_config": [task(module, **bad)],
        "swarm_info": [task(module, **NO_ENGINE)],
        "swarm_network": [task(module, name="ingress")],
        "swarm_node": [task(module, name="nobody")],
        "swarm_raft": [task(module, state="saved", path="backups")],
        "swarm_secret": [task(module, **bad)],
    }
    return [tried(one) for one in found.get(module, [])]


def route(stack, *admin, **more):
    """Routes of stacks that claim the same, one that the proxy refuses, and a replica that is not there."""
    routes = [{"domain": "a.example.com", "upstream": "web", "port": 80, **more}]
    return task("caddy_route", admin=list(admin), stack=stack, routes=routes)


def by_hand(reader, service, command):
    """What somebody changes with docker's own command, up to its end."""
    reader.bed.node("m1").cli(["docker", "service", "update", "--quiet", "--args", f"sh -c '{command}'", service])


def of_compose_stack(reader):
    reader.play([echo(definition=running("sleep 1d", build="."))], **BOTH)
    reader.play([echo(definition=running("sleep 2d"))], check=True, diff=True)
    crash = running("false")
    reader.play(
        [
            tried(echo(definition=WRONG)),
            tried(echo(definition=crash, rollout={"timeout": 8})),
            tried(echo(definition=crash, rollout={"timeout": 8, "on_failure": "keep"})),
            echo(state="absent"),
        ]
    )


def of_stack_rollback(reader):
    # The volume makes a revision that was good fail when one goes back to it.
    file = f"/data/{reader.token}"
    reader.play(
        [
            echo(definition=running(f"test ! -e {file} && exec sleep 1d")),
            echo(definition=running(f"touch {file}; exec sleep 1d")),
            tried(echo("stack_rollback", rollout={"timeout": 8, "max_restarts": 0})),
            tried(echo("stack_rollback", to=99999)),
            echo(definition=running("exec sleep 2d")),
        ]
    )
    reader.play([echo("stack_rollback")], **BOTH)


def of_stack_drift(reader):
    # What was good runs no more, once somebody has changed the volume.
    file = f"/data/{reader.token}"
    reader.play([echo(definition=running(f"test ! -e {file} && exec sleep 3d"))])
    by_hand(reader, "echo_web", f"touch {file}; exec sleep 4d")
    reader.play([tried(echo("stack_drift", heal=True, rollout={"timeout": 8, "max_restarts": 0}))])
    by_hand(reader, "echo_web", f"rm {file}; exec sleep 5d")
    reader.play([tried(echo("stack_drift", fail_on_drift=True))])
    reader.play([echo("stack_drift", heal=True)], **BOTH)


def of_stack_health(reader):
    reader.play([tried(echo(definition=running("false"), rollout={"timeout": 8, "on_failure": "keep"}))])
    reader.play([tried(echo("stack_health", wait=True, wait_timeout=2))], **BOTH)


def of_stack_service(reader):
    # One replica has the port, so there is no node for a second one.
    port = {"target": 80, "published": 18080, "mode": "host"}
    more = {"service": "web", "replicas": 2, "rollout": {"timeout": 8}}
    reader.play([echo(definition=running("sleep 1d", ports=[port])), tried(echo("stack_service", **more))])
    reader.play([echo("stack_service", service="web", replicas=0)], **BOTH)
    job = {"image": "{{ registry }}/busybox:1", "command": "echo done", "restart": "no"}
    job["deploy"] = {"mode": "replicated-job"}
    reader.play([echo(definition={"services": {"job": job}}), echo("stack_service", service="job", state="run")])


def of_stack_values(reader):
    reader.play([echo("stack_values", state="present", values={"web/KEY": "a value"}, store="swarm")])
    reader.play([echo("stack_values", state="present", values={"web/KEY": "another"}, store="swarm")], **BOTH)


def of_stack_cleanup(reader):
    foreign = task("stack_cleanup", name="shop", volume_names=["echo_data"])
    reader.play([echo(definition=running("sleep 1d")), echo(state="absent"), tried(foreign)])
    reader.play([echo("stack_cleanup", volumes=True)], **BOTH)


def of_stack_preflight(reader):
    nowhere = running("true", deploy={"placement": {"constraints": ["node.labels.none == x"]}})
    reader.play([tried(echo("stack_preflight", definition=nowhere))], **BOTH)


def of_swarm_node(reader):
    reader.play([task("swarm_node", name="m1", labels={"rank": 1})], **BOTH)


def of_swarm_cluster(reader):
    reader.play([task("swarm_cluster")], **BOTH)


def of_services_registry_compose(reader):
    of_registry = {"src": "/srv/shop/services.registry.yaml", "dest": "/srv/shop/generated"}
    broken = {**of_registry, "src": "/srv/shop/broken.registry.yaml"}
    # Its compose.yml is somebody's.
    edited = {**of_registry, "dest": "/srv/shop"}
    tasks = [tried(task("services_registry_compose", **given)) for given in (of_registry, broken, edited)]
    reader.play(tasks, diff=True)


PLAYS = {name.removeprefix("of_"): value for name, value in list(globals().items()) if name.startswith("of_")}

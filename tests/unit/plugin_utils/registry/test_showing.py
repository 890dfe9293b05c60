"""A registry as people and playbooks see it: steps, dependencies, versions that run, and what changed since."""

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.metadata import metadata_of as checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import read_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.load import load_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.deployed import compared
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.describe import (
    described,
    steps,
    with_needed,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.provenance import (
    changed_since,
    metadata_of,
)

TEXT = """\
databases:
  db: {image: postgres, version: 16.10, phase: data}
  cache: {image: valkey/valkey, version: "8", phase: fast}
apps:
  web:
    image: nginx
    version: ${TAG:-1.27}
    phase: apps
    depends_on: {db: {condition: service_healthy, restart: true}, cache: {condition: service_started}}
  worker: {image: app, version: "1", phase: apps, depends_on: {web: {condition: service_started, restart: true}}}
tools:
  cron: {image: cron, version: "1"}
phases:
  apps: {order: 2, description: Applications}
  data: {order: 1, timeout_seconds: 60, description: Data}
  fast: {order: 1, timeout_seconds: 90}
"""


def registry(text=TEXT):
    findings = Findings()
    found = load_registry([Source("/p/services.registry.yaml", text.encode())], findings)
    findings.finish()
    return found


def test_steps_are_in_order_and_services_without_a_phase_come_last():
    assert [(step["name"], step["order"], step["timeout"], step["services"]) for step in steps(registry())] == [
        ("data, fast", 1, 90, ["db", "cache"]),
        ("apps", 2, None, ["web", "worker"]),
        ("services without a phase", 0, None, ["cron"]),
    ]


def test_some_services_with_what_they_need():
    found = registry()
    only = with_needed(found, ["worker"])
    assert only == {"worker", "web", "db", "cache"}
    assert [step["services"] for step in steps(found, with_needed(found, ["web"]))] == [["db", "cache"], ["web"]]
    with pytest.raises(KeyError):
        with_needed(found, ["nope"])


def test_dependencies_in_both_directions_and_what_restarts():
    found = described(registry())
    by_name = {service["name"]: service for service in found["services"]}
    assert by_name["db"]["dependents"] == ["web"] and by_name["web"]["depends_on"] == ["db", "cache"]
    assert by_name["db"]["restarts"] == ["db", "web", "worker"] and by_name["cache"]["restarts"] == ["cache"]
    assert by_name["db"]["version"] == "16.10" and by_name["db"]["where"] == "/p/services.registry.yaml:2"
    assert found["tree"] == ["worker", "  web", "    db", "    cache", "cron"]


def test_a_circle_and_a_shared_branch_end():
    text = "a:\n" + "".join(f"  {n}: {{image: x, depends_on: [{d}]}}\n" for n, d in ("ab", "bc", "ca"))
    assert described(registry(text))["tree"] == ["a", "  b", "    c", "      a (see above)"]
    text = "a:\n  x: {image: i, depends_on: [z]}\n  y: {image: i, depends_on: [z]}\n  z: {image: i, depends_on: [w]}\n"
    text += "  w: {image: i}\n"
    assert described(registry(text))["tree"] == ["x", "  z", "    w", "y", "  z (see above)"]


def live(**images):
    services = [
        {"name": f"shop_{name}", "image": f"{image}@sha256:0", "image_asked": image, "status": "healthy"}
        for name, image in images.items()
    ]
    return [{"name": "shop", "services": services}]


def test_versions_that_run_against_those_of_the_registry():
    found = compared(registry(), live(db="postgres:16.9", web="nginx:1.27", cron="cron:1", old="x:1"), {})
    assert [(entry["name"], entry["state"], entry["running"]) for entry in found] == [
        ("db", "differs", "postgres:16.9"),
        ("cache", "missing", ""),
        ("web", "same", "nginx:1.27"),
        ("worker", "missing", ""),
        ("cron", "same", "cron:1"),
        ("old", "extra", "x:1"),
    ]
    unknown = registry("a: {b: {image: nginx, version: '${TAG}'}}")
    assert [e["state"] for e in compared(unknown, live(b="nginx:1.27"), {})] == ["unknown"]
    (web,) = [e for e in compared(registry(), live(web="nginx:1.28"), {"TAG": "1.28"}) if e["name"] == "web"]
    assert web["state"] == "same" and web["wanted"] == "nginx:1.28"


def test_an_image_without_a_tag_is_latest_and_a_digest_counts():
    found = registry("a: {b: {image: x}, c: {image: 'y', version: 'sha256:%s'}}" % ("0" * 64))
    assert [e["state"] for e in compared(found, live(b="x:latest", c="y@sha256:" + "0" * 64), {})] == ["same", "same"]
    assert [e["state"] for e in compared(found, live(b="x", c="y:1"), {})] == ["same", "differs"]


def test_what_changed_since_a_deployment():
    before = metadata_of(registry(), {"id": "c" * 40, "branch": "main"})
    assert before["registry"] == "services.registry.yaml"
    assert before["registry_commit"] == "c" * 40 + " (main)"
    assert checked(before) == dict(sorted(before.items()))
    same = {"added": [], "changed": [], "removed": []}
    assert changed_since(registry(), before) == same
    # Words for people deploy nothing, nor does the order of keys.
    words = TEXT.replace("image: cron, version", "security_note: old, image: cron, version")
    assert changed_since(registry(words), before) == same
    other = TEXT.replace("16.10", "16.11").replace("cron:", "clock:")
    assert changed_since(registry(other), before) == {"added": ["clock"], "changed": ["db"], "removed": ["cron"]}
    assert changed_since(registry(TEXT.replace("16.10", '"16.10"')), before) == same
    assert changed_since(registry(), {}) is None


def test_many_services_fit_or_are_left_out():
    def many(count):
        return registry("a:\n" + "".join(f"  service-number-{n}: {{image: x}}\n" for n in range(count)))

    found = metadata_of(many(200), {})
    assert checked(found) and changed_since(many(201), found)["added"] == ["service-number-200"]
    huge = metadata_of(many(500), {})
    assert checked(huge) and changed_since(many(500), huge) is None


def test_findings_of_the_checks_come_with_it():
    assert read_registry([Source("r", TEXT.encode())])[0].checksum == registry().checksum

"""Golden cases: tests/unit/cases/reconcile/CASE/{desired,observed,options}.json and plan.txt, read as prose.

STACKWRIGHT_WRITE_GOLDEN=1 writes plan.txt where it is missing; review it before it is committed.
"""

import copy
import json
import os
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile

CASES = Path(__file__).resolve().parents[2] / "cases" / "reconcile"


def read(case, name):
    path = case / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def planned(desired, observed, options):
    """The plan as text, or the error in its place."""
    try:
        bound = bind(desired, observed, options.get("adopt_secrets", False))
        plan = reconcile(bound, observed, options, options.get("images"))
    except StackwrightError as error:
        return f"error {error.error_code}: {error}\n"
    return "".join(f"{line}\n" for line in plan.lines())


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_plan(case):
    folder = CASES / case
    desired, observed, options = (read(folder, name) for name in ("desired", "observed", "options"))
    before = copy.deepcopy((desired, observed))
    text = planned(desired, observed, options)
    golden = folder / "plan.txt"
    if os.environ.get("STACKWRIGHT_WRITE_GOLDEN") and not golden.exists():
        golden.write_text(text)
    assert text == golden.read_text()
    assert (desired, observed) == before, "planning has changed its input"


def test_a_line_leaves_out_what_only_follows_from_another_image():
    old, new = "shop:1@sha256:" + "a" * 64, "shop:2@sha256:" + "b" * 64
    image = Change("TaskTemplate.ContainerSpec.Image", old, new)
    label = Change("Labels.com.docker.stack.image", "shop:1", "shop:2")
    platforms = Change("TaskTemplate.Placement.Platforms", [{"OS": "linux"}], None)
    line = str(Operation("update", "service", "shop_web", changes=(label, image, platforms), restarts=1))
    assert line == f"update service shop_web: image {old[:26]}… → {new[:26]}… (restarts 1 task)"
    alone = Operation("update", "service", "shop_web", changes=(platforms,), restarts=2)
    assert str(alone) == "update service shop_web: platforms [{OS: linux}] → absent (restarts 2 tasks)"


def test_numbers_have_the_units_of_a_compose_file():
    container, limits = "TaskTemplate.ContainerSpec.", "TaskTemplate.Resources.Limits."
    for path, before, after, line in (
        (f"{container}Healthcheck.Interval", 1_500_000_000, None, "healthcheck Interval 1.5s → absent"),
        (f"{container}StopGracePeriod", 10**9, 3 * 10**9, "stop_grace_period 1s → 3s"),
        (f"{container}Healthcheck", None, {"Interval": 10**9}, "healthcheck absent → {Interval: 1s}"),
        (f"{limits}MemoryBytes", 50 << 20, (50 << 20) + 1, "resources limits.memory 50M → 52428801b"),
        (f"{limits}NanoCPUs", 5 * 10**8, 10**9, "resources limits.cpus 0.5 → 1"),
        (f"{container}Configs./page.File.Mode", 292, 256, "configs /page.File.Mode 0444 → 0400"),
        ("EndpointSpec.Mode", "vip", "dnsrr", "endpoint_mode vip → dnsrr"),
    ):
        assert str(Change(path, before, after)) == line

"""Deployments, rollbacks and drift checks on a fake Swarm, with options that tests share."""

from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

OPTIONS = {"wait": False, "resolve_image": "never"}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def back(swarm, to=None, **options):
    return roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": to, **options})


def drift(swarm, **options):
    given = {**OPTIONS, "rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}
    return stack_drift(swarm, Clock(), "shop", {**given, **options})

"""The Engine of another host of a play: the options of the playbook, with the variables of that host."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of

MODULE = "stackwright.swarm.stack_preflight"
GROUP = "group/stackwright.swarm.swarm"
ENGINE = "tcp://{{ address }}:2376"


class Action:
    """Returns the action for the host with ``variables``. The task's options are already templated for another host."""

    def __init__(self, name, options, defaults, **variables):
        self._templar = Templar(loader=DataLoader(), variables=variables)
        self._task = Task()
        self._task.action = name
        self._task.args = {"docker_host": "tcp://own:2376"}
        self._task._ds = {"name": "a task", name: trusted(options)}
        self._task._parent = Block(play=Play())
        self._task._parent.module_defaults = [trusted(defaults)]
        # As ansible-core 2.16 does it before a task runs.
        self._task.module_defaults = [{GROUP: {"docker_host": "tcp://own:2376"}}] if defaults else []


def trusted(data):
    """Marks a text as read from a playbook: from ansible-core 2.19 on, only such texts are templates."""
    try:
        from ansible.template import trust_as_template
    except ImportError:
        return data
    if isinstance(data, dict):
        return {key: trusted(item) for key, item in data.items()}
    return trust_as_template(data) if isinstance(data, str) else data


@pytest.mark.parametrize("name", ["compose_stack", "stackwright.swarm.compose_stack"])
@pytest.mark.parametrize(
    ("options", "defaults", "expected"),
    [
        ({}, {}, {}),
        ({"docker_host": ENGINE}, {}, {"docker_host": "tcp://b:2376"}),
        ({"docker_url": ENGINE, "tls_verify": True}, {}, {"docker_host": "tcp://b:2376", "validate_certs": True}),
        ({"name": "shop"}, {GROUP: {"docker_host": ENGINE, "label_prefix": "x"}}, {"docker_host": "tcp://b:2376"}),
        ({}, {GROUP: {"docker_host": "tcp://x"}, MODULE: {"docker_host": ENGINE}}, {"docker_host": "tcp://b:2376"}),
        ({"docker_host": ENGINE}, {GROUP: {"docker_host": "tcp://x"}}, {"docker_host": "tcp://b:2376"}),
        ({"docker_host": "{{ nothing | default(omit) }}"}, {}, {}),
        ({}, {GROUP: {"docker_host": "{{ nothing | default(omit) }}"}}, {}),
        ("name=shop", {}, {}),
    ],
)
def test_the_engine_of_another_host(name, options, defaults, expected):
    action = Action(name, options, defaults, address="b", omit="__omit_place_holder__1")
    assert connection_of(action, MODULE) == expected

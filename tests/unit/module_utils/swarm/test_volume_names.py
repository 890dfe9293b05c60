"""Names of volumes that are templates of Swarm."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import (
    could_be,
    expanded,
    is_one_of,
    of_task,
    tells_its_own,
)

NODE, SERVICE, TASK = "n" * 25, "s" * 25, "t" * 25
REPLICA = {"ID": TASK, "NodeID": NODE, "ServiceID": SERVICE, "Slot": 2}


@pytest.mark.parametrize(
    ("template", "task", "name"),
    [
        ("db", REPLICA, "db"),
        ("db_{{.Task.Slot}}", REPLICA, "db_2"),
        ("db_{{ .Task.Slot }}_{{.Node.Hostname}}", REPLICA, "db_2_w1"),
        ("db_{{.Task.Slot}}", {**REPLICA, "Slot": 0}, f"db_{NODE}"),  # of a global service
        ("{{.Task.Name}}", REPLICA, f"shop_db.2.{TASK}"),
        ("{{.Service.Name}}-{{.Service.ID}}-{{.Node.ID}}-{{.Task.ID}}", REPLICA, f"shop_db-{SERVICE}-{NODE}-{TASK}"),
        ("{{.Service.Labels.x}}_{{.Task.Slot}}", REPLICA, "{{.Service.Labels.x}}_2"),
        ("{{if .Task.Slot}}a{{end}}", REPLICA, "{{if .Task.Slot}}a{{end}}"),
    ],
)
def test_what_a_task_makes_of_it(template, task, name):
    assert expanded(template, of_task(task, "shop_db", "w1")) == name


def test_what_is_not_known_stays():
    assert expanded("{{.Service.Name}}_{{.Task.Slot}}", of_task(REPLICA)) == "{{.Service.Name}}_2"


@pytest.mark.parametrize(
    ("template", "name", "could", "sure"),
    [
        ("db", "db", True, True),
        ("db", "db2", False, False),
        ("db_{{.Task.Slot}}", "db_2", True, True),
        ("db_{{.Task.Slot}}", f"db_{NODE}", True, True),
        ("db_{{.Task.Slot}}", "db_old", False, False),
        ("db_{{.Task.Slot}}", "my_db_2", False, False),
        ("db.{{.Task.Slot}}", "db_2", False, False),
        ("db_{{.Node.Hostname}}", "db_w1", True, True),
        ("db_{{.Node.Hostname}}", "db_w2", True, False),
        ("db_{{.Task.ID}}", f"db_{TASK}", True, True),
        ("{{.Service.Name}}_1", "shop_db_1", True, False),
        ('db_{{index .Service.Labels "x"}}', "db_a", True, False),
        ('db_{{index .Service.Labels "x"}}', "other", False, False),
        ("{{if .Task.Slot}}a{{else}}b{{end}}", "anything", True, False),
        ('db{{"}}"}}', "anything", True, False),
        ("db {{- .Task.Slot -}} a", "db2a", True, False),
        ("db{{/* a */}}", "db", True, False),
    ],
)
def test_whose_a_volume_is(template, name, could, sure):
    assert could_be(template, name) is could
    assert is_one_of(template, name, "w1") is sure
    assert not sure or tells_its_own(template)

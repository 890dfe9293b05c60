"""The documentation is run: every example of every module and filter, the playbooks of the README, and the keys of
results against RETURN. The texts of the examples are played as they stand."""

import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, running
from documented import FILTERS, MODULES, documentation, filter_examples, found, paths, readme_plays
from other_results import PLAYS, failures
from reader import RETURN, STACKS, Reader, forget, remove

#: Returned only where putting a stack back fails as well, which test_transaction.py brings about.
#: ``read``, and what caddy_route_values hands on, is seen by nobody: it comes under no_log only.
#: What proxies are owed, and on which nodes they run, is seen in test_proxies_come_and_go.py.
RARE = ("cause", "rollback_error", "holder", "read", "owed", "proxies", "handed_routes", "live_services", "told")
#: Of secrets, configs and networks that are in use: test_loose_objects.py.
RARE += ("used_by", "outdated", "differences")
#: After a run that was killed: test_after_a_run_that_died.py.
RARE += ("interrupted",)
#: What other tests see: test_parts.py, test_stack_service.py, and the unit tests of what a revision keeps.
ELSEWHERE = {
    "plan.dependents",
    "exit_code",
    "lines",
    "stacks.revisions.files.text",
    "stacks.revisions.commit.branch",
    "stacks.revisions.commit.id",
    # test_volumes.py
    *(f"stacks.revisions.snapshots.{key}" for key in ("volume", "snapshot", "dest", "node")),
    # test_pull_before.py
    "failures.image",
    # Of jobs on a schedule: test_cron.py.
    "stacks.services.runs",
    *(f"stacks.services.runs.{key}" for key in ("slot", "started", "state", "seconds", "exit_code", "error")),
}
#: Of one module: what its own tests bring about, and no example (test_one_task.py, test_node_prune.py,
#: test_swarm_node.py, and the unit tests of plugin_utils/registry).
OF_ITS_TESTS = {
    "compose_stack": ("routes_result", "would_change"),
    "stack_glance": ("proxy",),
    "stack_rollback": ("snapshots",),
    "node_prune": ("removed", "left", "error_code"),
    # Only of services with the label: test_autoscale.py.
    "stack_load": ("services", "error_code"),
    "stack_notification": ("error_code",),
    "services_registry_import": ("not_carried", "findings", "error_code"),
    "services_registry_info": ("definition", "rollback", "error_code"),
    "swarm_report": ("unanswered", "error_code"),
    "swarm_raft": (
        "path",
        "sha256",
        "bytes",
        "created",
        "encryption",
        "removed",
        "seconds",
        "missing",
        "removed_nodes",
    ),
    "swarm_bundle": ("restore", "snapshots"),  # test_bundle.py
    "swarm_rebalance": ("error_code", "done_by"),
    # test_volumes.py
    "volume_copy": ("error_code",),
    "volume_restore": ("error_code",),
    "volume_snapshot": ("error_code",),
}

#: Groups, which may run on several Swarms at once (pytest-xdist), by the first word of a module's name.
GROUPS = {"compose": "examples.compose", "stack": "examples.stack"}

#: So many revisions are there before the examples of a module.
RELEASES = {"stack_info": 2, "stack_rollback": 3}


@pytest.fixture(scope="module")
def reader(bed, tmp_path_factory):
    remove(bed)
    bed.node("m1").cli(["docker", "network", "create", "--driver", "overlay", "public"], check=False)
    with running(Caddy(VERSIONS[-1], tmp_path_factory.mktemp("caddy"))) as proxy:
        yield Reader(bed, tmp_path_factory.mktemp("examples"), proxy)
    remove(bed)
    for stack in STACKS:
        forget(bed, stack)
    bed.node("m1").cli(["docker", "network", "rm", "public"], check=False)


def group(module):
    return pytest.param(module, marks=pytest.mark.xdist_group(GROUPS.get(module.split("_")[0], "examples")))


IN_GROUPS = [group(module) for module in MODULES]


def deploy_shop():
    return copy.deepcopy(documentation("compose_stack", "EXAMPLES")[0])


def is_ours(task):
    """Whether a second run of it changes nothing; ``restart`` is documented as always changed."""
    again = "restart" in (task.get("stackwright.swarm.compose_stack") or {})
    ours = {"stackwright.swarm.compose_stack", "stackwright.swarm.caddy_route"} & set(task)
    return bool(ours) and not {"check_mode", "ignore_errors"} & set(task) and not again


@pytest.mark.parametrize("module", IN_GROUPS)
def test_the_examples_of_a_module(reader, module):
    tasks, run = play_examples(reader, module)
    assert run.code == 0, run.output
    assert len(run.lines) == len(tasks)
    for task, after, line in zip(tasks, tasks[1:], run.lines[1:]):
        if is_ours(task) and is_ours(after) and task["name"].split(":")[1:] == after["name"].split(":")[1:]:
            assert not line["result"]["changed"], line


def play_examples(reader, module):
    """Plays the examples of a module, after what they need, and what fails; once."""
    if module not in reader.played:
        tasks = tasks_of(reader, module)
        reader.played[module] = tasks, reader.play(tasks)
    return reader.played[module]


def tasks_of(reader, module):
    examples = documentation(module, "EXAMPLES")
    if module == "swarm_raft":
        examples = examples[:1]  # the others stop the bed's Engine: test_raft_backup.py
    tasks = [] if module == "compose_stack" else [deploy_shop()]
    if module == "stack_values":
        forget(reader.bed, "shop")
    if module in RELEASES:
        forget(reader.bed, "shop")
        tasks = [deploy_shop() for _revision in range(RELEASES[module])]
        for number, task in enumerate(tasks, 1):
            task["name"] += f" as release {number}"
            task["stackwright.swarm.compose_stack"]["variables"] = {"TAG": f"revision {number}"}
    if module in ("stack_drift", "stack_info"):
        hand = {"name": "shop", "service": "web", "replicas": 2}
        tasks.append({"name": "somebody scales it", "stackwright.swarm.stack_service": hand})
    for task in examples:
        tasks.append(task)
        if is_ours(task):
            tasks.append(copy.deepcopy(task))  # a second run changes nothing
    return tasks + failures(module)


def test_the_examples_of_the_lookup(reader):
    forget(reader.bed, "shop")
    kept = {"name": "shop", "store": "host_facts", "values": {"db/POSTGRES_PASSWORD": "{{ vault_db_password }}"}}
    examples = documentation("stack_value", "EXAMPLES", "lookup")
    run = reader.play([{"name": "a value", "stackwright.swarm.stack_values": kept}, *examples])
    assert run.code == 0, run.output
    assert len(run.lines) == 1 + len(examples)
    assert (reader.player.folder / "password").read_text() == reader.variables["vault_db_password"]


GENERATORS = [name for name in FILTERS if name.startswith("generate_")]


def test_the_examples_of_the_generators(reader):
    tasks = [task for name in GENERATORS for task in filter_examples(name)]
    runs = [reader.play(copy.deepcopy(tasks)) for _number in range(2)]
    made = []
    for run in runs:
        assert run.code == 0, run.output
        made.append([line["result"]["ansible_facts"] for line in run.lines])
        assert len(made[-1]) == len(tasks)
    for task, first, second in zip(tasks, *made):
        assert (first == second) == ("master_seed" in str(task)), task


@pytest.mark.parametrize("name", sorted({*FILTERS} - {*GENERATORS}))
def test_the_examples_of_a_filter(reader, name):
    examples = filter_examples(name)
    needed = [{**deploy_shop(), "register": "shop"}] if "shop." in str(examples) else []
    run = reader.play([*needed, *copy.deepcopy(examples)])
    assert run.code == 0, run.output
    assert len(run.lines) == len(needed) + len(examples)
    assert all(line["result"]["msg"] for line in run.lines[len(needed) :])


def test_the_playbooks_of_the_readme(reader):
    plays = readme_plays()
    assert plays
    for text in plays:
        run = reader.play_text(text)
        assert run.code == 0, run.output
        again = reader.play_text(text)
        assert again.code == 0, again.output
        assert not any(result["changed"] for result in again.of())


@pytest.mark.parametrize("module", IN_GROUPS)
def test_results_have_what_return_says(reader, module):
    """And nothing else: the reader looks at that in each run."""
    play_examples(reader, module)
    if module in PLAYS:
        PLAYS[module](reader)
    seen = found(reader.results[module], RETURN[module])
    rare = (*RARE, *OF_ITS_TESTS.get(module, ()))
    unseen = {path for path in paths(RETURN[module]) - paths(seen) - ELSEWHERE if path.partition(".")[0] not in rare}
    assert unseen == set(), "documented, but never returned"

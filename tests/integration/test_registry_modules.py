"""services_registry_import and services_registry_info through ansible-playbook: twelve steps each, in few plays."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
# The shop
services:
  web:
    image: {image}   # ours
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
  db:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
"""
REGISTRY = """\
apps:
  web: {{image: {image}, version: "{tag}", phase: web, depends_on: [db], command: [sleep, 1d], {grace}}}
  db: {{image: {image}, version: "{tag}", phase: data, command: [sleep, 1d], {grace}}}
phases: {{data: {{order: 1, timeout_seconds: 60}}, web: {{order: 2}}}}
"""
GRACE = "compose: {stop_grace_period: 1s}"


@pytest.fixture
def player(bed, tmp_path):
    return Player(tmp_path, {"m1": bed.node("m1").docker_host})


def answers(player, tasks, **how):
    """The results of tasks, each of which may fail."""
    run = player.play(*[{**task, "ignore_errors": True} for task in tasks], **how)
    assert len(run.of()) == len(tasks), run.output
    assert "Traceback" not in run.output
    return run.of(), run


def test_the_twelve_steps_of_an_import(player, bed):
    folder = player.folder
    player.write("compose.yml", COMPOSE.format(image=bed.images["busybox"]))
    player.write("built.yml", "services: {a: {build: .}, b: {image: x}}")
    player.write("broken.yml", "services: [")
    player.write("mine.yaml", "# written by hand\n")
    (folder / "folder").mkdir()

    def task(src="compose.yml", dest="services.registry.yaml", check=False, diff=False, **more):
        options = {"src": str(folder / src), "dest": str(folder / dest), **more}
        return {"services_registry_import": options, "check_mode": check, "diff": diff}

    steps = [
        task(check=True, diff=True),  # 0: would be made
        task(),  # 1: is made
        task(),  # 2: is there
        task(check=True),  # 3: nothing would change
        task(dest="mine.yaml"),  # 4: somebody's file is not replaced
        task(dest="mine.yaml", check=True, overwrite=True),  # 5: would be, if asked for
        task(dest="mine.yaml", overwrite=True, mode="0640"),  # 6: is
        task(src="built.yml", dest="built.yaml", strict=True),  # 7: all or nothing
        task(src="built.yml", dest="built.yaml"),  # 8: what can be carried
        task(src="missing.yml", dest="x.yaml"),  # 9
        task(src="broken.yml", dest="x.yaml"),  # 10
        task(dest="folder"),  # 11
        task(dest="no/such/folder/x.yaml"),  # 12
        {"services_registry_import": {"dest": str(folder / "x.yaml")}},  # 13
    ]
    found, run = answers(player, steps)
    assert [bool(result.get("changed")) for result in found] == [
        True, True, False, False, False, True, True, False, True, False, False, False, False, False,
    ]  # fmt: skip
    assert [result.get("error_code") for result in found] == [
        None, None, None, None, "registry_exists", None, None, "invalid_compose", None, "invalid_compose",
        "invalid_compose", "invalid_options", "file_not_written", "invalid_options",
    ]  # fmt: skip
    assert found[1]["services"] == ["web", "db"] and found[1]["files"] == [str(folder / "compose.yml")]
    assert "+    image: " in run.output
    text = (folder / "services.registry.yaml").read_text()
    assert "# ours" in text and "# The shop" in text
    assert (folder / "mine.yaml").read_text() == text and (folder / "mine.yaml").stat().st_mode & 0o777 == 0o640
    assert [(p["key"], p["line"]) for p in found[8]["not_carried"]] == [("services.a", 1)]
    assert "built from sources" in found[7]["msg"] and "broken.yml:2" in found[10]["msg"]
    assert not (folder / "x.yaml").exists() and found[9]["msg"].count("does not exist") == 1


def test_the_twelve_steps_of_a_look(player, bed, swarm):
    image, _colon, tag = bed.images["busybox"].rpartition(":")
    text = REGISTRY.format(image=image, tag=tag, grace=GRACE)
    player.write("services.registry.yaml", text)
    player.write("newer.yaml", text.replace("db: {", "db: {description: words, restart: always, "))
    player.write("other.yaml", text.replace("  db:", "  postgres:").replace("[db]", "[postgres]"))
    player.write("over.yaml", f"apps: {{web: {{version: '{tag}x'}}}}")
    player.write("broken.yaml", "apps: {web: {image: x, nonsense: 1}}")

    def look(src="services.registry.yaml", check=False, **more):
        return {"services_registry_info": {"src": str(player.folder / src), **more}, "check_mode": check}

    name = swarm.name
    before, _run = answers(player, [look(), look(name=name), look(check=True, only=["web"], definition=True)])
    assert [step["services"] for step in before[0]["phases"]] == [["db"], ["web"]] and "deployed" not in before[0]
    assert before[0]["tree"] == ["web", "  db"] and before[0]["services"][0]["depends_on"] == ["db"]
    assert [entry["state"] for entry in before[1]["deployed"]] == ["missing", "missing"]
    assert before[1]["revisions"] == [] and "definition" not in before[1]
    assert [step["name"] for step in before[2]["steps"]] == ["data", "web"]

    deploy = {"name": name, "definition": before[2]["definition"], "metadata": before[0]["metadata"]}
    done = player.play({"compose_stack": {**deploy, "rollout": {"stable_for": 0.2}}})
    assert done.code == 0, done.output

    steps = [
        look(name=name),
        look("newer.yaml", name=name),
        look("other.yaml", name=name),
        look(name=name, overlays=[str(player.folder / "over.yaml")]),
        look(remote_src=True, name=name),
        look("missing.yaml"),
        look("broken.yaml"),
        look(only=["nope"]),
        {"services_registry_info": {}},
        look(name=name, run="nobody's"),
        look(name=name, stacks="per_category", only=["db"], absent_networks=[f"{name}_default"]),
    ]
    found, _run = answers(player, steps)
    assert not any(result.get("changed") for result in found)
    states = [[entry["state"] for entry in result["deployed"]] for result in found[:5]]
    assert states == [
        ["same", "same"], ["same", "same"], ["same", "missing", "extra"], ["differs", "same"], ["same", "same"],
    ]  # fmt: skip
    assert found[0]["revisions"][0]["same"] and found[0]["revisions"][0]["since"]["changed"] == []
    assert not found[1]["revisions"][0]["same"] and found[1]["revisions"][0]["since"]["changed"] == ["db"]
    assert found[2]["revisions"][0]["since"]["added"] == ["postgres"]
    assert found[0]["revisions"][0]["registry"] == "services.registry.yaml"
    assert [result.get("error_code") for result in found[5:9]] == [
        "file_missing", "invalid_registry", "unknown_service", "invalid_options",
    ]  # fmt: skip
    assert found[9]["rollback"] == {"undo": [], "others": [], "lost": []} and found[9]["unfinished"] == ""
    assert found[9]["stacks"] == [{"name": name, "category": "", "services": [], "metadata": {}, "new": False}]
    (stack,) = found[10]["stacks"]
    assert (stack["name"], stack["services"], stack["new"]) == (f"{name}-apps", ["db"], True)
    assert f"name: {name}_default" in stack["definition"] and "external" not in stack["definition"]
    assert found[10]["networks"] == [{"name": f"{name}_default"}] and found[10]["gone"] == []

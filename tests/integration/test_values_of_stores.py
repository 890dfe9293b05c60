"""Tasks with kept values through ansible-playbook: the same with each store, and what only a vault can do wrong."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST
from playbook import Player

COMPOSE = """\
services:
  db:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment:
      USER: "{{{{ generate_user }}}}"
      PASSWORD: "{{{{ generate_secure_password }}}}"
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms}}}}
"""
GOOD = "httpd -f -p 8000"
#: It never runs, not even for as long as a busy machine takes to say so.
BAD = '["/no/such/program"]'


class Tasks:
    """The tasks on one stack whose values are in one store."""

    def __init__(self, bed, swarm, folder, store):
        self.bed, self.swarm, self.store = bed, swarm, store
        self.player = Player(folder, {"m1": bed.docker_host}, {"password": "of the vault\n", "other": "another\n"})
        self.values = {
            "store": store,
            **({"store": "swarm", "encrypted": "vault"} if store == "encrypted" else {}),
            **({"path": str(folder / "facts.d")} if store == "host_facts" else {}),
        }
        self.vault = folder / "stackwright_values.yml"

    def task(self, command=GOOD, **options):
        text = COMPOSE.format(image=self.bed.images["busybox"], command=command) + ON_HOST
        self.player.write("compose.yml", text)
        values = {**self.values, **options.pop("values", {})}
        rollout = {"timeout": 60, "stable_for": 0.2}
        return {"compose_stack": {"name": self.swarm.name, "src": "compose.yml", "values": values, "rollout": rollout}}

    def play(self, *tasks, password="password", **how):
        secret = {"ANSIBLE_VAULT_PASSWORD_FILE": str(self.player.folder / password)} if password else {}
        return self.player.play(*tasks, environment=secret, **how)

    def deploy(self, command=GOOD, check=False, values=None, **how):
        run = self.play(self.task(command, values=values or {}), check=check, **how)
        assert run.code == 0, run.output
        return run.last

    def refused(self, *tasks, **how):
        """The result of a run that ends with an error and leaves the stack as it is."""
        before = self.live()
        run = self.play(*tasks, **how)
        assert run.code == 2, run.output
        assert self.live() == before
        return run.last

    def live(self):
        (service,) = self.swarm.objects("services")
        return sorted(service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"])


@pytest.fixture
def tasks(request, bed, swarm, tmp_path):
    yield Tasks(bed, swarm, tmp_path, getattr(request, "param", "vault"))
    for name in bed.node("m1").cli(["docker", "config", "ls", "--format", "{{.Name}}"]).stdout.split():
        if name.startswith(f"stackwright.values.{swarm.name}."):
            bed.node("m1").cli(["docker", "config", "rm", name])


@pytest.mark.parametrize("tasks", ["host_facts", "swarm", "vault", "encrypted"], indirect=True)
def test_going_back_takes_the_versions_of_the_revision(tasks):
    tasks.deploy()
    first = tasks.live()
    tasks.deploy(values={"regenerate": ["db/PASSWORD"]})
    second = tasks.live()
    assert [old == new for old, new in zip(first, second)] == [False, True]
    back = {"stack_rollback": {"name": tasks.swarm.name, "rollout": {"stable_for": 0.2}}}
    shown = tasks.play(back, check=True, diff=True)
    assert (shown.code, shown.last["to"], shown.last["changed"]) == (0, 1, True), shown.output
    assert tasks.live() == second
    done = tasks.play(back, diff=True, verbosity=3)
    assert (done.code, done.last["to"], done.last["changed"]) == (0, 1, True), done.output
    assert tasks.live() == first
    for entry in (*first, *second):
        assert entry.partition("=")[2] not in shown.output + done.output
    # From there on, these versions are the current ones.
    assert tasks.deploy()["changed"] is False
    # A deployment that fails with new values leaves the old ones, in the stack and in the store.
    failed = tasks.refused(tasks.task(BAD, values={"regenerate": ["all"]}))
    assert failed["outcome"]["rollback"] == "done", failed
    assert "vault_writes" not in failed
    assert tasks.deploy()["changed"] is False
    assert tasks.live() == first


def test_a_vault_from_the_first_run_on(tasks):
    announced = tasks.deploy(check=True)
    assert announced["changed"] is True
    assert not tasks.vault.exists()
    made = tasks.deploy()
    assert [value["action"] for value in made["kept_values"]] == ["generated", "generated"]
    first, text = tasks.live(), tasks.vault.read_text()
    assert tasks.vault.stat().st_mode & 0o777 == 0o600
    for entry in first:
        assert entry.partition("=")[2] not in text
    assert tasks.deploy()["changed"] is False
    assert tasks.deploy(values={"regenerate": ["db/USER"]}, check=True)["changed"] is True
    assert (tasks.live(), tasks.vault.read_text()) == (first, text)
    again = tasks.deploy(values={"regenerate": ["db/USER"]})
    assert {value["name"]: value["action"] for value in again["kept_values"]} == {
        "db/USER": "regenerated",
        "db/PASSWORD": "kept",
    }
    second = tasks.live()
    assert [old == new for old, new in zip(first, second)] == [True, False]
    # One value is one line.
    old, new = text.splitlines(), tasks.vault.read_text().splitlines()
    assert len(new) == len(old) + 1
    assert len(set(old) - set(new)) == 2  # the counter and the current version


def test_a_vault_without_its_password_or_without_its_file(tasks):
    tasks.deploy()
    live, text = tasks.live(), tasks.vault.read_text()
    back = {"stack_rollback": {"name": tasks.swarm.name, "to": 1}}
    for task in (tasks.task(), back):
        wrong = tasks.refused(task, password="other")
        assert wrong["error_code"] == "vault_password_wrong"
        assert str(tasks.vault) in wrong["msg"]
        assert tasks.refused(task, password=None)["error_code"] == "vault_password_missing"
        assert tasks.vault.read_text() == text
    tasks.vault.unlink()
    lost = tasks.refused(tasks.task())
    assert lost["error_code"] == "values_lost"
    for way in ("restore", "adopt", "regenerate"):
        assert way in lost["msg"].lower(), lost["msg"]
    assert not tasks.vault.exists()
    gone = tasks.refused({"stack_rollback": {**back["stack_rollback"], "values": {"store": "vault"}}})
    assert gone["error_code"] == "value_lost"
    adopted = tasks.deploy(values={"on_lost": "adopt"})
    assert [value["action"] for value in adopted["kept_values"]] == ["adopted", "adopted"]
    assert tasks.live() == live
    assert tasks.deploy()["changed"] is False

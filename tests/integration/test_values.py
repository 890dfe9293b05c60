"""Deployments with kept values against a real Swarm: made once, bound late, never lost in silence."""

import base64
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import CompileRequest, Core, LocalFiles, Source, compile_stack, deploy_stack

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
    ValueStoreError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_snapshot
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

COMPOSE = """\
x-env:
  DB_USER: "{{{{ generate_user }}}}"
services:
  db:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment:
      PASSWORD: "{{{{ generate_secure_password }}}}"
      URL: "pg://${{DB_USER}}:{{{{ generate_hex(16) }}}}@db"
    configs: [page]
    secrets: [token]
    deploy: {{endpoint_mode: dnsrr, update_config: {{parallelism: 0, monitor: 10ms}}}}
configs: {{page: {{content: "user ${{DB_USER}}"}}}}
secrets: {{token: {{content: "{{{{ generate_base64(24) }}}}"}}}}
"""
NAMES = ["db/PASSWORD", "db/URL", "secrets/token", "stack/DB_USER"]


class Valued(Core):
    """A stack whose values are in a folder of the test's own, unless it says otherwise."""

    def deploy(self, text, values=None, overrides=None, **options):
        request = CompileRequest(
            sources=[Source("compose.yml", text)],
            name=self.stack,
            project_directory=str(self.folder),
            env_overrides=overrides or {},
        )
        kept = {"store": "host_facts", "path": str(self.folder / "facts.d"), **(values or {})}
        return self._run(deploy_stack, compile_stack(request, LocalFiles()), {"values": kept, **options})

    @property
    def fact(self):
        return self.folder / "facts.d" / f"stackwright_{self.stack}.fact"

    def kept(self):
        values = json.loads(self.fact.read_text())["values"]
        return {
            name: next(v["value"] for v in entry["versions"] if f"{v['number']}-{v['mark']}" == entry["current"])
            for name, entry in values.items()
        }

    def live(self):
        (service,) = self.client.list("/services", {"filters": {"name": [f"{self.stack}_db"]}})
        env = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
        return dict(entry.split("=", 1) for entry in env)


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Valued(bed.docker_host, swarm.name, tmp_path)
    yield made
    for config in made.client.list("/configs", {"filters": {"name": [f"stackwright.values.{swarm.name}."]}}):
        made.client.delete(f"/configs/{config['ID']}")


@pytest.fixture
def text(bed):
    return COMPOSE.format(image=bed.images["busybox"], command="httpd -f -p 8000")


def inside(bed, service, *command):
    """What a command in the service's container prints, as bytes."""
    (container,) = bed.node("m1").cli(["docker", "ps", "-q", "--filter", f"name={service}"]).stdout.split()
    script = " ".join(command) + " | base64"
    return base64.b64decode(bed.node("m1").cli(["docker", "exec", container, "sh", "-c", script]).stdout)


def shown(result):
    return json.dumps(result, default=str)


def actions(result):
    return {value["name"]: value["action"] for value in result["kept_values"]}


def test_made_once_and_used_everywhere(core, bed, text):
    announced = core.deploy(text, check=True)
    assert not core.fact.exists()
    assert core.writes == []
    assert actions(announced) == dict.fromkeys(NAMES, "generated")
    made = core.deploy(text)
    kept, live = core.kept(), core.live()
    assert actions(made) == dict.fromkeys(NAMES, "generated")
    assert live["PASSWORD"] == kept["db/PASSWORD"]
    assert live["URL"] == f"pg://{kept['stack/DB_USER']}:{kept['db/URL']}@db"
    service = f"{core.stack}_db"
    assert inside(bed, service, "cat /run/secrets/token").decode() == kept["secrets/token"]
    assert inside(bed, service, "cat /page").decode() == f"user {kept['stack/DB_USER']}"
    for result in (announced, made):
        assert [value for value in kept.values() if value in shown(result)] == []
    again = core.deploy(text)
    assert again["changed"] is False
    assert core.writes == []
    assert actions(again) == dict.fromkeys(NAMES, "kept")
    assert core.deploy(text, check=True)["changed"] is False


def test_a_store_that_was_lost_is_an_error_and_what_runs_can_be_adopted(core, text):
    without_secret = text.replace("    secrets: [token]\n", "").rpartition("secrets:")[0]
    core.deploy(without_secret)
    kept, live = core.kept(), core.live()
    core.fact.unlink()
    for check in (True, False):
        with pytest.raises(ValueStoreError) as caught:
            core.deploy(without_secret, check=check)
        assert caught.value.error_code == "values_lost"
        assert "service db (PASSWORD)" in caught.value.message
        assert core.writes == []
        assert not core.fact.exists()
    announced = core.deploy(without_secret, {"on_lost": "adopt"}, check=True)
    assert (announced["changed"], announced["plan"], core.fact.exists()) == (True, [], False)
    adopted = core.deploy(without_secret, {"on_lost": "adopt"})
    assert (adopted["changed"], adopted["plan"]) == (True, [])
    assert actions(adopted) == dict.fromkeys(("db/PASSWORD", "db/URL", "stack/DB_USER"), "adopted")
    assert core.writes == []
    assert core.kept() == kept
    assert core.live() == live
    assert core.deploy(without_secret)["changed"] is False


def test_a_literal_that_becomes_a_generated_value_is_not_replaced_in_silence(core, text):
    core.deploy(text.replace('"{{ generate_secure_password }}"', "by-hand"))
    with pytest.raises(ValueStoreError) as caught:
        core.deploy(text)
    assert caught.value.error_code == "values_lost"
    assert "by-hand" not in str(caught.value)
    core.deploy(text, {"on_lost": "adopt"})
    assert core.live()["PASSWORD"] == "by-hand"
    core.deploy(text, {"regenerate": ["db/PASSWORD"]})
    assert core.live()["PASSWORD"] == core.kept()["db/PASSWORD"] != "by-hand"


def test_a_secret_that_was_lost_can_only_be_made_anew(core, text):
    core.deploy(text)
    before = core.live()
    core.fact.unlink()
    with pytest.raises(ValueStoreError) as caught:
        core.deploy(text, {"on_lost": "adopt"})
    assert caught.value.error_code == "adopt_failed"
    assert caught.value.details == {"names": ["secrets/token"]}
    core.deploy(text, {"on_lost": "adopt", "regenerate": ["secrets/token"]})
    assert core.live() == before


def test_made_anew_on_demand_and_masked_on_both_sides(core, text):
    core.deploy(text)
    before = core.kept()
    announced = core.deploy(text, {"regenerate": ["stack/DB_USER"]}, check=True)
    assert core.kept() == before
    changed = core.deploy(text, {"regenerate": ["stack/DB_USER"]})
    after = core.kept()
    assert {name for name in before if before[name] != after[name]} == {"stack/DB_USER"}
    assert core.live()["URL"] == f"pg://{after['stack/DB_USER']}:{after['db/URL']}@db"
    for result in (announced, changed):
        (change,) = [c for op in result["plan"] for c in op["changes"] if c["path"].endswith("Env.URL")]
        assert (change["before"], change["after"]) == ("********", "********")
        for value in (*before.values(), *after.values()):
            assert value not in shown(result)
    assert core.deploy(text)["changed"] is False
    core.deploy(text, {"regenerate": ["all"]})
    assert not set(core.kept().values()) & set(after.values())


def test_a_value_that_cannot_be_kept_is_never_used(core, text):
    (core.folder / "facts.d").write_text("no folder")
    with pytest.raises(ValueStoreError) as caught:
        core.deploy(text)
    assert caught.value.error_code in ("store_unwritable", "store_unreadable")
    assert not core.client.list("/services", {"filters": {"name": [core.stack]}})
    (core.folder / "facts.d").unlink()


def test_a_value_that_is_not_kept_anew_leaves_the_old_one_running(core, text, monkeypatch):
    core.deploy(text)
    before = core.live()

    def full(*args):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueStoreError, match="No space left") as caught:
        core.deploy(text, {"regenerate": ["all"]})
    assert caught.value.error_code == "store_unwritable"
    monkeypatch.undo()
    assert core.live() == before
    assert core.deploy(text)["changed"] is False


PEM = "-----BEGIN KEY-----\nMIIEvQ\n\n-----END KEY-----\n"
NASTY = {
    "QUOTES": "\"'`\\",
    "DOLLARS": 'pa$$word $A ${B} #"\\',
    "PEM": PEM,
    "HASH": "# no comment",
    "UNICODE": "é漢字😀",
    "BLANKS": "  x\t ",
    "EMPTY": "",
    "BRACES": '{{ x }} {{.Node.ID}} {{"{{"}}',
    "LARGE": "x1$\n" * 25_000,
}


def test_values_arrive_byte_for_byte(core, bed):
    text = (
        f"services: {{db: {{image: '{bed.images['busybox']}', command: sleep 1d, stop_grace_period: 1s, "
        "deploy: {endpoint_mode: dnsrr}}}\n"
    )
    overrides = {"services": {"db": {name: {"value": value, "sensitive": True} for name, value in NASTY.items()}}}
    result = core.deploy(text, overrides=overrides)
    env = inside(bed, f"{core.stack}_db", "cat /proc/1/environ").decode()
    found = dict(entry.split("=", 1) for entry in env.split("\0") if "=" in entry)
    assert {name: found.get(name) for name in NASTY} == NASTY
    for name in ("DOLLARS", "PEM", "HASH", "LARGE", "UNICODE"):
        assert NASTY[name] not in shown(result)
    again = core.deploy(text, overrides=overrides)
    assert again["changed"] is False
    changed = {"services": {"db": {**overrides["services"]["db"], "PEM": {"value": PEM + "x", "sensitive": True}}}}
    core.deploy(text, overrides=changed)
    env = inside(bed, f"{core.stack}_db", "cat /proc/1/environ").decode()
    assert f"PEM={PEM}x\0" in env


def test_an_override_wins_and_goes_again(core, text):
    core.deploy(text)
    made = core.kept()["db/PASSWORD"]
    given = {"services": {"db": {"PASSWORD": {"value": "my-own-password", "sensitive": True}}}}
    core.deploy(text, overrides=given)
    assert core.live()["PASSWORD"] == "my-own-password"
    assert core.deploy(text, overrides=given)["changed"] is False
    core.deploy(text)
    assert core.live()["PASSWORD"] == made


def test_an_error_or_a_log_that_quotes_a_value_is_scrubbed(core, bed):
    """The container prints its password and ends; the error shows the log's last lines."""
    text = COMPOSE.format(
        image=bed.images["busybox"], command="""["sh", "-c", "echo my password is $$PASSWORD; exit 3"]"""
    )
    with pytest.raises(StackwrightError) as caught:
        core.deploy(text, timeout=20)
    kept = core.kept()
    told = str(caught.value) + shown(caught.value.details) + repr(caught.value.args)
    assert "my password is ********" in told
    assert [value for value in kept.values() if value in told] == []


def test_the_swarm_as_store_for_every_manager(core, bed, text):
    values = {"store": "swarm"}
    assert core.deploy(text, values, check=True)["changed"] is True
    assert core.writes == []
    core.deploy(text, values)
    live = core.live()
    for name, node in bed.nodes.items():
        if name.startswith("m"):
            other = Valued(node.docker_host, core.stack, core.folder)
            assert other.deploy(text, values)["changed"] is False
            assert other.writes == []
            # Where nothing is said, the values are looked for where they are.
            assert other.deploy(text, {"store": "auto"})["changed"] is False
    core.remove()
    core.deploy(text, values)
    assert core.live() == live


def test_another_manager_with_host_facts_has_lost_them(core, text):
    core.deploy(text)
    with pytest.raises(ValueStoreError) as caught:
        core.deploy(text, {"path": str(core.folder / "of-another-manager")})
    assert caught.value.error_code == "values_lost"
    assert "store swarm" in caught.value.hint


def test_an_engine_that_refuses_writes_nothing(core, text):
    """A store in the Swarm that can't be written: no service is made."""

    def refuse(method, path):
        if (method, path) == ("POST", "/configs/create"):
            raise ConnectionResetError("gone")

    core.transport.before = refuse
    with pytest.raises(StackwrightError) as caught:
        core.deploy(text, {"store": "swarm"})
    assert isinstance(caught.value, (EngineError, DeployError))
    core.transport.before = lambda method, path: None
    assert not core.client.list("/services", {"filters": {"name": [core.stack]}})


def versions(core):
    values = json.loads(core.fact.read_text())["values"]
    return {name: [version["number"] for version in entry["versions"]] for name, entry in values.items()}


def test_a_rollback_takes_the_versions_of_its_revision(core, text):
    """Also for the deployments after it; and versions that no kept revision needs go."""
    core.deploy(text)
    first, live = core.kept(), core.live()
    core.deploy(text, {"regenerate": ["all"]})
    second = core.kept()
    assert not set(first.values()) & set(second.values())
    history = History(core.client, SystemClock, core.stack)
    (oldest,) = [revision for revision in history.read() if revision.number == 1]
    assert [value for value in (*first.values(), *second.values()) if value in str(unpack(oldest.packed))] == []
    snapshot = unpack(oldest.packed)
    options = with_defaults({"timeout": 60, "stable_for": 0.5, "back_to": 1})
    announced = deploy_snapshot(core.client, SystemClock, core.stack, snapshot, {**options, "check": True})
    back = deploy_snapshot(core.client, SystemClock, core.stack, snapshot, options)
    for result in (announced, back):
        assert result["changed"] is True
        assert [value for value in (*first.values(), *second.values()) if value in shown(result)] == []
    assert core.live() == live
    assert core.kept() == first
    assert core.deploy(text)["changed"] is False
    assert versions(core)["db/PASSWORD"] == [1, 5]
    for _number in range(2):
        core.deploy(text, {"regenerate": ["db/PASSWORD"]}, keep_revisions=1)
    assert versions(core)["db/PASSWORD"] == [10]


def test_a_version_that_is_gone_is_an_error(core, text):
    core.deploy(text)
    core.deploy(text, {"regenerate": ["db/PASSWORD"]})
    live = core.live()
    history = History(core.client, SystemClock, core.stack)
    snapshot = unpack(next(revision for revision in history.read() if revision.number == 1).packed)
    core.fact.unlink()
    with pytest.raises(StackwrightError) as caught:
        deploy_snapshot(core.client, SystemClock, core.stack, snapshot, with_defaults({"back_to": 1}))
    assert caught.value.error_code == "value_lost"
    assert "db/PASSWORD" in caught.value.message
    assert core.live() == live


def test_a_failed_deployment_gives_the_old_values_back(core, text):
    core.deploy(text)
    before, live = core.kept(), core.live()
    bad = text.replace("httpd -f -p 8000", "no-such-command")
    with pytest.raises(StackwrightError) as caught:
        core.deploy(bad, {"regenerate": ["all"]}, timeout=20)
    assert caught.value.details["outcome"]["rollback"] == "done"
    assert core.live() == live
    assert core.kept() == before
    assert core.deploy(text)["changed"] is False

"""The module stack_values and the lookup stack_value through ansible-playbook, with each of the stores."""

import base64
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

#: The store swarm, with the option of this name.
ENCRYPTED = "encrypted"
ONE, TWO = "planted-value-one", "planted-value-two"


class Values:
    """Tasks on the values of one stack in one store."""

    def __init__(self, bed, stack, folder, store):
        self.player = Player(folder, {"m1": bed.docker_host}, {"password": "of the vault\n"})
        self.stack, self.store = stack, "swarm" if store == ENCRYPTED else store
        self.place = {"store": self.store, **({"encrypted": "vault"} if store == ENCRYPTED else {})}
        if store == "host_facts":
            self.place["path"] = str(folder / "facts.d")

    def task(self, **options):
        return {"stack_values": {"name": self.stack, **self.place, **options}}

    def run(self, *tasks, **how):
        secret = {"ANSIBLE_VAULT_PASSWORD_FILE": str(self.player.folder / "password")}
        run = self.player.play(*tasks, diff=True, verbosity=3, environment=secret, **how)
        for value in (ONE, TWO):
            assert value not in run.output
            assert value not in str(run.lines)
        return run

    def change(self, check=False, **options):
        run = self.run(self.task(**options), check=check)
        assert run.code == 0, run.output
        return run.last

    def lookup(self, name):
        """What the lookup gives, out of a file that a task of no_log wrote."""
        place = {key: value for key, value in self.place.items() if value and key != "encrypted"}
        more = "".join(f", {key}={value!r}" for key, value in place.items())
        if self.store == "swarm":
            more += f", docker_host={self.player.hosts['m1']!r}"
        expression = "{{ lookup('stackwright.swarm.stack_value', '" + name + f"', name='{self.stack}'{more}) }}}}"
        copy = {"content": expression, "dest": str(self.player.folder / "looked"), "mode": "0600"}
        run = self.run({"ansible.builtin.copy": copy, "no_log": True})
        return run, (self.player.folder / "looked").read_text() if run.code == 0 else None


@pytest.fixture(params=["host_facts", "swarm", "vault", ENCRYPTED])
def values(request, bed, swarm, tmp_path):
    yield Values(bed, swarm.name, tmp_path, request.param)
    for name in bed.node("m1").cli(["docker", "config", "ls", "--format", "{{.Name}}"]).stdout.split():
        if name.startswith(f"stackwright.values.{swarm.name}."):
            bed.node("m1").cli(["docker", "config", "rm", name])


def test_twelve_steps(values):
    """Create, repeat, modify, repeat, delete, repeat, each in check mode first."""
    steps = [
        ({"values": {"A": ONE}}, "1"),
        ({"values": {"A": TWO}}, "2"),
        ({"state": "absent", "names": ["A"]}, None),
    ]
    wanted = [
        (options, number, check, changed)
        for options, number in steps
        for check, changed in ((True, True), (False, True), (True, False), (False, False))
    ]
    run = values.run(*({**values.task(**options), "check_mode": check} for options, _number, check, _changed in wanted))
    assert run.code == 0, run.output
    for (options, number, check, changed), line in zip(wanted, run.lines):
        result = line["result"]
        assert result["changed"] is changed, (options, check, result)
        # In check mode, the list is what it would be.
        assert [value["current"].split("-")[0] for value in result["kept_values"]] == ([number] if number else [])
        assert result["store"] == values.store
        if changed:
            assert result["diff"]["before"] != result["diff"]["after"]
    assert values.change(state="listed")["kept_values"] == []


def test_the_lookup_gives_the_current_value(values):
    values.change(values={"A": ONE, "db/B": TWO})
    assert values.lookup("A")[1] == ONE
    assert values.lookup("db/B")[1] == TWO
    values.change(values={"A": TWO})
    assert values.lookup("stack/A")[1] == TWO
    run, found = values.lookup("C")
    assert (run.code, found) == (2, None)


def test_moving(values, tmp_path):
    values.change(values={"A": ONE, "db/B": TWO})
    kept = values.change(state="listed")["kept_values"]
    other = {"host_facts": "swarm", "swarm": "vault", "vault": "host_facts"}[values.store]
    to = {"store": other, **({"path": str(tmp_path / "facts.d")} if other == "host_facts" else {})}
    assert values.change(check=True, state="moved", to=to)["changed"] is True
    assert values.change(state="listed")["kept_values"] == kept
    moved = values.change(state="moved", to=to)
    assert (moved["changed"], moved["store"], moved["kept_values"]) == (True, other, kept)
    again = values.change(state="moved", to=to)
    assert (again["changed"], again["kept_values"]) == (False, kept)
    assert values.change(state="listed")["kept_values"] == []
    # Values that are elsewhere already are not overwritten.
    values.change(values={"A": TWO})
    run = values.run(values.task(state="moved", to=to))
    assert run.last["error_code"] == "store_conflict"


def test_encrypted_in_the_swarm_and_readable_again(bed, swarm, tmp_path):
    values = Values(bed, swarm.name, tmp_path, "swarm")
    node = bed.node("m1")

    def configs():
        names = node.cli(["docker", "config", "ls", "--format", "{{.Name}}"]).stdout.split()
        return [name for name in names if name.startswith(f"stackwright.values.{swarm.name}.")]

    def content():
        (name,) = configs()
        text = node.cli(["docker", "config", "inspect", "--format", "{{json .Spec.Data}}", name]).stdout
        return base64.b64decode(json.loads(text)).decode()

    def secrets(**passwords):
        for name, password in passwords.items():
            (tmp_path / name).write_text(password)
        return {"ANSIBLE_VAULT_IDENTITY_LIST": ",".join(f"{name}@{tmp_path / name}" for name in passwords)}

    encrypted, readable = {"store": "swarm", "encrypted": "vault"}, {"store": "swarm"}
    values.change(values={"A": ONE, "db/B": TWO})
    kept = values.change(state="listed")["kept_values"]
    assert ONE in content()
    refused = values.run(values.task(values={"A": TWO}, encrypted="vault"))
    assert refused.last["error_code"] == "store_conflict"
    assert values.change(state="moved", to=encrypted)["changed"] is True
    written = content()
    assert ONE not in written and TWO not in written and "!vault" in written
    assert values.change(state="moved", to=encrypted)["changed"] is False
    assert content() == written
    # Whoever does not say so gets them all the same, and they stay encrypted.
    assert values.change(state="listed")["kept_values"] == kept
    assert values.lookup("A")[1] == ONE
    values.change(values={"A": TWO})
    assert "!vault" in content() and TWO not in content()
    # Without the right password there is an error, and nothing changes.
    written = content()
    for environment, code in (
        (secrets(wrong="another"), "vault_password_wrong"),
        ({}, "vault_password_missing"),
    ):
        for options in ({"state": "listed"}, {"values": {"C": ONE}}, {"state": "moved", "to": readable}):
            run = values.player.play(values.task(**options, encrypted="vault"), environment=environment)
            assert (run.code, run.last["error_code"]) == (2, code), run.output
    assert content() == written
    # Another password, then without the first one.
    both = secrets(old="of the vault", new="brand new")
    to = {**encrypted, "vault_id": "new"}
    run = values.player.play(values.task(state="moved", encrypted="vault", to=to), environment=both)
    assert (run.code, run.last["changed"]) == (0, True), run.output
    assert content().count("AES256;new") == 3  # of A two versions
    alone = secrets(new="brand new")
    run = values.player.play(values.task(state="listed"), environment=alone)
    assert [entry["name"] for entry in run.last["kept_values"]] == ["db/B", "stack/A"], run.output
    for changed in (True, False):
        run = values.player.play(values.task(state="moved", encrypted="vault", to=readable), environment=alone)
        assert (run.code, run.last["changed"]) == (0, changed), run.output
    assert TWO in content()
    node.cli(["docker", "config", "rm", *configs()])


def test_what_is_wrong_is_said(values):
    for options, code in (
        ({"state": "regenerated", "names": ["A"]}, "unknown_value"),
        ({"state": "moved", "to": values.place}, "invalid_options"),
    ):
        run = values.run(values.task(**options))
        assert (run.code, run.last["error_code"]) == (2, code), run.output
    run = values.run({"stack_values": {"name": values.stack, "store": "nowhere"}})
    assert (run.code, run.last["error_code"]) == (2, "invalid_options")


def test_the_lookup_reads_gathered_facts(bed, swarm, tmp_path):
    """As a play would: the facts of /etc/ansible/facts.d, which is a folder of this test in a mount namespace."""
    values = Values(bed, swarm.name, tmp_path, "host_facts")
    values.place = {"store": "host_facts"}
    (tmp_path / "facts").mkdir()
    script = f'mkdir -p /etc/ansible/facts.d && mount --bind "{tmp_path}/facts" /etc/ansible/facts.d && exec "$@"'
    expression = f"{{{{ lookup('stackwright.swarm.stack_value', 'A', name='{swarm.name}') }}}}"
    copy = {"ansible.builtin.copy": {"content": expression, "dest": str(tmp_path / "looked"), "mode": "0600"}}
    through = ["unshare", "--mount", "sh", "-c", script, "sh"]
    book = values.player.write(
        "facts.yml",
        f"""
- hosts: all
  gather_facts: false
  tasks:
    - stackwright.swarm.stack_values: {{name: {swarm.name}, store: host_facts, values: {{A: {ONE}}}}}
    - ansible.builtin.setup: {{gather_subset: [local]}}
    - ansible.builtin.copy: {copy["ansible.builtin.copy"]}
      no_log: true
""",
    )
    run = values.player.playbook(book, through=through, verbosity=1)
    assert run.code == 0, run.output
    assert (tmp_path / "looked").read_text() == ONE
    assert ONE not in run.output


def test_a_value_is_read_by_another_task_and_shown_nowhere(bed, swarm, tmp_path):
    player = Player(tmp_path, {"manager1": bed.node("m1").docker_host})
    where = {"name": swarm.name, "store": "swarm"}
    kept = {"stack_values": {**where, "values": {"KEY": "planted value"}}, "no_log": True}
    read = {"stack_values": {**where, "state": "read"}, "no_log": True, "register": "secret"}
    used = {"ansible.builtin.copy": {"content": "{{ secret.read['stack/KEY'] }}", "dest": str(tmp_path / "out")}}
    done = player.play(kept, read, {**used, "no_log": True}, verbosity=3)
    assert done.code == 0, done.output
    assert (tmp_path / "out").read_text() == "planted value" and "planted" not in done.output
    refused = player.play({"stack_values": {**where, "state": "read"}})
    assert refused.last["error_code"] == "no_log_needed" and "planted" not in refused.output

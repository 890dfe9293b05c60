"""Plants values, deploys in every way, and looks for them everywhere but in the store and the services."""

import base64
import json
import os
import re
import sys
import threading
import zlib
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from core import HOST, ON_HOST
from playbook import Player
from secret_forms import FORMS, sown

PLANTED = {
    "SET": "sown-1-set-by-hand",
    "GIVEN": 'sown-2 "given" $x \\ #',
    "SECRET": "sown-3-secret",
    "PEM": "sown-4-line\nsown-5-line\n",
}
#: What is looked for: each begins like this, in whatever way it is quoted; the generated ones are added.
MARK = "sown-"

COMPOSE = """\
x-env:
  USER: "{{{{ generate_user }}}}"
services:
  web:
    image: {image}
    command: {command}
    stop_signal: SIGKILL
    environment:
      SET: "{{{{ generate_secure_password }}}}"
      MADE: "{{{{ generate_secure_password }}}}"
      GIVEN: from-the-file
      URL: "https://${{USER}}:{{{{ generate_hex(16) }}}}@example.com/{release}"
      PEM: ""
    labels: {{com.example.user: "${{USER}}"}}
    configs: [page]
    secrets: [made, given]
    deploy:
      update_config: {{parallelism: 0, monitor: 10ms, order: start-first}}
      restart_policy: {{delay: 0s}}
configs: {{page: {{content: "for ${{USER}}"}}}}
secrets:
  made: {{content: "{{{{ generate_base64(24) }}}}"}}
  given: {{environment: GIVEN_SECRET}}
"""
GOOD = "sleep 1d"
BAD = '["sh", "-c", "env; cat /run/secrets/*; exit 7"]'

#: What a test, this one or one beside it, changes with docker's own command.
BY_HAND = b"\0--env-add\0"


class Watch(threading.Thread):
    """While something runs: the command lines of all processes, the environments of those that belong to ``folder``,
    and the files of the temporary folders in it."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.end = folder, threading.Event()
        self.commands, self.environments, self.files = set(), set(), set()

    def run(self):
        mark = str(self.folder).encode()
        there = {path.name for path in Path("/proc").glob("[0-9]*")}  # before the play: none of its processes
        while not self.end.is_set():
            for path in Path("/proc").glob("[0-9]*"):
                if path.name in there:
                    continue
                try:
                    command = (path / "cmdline").read_bytes()
                    if BY_HAND not in command:
                        self.commands.add(command)
                    environment = (path / "environ").read_bytes()
                except OSError:
                    continue
                if mark in environment:
                    self.environments.add(environment)
            for name in ("local", "remote"):
                # os.walk goes on where a folder has gone meanwhile.
                for folder, _folders, files in os.walk(self.folder / name):
                    for file in files:
                        self._look(Path(folder) / file)
            self.end.wait(0.1)

    def _look(self, path):
        try:
            self.files.add((str(path), path.read_bytes()))
        except OSError:
            return

    def __exit__(self, *_error):
        self.end.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


class Scan:
    """The runs of one stack with one store, and what they left."""

    def __init__(self, bed, stack, folder, store):
        self.bed, self.stack, self.folder, self.store = bed, stack, folder, store
        self.player = Player(folder, {"m1": bed.docker_host}, {"password": "of the vault\n"})
        self.values = {"store": store, **({"path": str(folder / "facts.d")} if store == "host_facts" else {})}
        overrides = {
            "services": {"web": {name: {"value": PLANTED[name], "sensitive": True} for name in ("GIVEN", "PEM")}}
        }
        given = {"overrides": overrides, "secret": PLANTED["SECRET"], "set_by_hand": PLANTED["SET"]}
        self.player.write("group_vars/all.yml", yaml.safe_dump(given))
        self.texts, self.watched = {}, []

    def play(self, *tasks, **how):
        environment = {
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "password"),
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
        }
        if self.store == "swarm":  # the log of one store's runs is enough
            environment["ANSIBLE_LOG_PATH"] = str(self.folder / "ansible.log")
        with Watch(self.folder) as watch:
            run = self.player.play(*tasks, diff=True, verbosity=4, environment=environment, **how)
        self.watched.append(watch)
        self.texts[f"output of run {self.player.runs}"] = run.output
        self.texts[f"results of run {self.player.runs}"] = json.dumps(run.lines, ensure_ascii=False)
        return run

    def deploy(self, command=GOOD, release="1", **options):
        text = COMPOSE.format(image=self.bed.images["busybox"], command=command, release=release)
        self.player.write("compose.yml", text + ON_HOST)
        values = {**self.values, **options.pop("values", {})}
        task = {
            "name": self.stack,
            "src": "compose.yml",
            "env_overrides": "{{ overrides }}",
            "variables": {"GIVEN_SECRET": "{{ secret }}"},
            "values": values,
            "rollout": {"timeout": 60},
        }
        return self.play({"compose_stack": task}, **options)

    def kept(self):
        """The values that the store has, by our own lookup, which is not scanned."""
        names = ["web/SET", "web/MADE", "web/URL", "stack/USER", "secrets/made"]
        place = "".join(f", {key}={value!r}" for key, value in self.values.items())
        place += f", docker_host={self.bed.docker_host!r}" if self.store == "swarm" else ""
        lookup = f"query('stackwright.swarm.stack_value', {', '.join(map(repr, names))}, name='{self.stack}'{place})"
        copy = {"content": f"{{{{ {lookup} | to_json }}}}", "dest": str(self.folder / "looked"), "mode": "0600"}
        run = self.play({"ansible.builtin.copy": copy, "no_log": True})
        assert run.code == 0, run.output
        self.watched.pop()  # this one hands out values by files
        found = json.loads((self.folder / "looked").read_text())
        (self.folder / "looked").unlink()
        return found

    def left_behind(self):
        """Everything that is to be free of values: (where, text)."""
        yield from self.texts.items()
        for number, watch in enumerate(self.watched, 1):
            for what in ("commands", "environments"):
                for text in getattr(watch, what):
                    yield f"{what} during watch {number}", text.decode(errors="replace")
            for path, content in watch.files:
                yield f"{path} during watch {number}", content.decode(errors="replace")
        own = {"group_vars", "facts.d", "password", "stackwright_values.yml"}
        for path in self.folder.rglob("*"):
            if path.is_file() and path.relative_to(self.folder).parts[0] not in own:
                yield str(path), path.read_text(errors="replace")
        for path in Path("/tmp").glob("stackwright*"):
            for file in path.rglob("*") if path.is_dir() else [path]:
                if file.is_file():
                    yield str(file), file.read_text(errors="replace")
        for config in self.bed.node("m1").api("GET", "/configs"):
            name, data = config["Spec"]["Name"], base64.b64decode(config["Spec"].get("Data") or "")
            if name.startswith(("stackwright.rev.", "stackwright.lock.")):
                yield f"labels of {name}", json.dumps(config["Spec"]["Labels"])
                yield f"data of {name}", data.decode(errors="replace")
                for start in range(min(len(data), 200)):
                    try:
                        plain = zlib.decompressobj().decompress(data[start:])
                    except zlib.error:
                        continue
                    yield f"unpacked {name}", plain.decode(errors="replace")
        yield "the engine's log", self.bed.node("m1").log.read_text(errors="replace")


def drift_and_back(scan):
    """Changes by hand, seen and put back, and a deployment and a rollback over them."""
    # Drift: somebody changes a value by hand, and check mode shows the difference.
    drift = ["docker", "service", "update", "--detach", "--env-add", "GIVEN=sown-6-drift", f"{scan.stack}_web"]
    scan.bed.node("m1").cli(drift, check=False)
    report = {"stack_drift": {"name": scan.stack, "rollout": {"timeout": 60}}}
    seen = scan.play(report)
    assert [drift["kind"] for drift in seen.last["drift"]] == ["edited"], seen.output[-3000:]
    heal = {"stack_drift": {**report["stack_drift"], "heal": True}}
    assert scan.play(heal, check=True).last["changed"]
    healed = scan.play(heal)
    assert (healed.code, healed.last["status"]) == (0, "healthy"), healed.output[-3000:]
    assert not scan.play(heal).last["drifted"]
    scan.bed.node("m1").cli(drift, check=False)
    assert scan.deploy(release="2", check=True).code == 0
    again = scan.deploy(release="2")
    assert again.code == 0 and again.last["drift"], again.output[-3000:]
    back = {"stack_rollback": {"name": scan.stack, "to": 1, "rollout": {"timeout": 60}}}
    assert scan.play(back, check=True).code == 0
    went = scan.play(back)
    assert (went.code, went.last["changed"]) == (0, True), went.output[-3000:]
    same = scan.deploy(check=True)
    assert (same.code, same.last["changed"]) == (0, False), same.output[-3000:]


@pytest.mark.parametrize("store", ["host_facts", "swarm", "vault"])
def test_no_planted_value_is_found_anywhere(bed, swarm, tmp_path, store):
    scan = Scan(bed, swarm.name, tmp_path, store)
    by_hand = {"name": swarm.name, **scan.values, "values": {"web/SET": "{{ set_by_hand }}"}}
    assert scan.play({"stack_values": by_hand}).code == 0
    checked = scan.deploy(check=True)
    assert checked.code == 0, checked.output[-3000:]
    made = scan.deploy()
    assert made.code == 0, made.output[-3000:]
    first = scan.kept()
    assert first[0] == PLANTED["SET"]
    assert scan.deploy(release="2", check=True).code == 0
    assert scan.deploy(release="2", values={"regenerate": ["web/URL", "stack/USER"]}).code == 0
    second = scan.kept()
    failed = scan.deploy(command=BAD, release="3")
    assert failed.code == 2, failed.output[-3000:]
    if store == "vault":  # what follows reads the store as a deployment does
        drift_and_back(scan)
    assert scan.play({"stack_values": {"name": swarm.name, **scan.values, "state": "listed"}}).code == 0
    assert scan.play({"stack_info": {"name": swarm.name}}, {"stack_health": {"name": swarm.name}}).code == 0
    assert scan.play({"compose_stack": {"name": swarm.name, "state": "absent"}}).code == 0
    values = {value for value in (*first, *second) if len(value) > 8}
    assert len(values) == 7
    pattern = re.compile("|".join([MARK, *map(re.escape, values)]))
    places = list(scan.left_behind())
    assert len(places) > 100
    print(f"{store}: {len(places)} places scanned")
    files = {path for watch in scan.watched for path, _content in watch.files}
    assert any("/remote/" in path for path in files), "the folders of workers were never seen"
    hits = [
        (where, text[max(0, m.start() - 80) : m.end() + 20]) for where, text in places for m in pattern.finditer(text)
    ]
    assert not hits, "\n".join(f"{where}: {text!r}" for where, text in hits[:20])
    for config in bed.node("m1").api("GET", "/configs"):
        if config["Spec"]["Name"].startswith((f"stackwright.values.{swarm.name}", f"stackwright.rev.{swarm.name}")):
            bed.node("m1").api("DELETE", f"/configs/{config['ID']}")


@pytest.mark.parametrize("chosen", ["", "environment", "variable"])
def test_a_module_is_written_to_a_file_only_if_somebody_says_so(bed, swarm, tmp_path, chosen):
    player = Player(tmp_path, {"m1": bed.docker_host})
    environment = {"ANSIBLE_PIPELINING": "false"} if chosen == "environment" else {}
    variables = {"ansible_pipelining": False} if chosen == "variable" else {}
    tasks = [
        {"stack_values": {"name": swarm.name, "store": "swarm", "state": "listed"}},
        {"compose_stack": {"name": swarm.name, "state": "absent"}},
    ]
    run = player.play(*tasks, check=True, verbosity=4, environment=environment, variables=variables)
    assert run.code == 0, run.output
    assert run.output.count("TO ") >= 2 * bool(chosen)
    assert ("AnsiballZ_" in run.output) == bool(chosen)


#: In place of Python's own, so that a test sees what modules write to the system's log.
SYSLOG = """
import os
LOG_USER, LOG_INFO = 8, 6
def openlog(*args): pass
def syslog(level, text):
    with open(os.environ["STACKWRIGHT_SYSLOG"], "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text + "\\n")
"""
ESCAPES = "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07 \x1b]52;c;AAAA\x07 a\x08\x7f"
ESCAPES += " \u202eright\u2066 \u2028\u200b"
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]")


def any_of(texts):
    """A pattern that finds each of the texts; they are compared letter by letter, not one after the other."""
    rests = {}
    for text in texts:
        rests.setdefault(text[:1], []).append(text[1:])
    if "" in rests:
        return ""
    return f"(?:{'|'.join(re.escape(first) + any_of(rest) for first, rest in sorted(rests.items()))})"


class Forms:
    """Plays with secrets in every form, and what they left."""

    def __init__(self, bed, stack, folder):
        self.bed, self.stack = bed, stack
        self.player = Player(folder, {"m1": bed.docker_host})
        self.log = folder / "syslog.txt"
        self.player.write("fake/syslog.py", SYSLOG)
        self.texts, self.pieces = {}, set()

    def lines(self, seed):
        """The texts of all forms."""
        found = []
        for form, _text in FORMS:
            text, pieces = sown(seed, form)
            self.pieces.update(pieces)
            found.append(text)
        return found

    def play(self, *tasks, **how):
        environment = {"PYTHONPATH": str(self.player.folder / "fake"), "STACKWRIGHT_SYSLOG": str(self.log)}
        run = self.player.play(*tasks, diff=True, verbosity=4, environment=environment, **how)
        self.texts[f"output of {self.player.runs}"] = run.output
        self.texts[f"results of {self.player.runs}"] = json.dumps(run.lines, ensure_ascii=False)
        return run

    def deploy(self, services, configs=None, no_log=False, **how):
        compose = {"services": services, "configs": configs or {}, "networks": HOST}
        self.player.write("compose.yml", json.dumps(compose).replace("$", "$$"))
        # Some of the forms are the message of the task itself.
        words = "\n".join(self.lines(9)) + "\n"
        task = {"name": self.stack, "src": "compose.yml", "rollout": {"timeout": 60}, "commit_message": words + ESCAPES}
        return self.play({"compose_stack": task, "no_log": no_log}, **how)

    def service(self, seed, **more):
        texts = self.lines(seed)
        return {
            "image": self.bed.images["busybox"],
            "command": "httpd -f -p 8000",
            "stop_grace_period": "1s",
            "environment": {f"SETTING_{number}": text for number, text in enumerate(texts)},
            "labels": {f"com.example.note{number}": text for number, text in enumerate(texts)},
            "deploy": {"update_config": {"parallelism": 0, "monitor": "10ms"}},
            **more,
        }

    def failing(self, group):
        """Services that write some of the forms to their logs and end; a failure shows ten lines of five of them."""
        services, configs = {}, {}
        for number, lines in enumerate(group):
            key = f"s{number}"
            configs[key] = {"content": "\n".join([ESCAPES.replace("\u2028", ""), *lines])}
            services[key] = self.service(3, command="sh -c 'cat /forms; exit 7'", environment={}, labels={})
            services[key]["configs"] = [{"source": key, "target": "/forms"}]
        return services, configs

    def groups(self):
        """The forms, at most nine lines of them for each service, five services a play."""
        parts, size = [[]], 0
        for text in self.lines(4):
            count = text.count("\n") + 1
            if size + count > 9:
                parts.append([])
                size = 0
            parts[-1].append(text)
            size += count
        return [parts[start : start + 5] for start in range(0, len(parts), 5)]

    def hits(self):
        found = re.compile(any_of(self.pieces))
        self.texts["syslog"] = self.log.read_text(errors="surrogateescape")
        for config in self.bed.node("m1").api("GET", "/configs"):
            if config["Spec"]["Name"].startswith("stackwright."):
                self.texts[f"labels of {config['Spec']['Name']}"] = json.dumps(config["Spec"]["Labels"])
        return [
            (where, text[max(0, m.start() - 60) : m.end() + 20])
            for where, text in self.texts.items()
            for m in [*found.finditer(text), *FORBIDDEN.finditer(text)]
        ]


def test_secrets_in_every_form_are_shown_nowhere(bed, swarm, tmp_path):
    forms = Forms(bed, swarm.name, tmp_path)
    assert len(FORMS) > 60
    made = forms.deploy({"web": forms.service(1)})
    assert made.code == 0, made.output[-3000:]
    changed = forms.deploy({"web": forms.service(2)}, check=True)
    assert changed.last["changed"] and len(changed.last["plan"]) == 1
    assert forms.deploy({"web": forms.service(2)}).code == 0
    name = {"name": swarm.name}
    assert forms.play({"stack_info": {**name, "history": True}}, {"swarm_info": {}}, {"stack_drift": name}).code == 0
    for group in forms.groups():
        failed = forms.deploy(*forms.failing(group))
        assert failed.last["error_code"] == "health_gate_failed", failed.output[-3000:]
        assert "| " in failed.last["msg"]
    kept = forms.deploy(*forms.failing(forms.groups()[0]), no_log=True)
    assert kept.code == 2 and "| " not in kept.output and "health_gate_failed" in kept.output
    forms.play({"compose_stack": {**name, "src": "compose.yml", "rollout": {"on_failure": "keep"}}})
    logs = forms.play({"stack_logs": {**name, "tail": 500}})
    assert logs.code == 0 and len(logs.last["lines"]) > 20
    broken = "services:\n  web:\n    image: x\n    environment: {" + " ".join(forms.lines(5)) + ESCAPES
    forms.player.write("compose.yml", broken)
    assert forms.play({"compose_stack": {**name, "src": "compose.yml"}}).code == 2
    assert forms.play({"compose_stack": {**name, "src": f"no{ESCAPES}.yml"}}).code == 2
    assert forms.play({"compose_stack": {**name, "state": "absent"}}).code == 0
    print(f"{len(FORMS)} forms, {len(forms.texts)} texts, {sum(map(len, forms.texts.values()))} characters")
    hits = forms.hits()
    assert "Invoked with" in forms.texts["syslog"]
    assert not hits, f"{len(hits)} hits\n" + "\n".join(f"{where}: {text!r}" for where, text in hits[:40])

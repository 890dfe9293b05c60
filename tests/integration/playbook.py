"""Runs tasks through the real ansible-playbook, mostly in a fork (forks.py), and hands back what each host said."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

import forks
import warm

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
#: Seconds for one run: on a busy machine with many tasks.
TIMEOUT = 900


@dataclass
class Played:
    code: int
    output: str
    lines: list = field(default_factory=list)

    def of(self, host=None, task=None):
        return [
            line["result"]
            for line in self.lines
            if (host is None or line["host"] == host) and (task is None or line["task"] == task)
        ]

    @property
    def last(self):
        return self.lines[-1]["result"]


def python():
    """The interpreter of modules: one that has started already, in runs that are forked."""
    return str(warm.interpreter())


class Player:
    """Plays tasks on ``hosts``, a map of inventory name to DOCKER_HOST."""

    def __init__(self, folder: Path, hosts: dict, files: dict | None = None):
        self.folder = folder
        self.hosts = hosts
        self.runs = 0
        for name, text in (files or {}).items():
            self.write(name, text)
        inventory = {
            "swarm_managers": {
                "hosts": {name: {"docker_host": docker_host} for name, docker_host in hosts.items()},
                "vars": {"ansible_connection": "local", "ansible_python_interpreter": python()},
            }
        }
        self.write("inventory.yml", yaml.safe_dump(inventory))

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def play(self, *tasks, **how):
        """Each task is a map; a module's name without a dot is one of ours."""
        return self.playbook(self.written(tasks), **how)

    def begin(self, *tasks, **how):
        """As ``play``, but does not wait for the end."""
        return self.begin_playbook(self.written(tasks), **how)

    def begin_playbook(self, path, forked=True, **how):
        """As ``playbook``, but does not wait for the end. Without ``forked``, by the command and real interpreters."""
        command, environment, results = self.command(path, **how)
        forked = forked and forks.can_run(command, environment, self.usual())
        return Running(command, self.folder, environment, results, forked)

    def written(self, tasks):
        self.runs += 1
        full = [
            {(f"stackwright.swarm.{key}" if key in OURS else key): value for key, value in task.items()}
            for task in tasks
        ]
        used = {f"stackwright.swarm.{key}" for task in tasks for key in task if key in OURS}
        # Ansible looks up each module of the group; a role or block may need all of them.
        if any(OURS.isdisjoint(task) for task in tasks):
            used = {"group/stackwright.swarm.swarm"}
        play = {
            "hosts": "swarm_managers",
            "gather_facts": False,
            "module_defaults": dict.fromkeys(sorted(used), {"docker_host": "{{ docker_host }}"}),
            "tasks": full,
        }
        return self.write(f"play{self.runs}.yml", yaml.safe_dump([play], sort_keys=False))

    def playbook(self, path, mounts=None, **how):
        """``mounts``: target -> source of mounts that only this run sees."""
        command, environment, results = self.command(path, **how)
        if forks.can_run(command, environment, self.usual()):
            done = forks.run(command, self.folder, environment, TIMEOUT, mounts)
        else:
            binds = [shlex.join(["mount", "--bind", str(source), target]) for target, source in (mounts or {}).items()]
            if binds:
                command = ["unshare", "--mount", "sh", "-c", " && ".join([*binds, 'exec "$@"']), "sh", *command]
            done = subprocess.run(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
                env=environment,
            )
        lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        return Played(done.returncode, done.stdout + done.stderr, lines)

    def command(
        self, path, *, check=False, diff=False, verbosity=0, variables=None, limit=None, environment=None, through=()
    ):
        """``through`` is a command line that runs ansible-playbook, for instance in a namespace."""
        results = self.folder / f"results{self.runs}-{len(list(self.folder.iterdir()))}.jsonl"
        command = [*through, str(BIN / "ansible-playbook"), "-i", str(self.folder / "inventory.yml"), str(path)]
        command += ["--check"] * check + ["--diff"] * diff + ["-" + "v" * verbosity] * bool(verbosity)
        command += ["-e", json.dumps(variables)] * bool(variables) + ["--limit", limit] * bool(limit)
        full = {**self.usual(), "STACKWRIGHT_RESULTS": str(results), **(environment or {})}
        return command, full, results

    def usual(self):
        """The environment of a run that asks for no other."""
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
        }


class Running:
    """A run that goes on, in a terminal and session of its own. Each line has the time at which it was seen."""

    def __init__(self, command, folder, environment, results, forked=False):
        self._results = results
        self.start = time.monotonic()
        reading, terminal = os.openpty()
        environment = {**environment, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "250"}
        if forked:
            self.process = forks.Fork(command, folder, environment, terminal, terminal)
        else:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )
        os.close(terminal)
        self._terminal = os.fdopen(reading, "rb")
        self.seen = []

    def until(self, part):
        """Reads up to the line with ``part``; the end of the run without it is a failure."""
        for line in self._read():
            if part in line:
                return line
        raise AssertionError(f"{part!r} was never shown:\n{self.output}")

    def end(self):
        """Reads the rest, and gives the exit code."""
        for _line in self._read():
            pass
        return self.process.wait(60)

    def result(self):
        """What the last task gave back."""
        return json.loads(self._results.read_text().splitlines()[-1])["result"]

    def kill(self):
        """What takes the controller away: SIGKILL to all of its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def _read(self):
        while True:
            try:
                line = self._terminal.readline().decode()
            except OSError:  # the other side was closed
                return
            if not line:
                return
            self.seen.append((time.monotonic() - self.start, line.rstrip()))
            yield line

    @property
    def output(self):
        return "\n".join(line for _at, line in self.seen)


OURS = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}

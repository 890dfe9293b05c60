"""The tutorial, run from its own text: its files are written, its commands typed, and what it shows must come out.

With STACKWRIGHT_LONG=1; what it shows of ansible-playbook is compared but for times, and images are the bed's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from documented import blocks_in
from playbook import BIN
from testbed.swarm import StackScope

PAGE = (ROOT / "docs" / "guides" / "tutorial.md").read_text()
STACKS = ("hello", "proxy", "public")
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ)?")

pytestmark = pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="set STACKWRIGHT_LONG=1")


@pytest.fixture
def reader(bed, tmp_path):
    """``reader(command)`` types a command on the machine of the tutorial, and gives its code and output."""
    site = tmp_path / "tutorial"
    variables = {
        "ansible_python_interpreter": sys.executable,
        "swarm_platform_image": bed.images["caddy-2.11"],
        "swarm_platform_folder": f"{bed.record.run_folder}/tutorial",
    }
    (site / "group_vars").mkdir(parents=True)
    variables["stack_admin"] = [f"unix://{variables['swarm_platform_folder']}/admin.sock"]
    (site / "group_vars" / "all.yml").write_text("".join(f"{name}: {value}\n" for name, value in variables.items()))
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{bed.node('m1').programs}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "DOCKER_HOST": bed.docker_host,
        "LC_ALL": "C.UTF-8",
    }

    def type_in(command):
        here = command.replace("http://localhost/", f"http://{bed.node('m1').address}/")
        done = subprocess.run(
            ["bash", "-c", here], cwd=site, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        output = (done.stdout + done.stderr).replace(bed.images["busybox"], "busybox:1")
        print(f"$ {command}\n{output}")
        return done.returncode, output

    type_in.site, type_in.image = site, bed.images["busybox"]
    forget(bed)
    yield type_in
    forget(bed)


def forget(bed):
    """Removes the stacks of the tutorial and their histories, so that revisions are counted from 1."""
    for scope in (StackScope(bed, name) for name in STACKS):
        scope.remove()
        for config in scope.bookkeeping():
            bed.node("m1").api("DELETE", f"/configs/{config['ID']}")


def plain(line):
    return TIME.sub("TIME", " ".join(line.split()))


def test_the_tutorial(reader):
    seen = 0
    for block in blocks_in("tutorial", PAGE):
        if block.mark.startswith("file: "):
            text = block.text.replace("busybox:1", reader.image)
            (reader.site / block.mark.removeprefix("file: ")).write_text(text)
        elif block.language == "console" and block.mark != "excerpt":
            for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
                command, *shown = part.splitlines()
                code, output = reader(command)
                assert bool(code) == ("fatal: " in part), output
                lines = iter([plain(line) for line in output.splitlines()])
                for line in (plain(line) for line in shown if line.strip() not in ("", "...")):
                    begin = line.removesuffix("...")
                    found = any(real == line or (begin != line and real.startswith(begin)) for real in lines)
                    assert found, f"{command} does not show {line!r}, in this order:\n{output}"
                    seen += 1
    assert seen > 10

"""The session that the README shows: a plan, a deployment, a bad release and its rollback, as a terminal shows them.

``STACKWRIGHT_RECORD=1 pytest tests/integration/test_session.py`` writes docs/session.svg again.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PICTURE = ROOT / "docs" / "session.svg"
WIDTH = 110
COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "${{START:-echo hello > index.html; exec httpd -f -p 8000}}"]
    stop_grace_period: 1s
    environment:
      VERSION: ${{TAG}}
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8000/"]
      interval: 1s
      start_period: 5s
    deploy:
      replicas: 2
      update_config: {{order: start-first}}
"""
SCENES = (
    ("What would happen?", "--check -e tag=1.0", 0),
    ("Deploy it.", "-e tag=1.0", 0),
    (
        "A bad release: the stack is rolled back, and says why.",
        """-e '{"tag": "1.1", "start": "echo no database; exit 3"}'""",
        2,
    ),
)
#: What is no news to a reader.
LEFT_OUT = re.compile(r"^(PLAY|TASK|ok:|changed:|skipping:|\S+ +: ok=|\s*$|\[WARNING|Origin|\d+ |\s+\^ )")


def session(bed, swarm, folder: Path) -> list[tuple[str, str, list[str]]]:
    """(what, command, lines) of each scene."""
    (folder / "compose.yml").write_text(COMPOSE.format(image=bed.images["busybox"]))
    (folder / "inventory").write_text(
        f"[swarm_managers]\nm1 ansible_connection=local ansible_python_interpreter={sys.executable}\n"
    )
    (folder / "vars.yml").write_text(
        f"stack_name: {swarm.name}\nstack_src: compose.yml\nstack_proxies: []\nstack_preflight: false\n"
        "stack_variables: \"{{ {'TAG': tag} | combine({'START': start} if start is defined else {}) }}\"\n"
        "stack_rollout: {stable_for: 1, timeout: 60}\n"
    )
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_FORCE_COLOR": "1",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "DOCKER_HOST": bed.docker_host,
        "COLUMNS": str(WIDTH),
    }
    told = []
    for what, options, code in SCENES:
        command = f"ansible-playbook stackwright.swarm.deploy -i inventory -e @vars.yml {options}"
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        told.append(
            (what, f"ansible-playbook stackwright.swarm.deploy -i inventory {options}", lines_of(done, bed, swarm))
        )
    return told


def lines_of(done: subprocess.CompletedProcess, bed, swarm) -> list[str]:
    """The lines that tell something, with names that a reader knows."""
    text = (
        (done.stdout + done.stderr)
        .replace(swarm.name, "shop")
        .replace(bed.images["busybox"], "registry.example.com/web:1")
    )
    lines = []
    for line in text.splitlines():
        plain = Text.from_ansi(line).plain
        if plain.startswith("fatal: "):
            break  # the whole result of the task, which has the cause once more
        if not LEFT_OUT.match(plain) and line not in lines:
            lines.append(re.sub(r"@sha256:[0-9a-f]+…?", "", line))
    return lines


def picture(scenes: list[tuple[str, str, list[str]]]) -> str:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for what, command, lines in scenes:
        console.print(Text(f"# {what}", style="dim"))
        console.print(Text(f"$ {command}", style="bold"))
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=False)
        console.print()
    drawn = console.export_svg(title="stackwright.swarm", unique_id="session")
    # Its fonts would be fetched from elsewhere.
    return re.sub(r"@font-face \{.*?\}\n?", "", drawn, flags=re.S)


def test_a_plan_a_deployment_and_a_bad_release(bed, swarm, tmp_path):
    scenes = session(bed, swarm, tmp_path)
    plan, deployed, bad = ("\n".join(Text.from_ansi(line).plain for line in lines) for _what, _command, lines in scenes)
    assert "create service shop_web" in plan and "healthy" not in plan
    assert re.search(r"service: shop_web healthy 2/2", deployed)
    assert "no database" in bad and "Rolled back" in bad and "exit code 3" in bad
    assert all(len(lines) < 25 for _what, _command, lines in scenes)
    drawn = picture(scenes)
    assert ElementTree.fromstring(drawn).tag.endswith("svg") and "<script" not in drawn and 'url("http' not in drawn
    assert not [folder for folder in (ROOT, tmp_path, Path.home()) if str(folder) in drawn]
    if os.environ.get("STACKWRIGHT_RECORD"):
        PICTURE.write_text(drawn)

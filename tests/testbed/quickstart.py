"""``make demo``: from a bare machine to the guest book running on a Swarm, deployed by ansible-playbook.

Without DOCKER_HOST it starts a private Swarm of one node in a separate network namespace. This Swarm uses no port of
the machine, and ``make demo-down`` removes all of it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from . import cleanup, engines, images
from .bed import Bed
from .commands import run, wait_for
from .paths import CACHE, ROOT, BedError

PREFIX = "demo"
STACK = "guestbook"
EXAMPLE = ROOT / "examples" / "guestbook"
FOLDER = CACHE / "demo"
REPORT = FOLDER / "report.html"
WEB_CONFIG = {"Cmd": ["python3", "/app/guestbook.py"], "User": "10001:10001"}
WEB = "guestbook-web"
DATABASE = "postgres:15"
PROXY = "caddy:2"
#: The guest book's domain in its Compose file; it is in no DNS.
DOMAIN = "guestbook.example.com"
#: The prefix of images on the user's own Engine, which has no registry.
LOCAL = "stackwright-demo/"
QUIET_PIP = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
BEGIN = time.monotonic()


def demo() -> None:
    """Runs ``make demo``. Raises BedError with the failure and the remedy."""
    try:
        _demo()
    except BedError as error:
        raise BedError(f"{error}\n`make demo` can be run again; `make demo-down` removes what it created.") from error


def _demo() -> None:
    """Sets up everything, deploys, and shows the result. Can be repeated."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with step("Ansible and its Python packages, under .cache/venv"):
        run(["sh", "tests/tools/bootstrap.sh", "run"], cwd=ROOT, timeout=900, env={**os.environ, **QUIET_PIP})
    given = os.environ.get("DOCKER_HOST", "")
    site = use_given_engine(given) if given else use_private_swarm()
    write_settings(site)
    if site["domain"]:
        with step("The shared network and the proxy (Caddy): ansible-playbook playbooks/bootstrap.yml"):
            playbook(site, "bootstrap")
    say("Deploying: ansible-playbook playbooks/deploy.yml")
    playbook(site, show=True)
    show_page(site)
    with step("A second run, which must change nothing"):
        recap = playbook(site)
        if not re.search(r"\bchanged=0\b", recap):
            raise BedError(f"the second run changed something:\n{recap}")
    with step("A page about the Swarm: ansible-playbook playbooks/report.yml"):
        playbook(site, "report", "-e", f"report_dest={REPORT}", "-e", "report_title=Demo")
    show_ways_on(site)


def demo_down() -> None:
    """Removes everything that ``demo`` created, except the caches of packages and images."""
    given = os.environ.get("DOCKER_HOST", "")
    if given and (FOLDER / "settings.json").exists():
        with step(f"Removing the stack {STACK} from {given}"):
            playbook({"docker_host": given}, "deploy", "-e", "stack_state=absent")
            volume = [docker_cli(), "volume", "rm", "--force", f"{STACK}_data"]
            # Swarm takes some seconds to remove the containers of tasks that have ended.
            wait_for("the volume to be out of use", lambda: run(volume, check=False).returncode == 0, 60, 0.5)
            loaded = run([docker_cli(), "image", "ls", "--quiet", f"{LOCAL}*"]).stdout.split()
            run([docker_cli(), "image", "rm", "--force", *loaded], check=False)
    with step("Removing the private Swarm and the demo's files"):
        cleanup.remove(PREFIX)
        shutil.rmtree(FOLDER, ignore_errors=True)


def use_private_swarm() -> dict[str, str]:
    """Starts the private Swarm and builds its images.

    Returns the Engine, the prefix of the images, the tag of the web application, the address and domain of the page,
    and the folder of the proxy's socket, if there is a proxy.
    """
    if os.geteuid() != 0:
        raise BedError("a private Swarm needs root; set DOCKER_HOST to a manager to use an existing Swarm")
    with step(f"Docker engine {engines.DEFAULT}, from Debian's packages"):
        engines.engine(engines.DEFAULT)
    with step("A private Swarm of one node, with a registry"):
        bed = Bed.up(PREFIX)
    web = publish_guestbook(bed)
    with step("Image of the proxy: Caddy, from Debian's package"):
        bed.images.publish(images.build("caddy"), PROXY)
    return {
        "docker_host": bed.docker_host,
        "images": f"{bed.registry.address}/",
        "tag": web.partition(":")[2],
        "page": f"http://{bed.node().address}/",
        "domain": DOMAIN,
        "folder": f"{bed.record.run_folder}/caddy",
    }


def publish_guestbook(bed: Bed) -> str:
    """Puts the guest book's images into the bed's registry. Returns NAME:TAG of the web application."""
    with step("Image of the web application: Python, from Debian's packages"):
        web = build_web()
        bed.images.publish(web, web)
    with step("Image of the database: PostgreSQL, from Debian's packages"):
        bed.images.publish(images.build("postgres"), DATABASE)
    return web


def use_given_engine(docker_host: str) -> dict[str, str]:
    """Loads the images into the Engine of DOCKER_HOST. Returns the same as ``use_private_swarm``."""
    with step(f"The Swarm at {docker_host}"):
        swarm = json.loads(run([docker_cli(), "info", "--format", "{{json .Swarm}}"]).stdout)
        if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
            raise BedError(
                f"{docker_host} is not a manager of a Swarm; run `docker swarm init` there, or unset DOCKER_HOST"
            )
    with step("Image of the web application: Python, from Debian's packages"):
        web = build_web()
        load(web, web)
    with step("Image of the database: PostgreSQL, from Debian's packages"):
        load(images.build("postgres"), DATABASE)
    host = urllib.parse.urlparse(docker_host).hostname or swarm["NodeAddr"]
    tag = web.partition(":")[2]
    page = f"http://{host}:{port()}/"
    # If the Engine is on another machine, its proxy's socket can't be reached from here.
    return {"docker_host": docker_host, "images": LOCAL, "tag": tag, "page": page, "domain": "", "folder": ""}


def build_web() -> str:
    """Builds the web application's image from the example's source; its tag is a hash of the source."""
    return images.build_folder(EXAMPLE / "web", WEB, WEB_CONFIG, base="python", into="app")


def load(built: str, image: str) -> None:
    """Loads a built image into the Engine of DOCKER_HOST."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        archive = Path(scratch) / "image.tar"
        images.BUILT.archive(built, archive, [LOCAL + image])
        run([docker_cli(), "load", "--quiet", "--input", str(archive)])


def write_settings(site: dict[str, str]) -> None:
    """Writes the settings of the playbook. Its generated values are in a folder that ``demo_down`` removes."""
    variables = {"IMAGES": site["images"], "TAG": site["tag"], "WEB_PORT": port()}
    settings = {
        "stack_name": STACK,
        "stack_src": str(EXAMPLE / "compose.yml"),
        "stack_variables": variables,
        "stack_values": {"store": "host_facts", "path": str(FOLDER / "facts.d")},
    }
    if site["images"] == LOCAL:
        settings["stack_resolve_image"] = "never"
    if site["domain"]:
        proxy = {"image": site["images"] + PROXY, "folder": site["folder"]}
        settings.update({f"swarm_platform_{name}": value for name, value in proxy.items()})
        settings["stack_shared_networks"] = ["public"]
        settings["stack_admin"] = [f"unix://{site['folder']}/admin.sock"]
    else:
        settings["stack_proxies"] = []
    write_private(FOLDER / "settings.json", json.dumps(settings, indent=2))
    (FOLDER / "inventory.yml").write_text(
        "swarm_managers:\n  hosts:\n    localhost:\n      ansible_connection: local\n"
        f"      ansible_python_interpreter: {CACHE}/venv/bin/python\n"
    )
    (FOLDER / "env").write_text(
        f"export DOCKER_HOST={site['docker_host']}\n"
        f"export PATH={CACHE}/venv/bin:$PATH:{engines.ENGINES / engines.DEFAULT}\n"
    )


def playbook(
    site: dict[str, str], name: str = "deploy", *options: str, show: bool = False, folder: Path = FOLDER
) -> str:
    """Runs one of playbooks/ with the settings in ``folder``. Returns its last lines (the recap).

    Raises BedError with its output if it fails.
    """
    command = [f"{CACHE}/venv/bin/ansible-playbook", f"playbooks/{name}.yml", "-i", str(folder / "inventory.yml")]
    environment = {**os.environ, "DOCKER_HOST": site["docker_host"], "ANSIBLE_FORCE_COLOR": "0"}
    environment.update(ANSIBLE_CALLBACK_RESULT_FORMAT="yaml", ANSIBLE_DISPLAY_SKIPPED_HOSTS="false")
    lines = []
    with subprocess.Popen(
        [*command, "-e", f"@{folder / 'settings.json'}", *options],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout:
            lines.append(line)
            if show and line.strip():
                print(f"          {line.rstrip()}", flush=True)
    if process.returncode:
        raise BedError(f"ansible-playbook failed ({process.returncode})" + ("" if show else f":\n{''.join(lines)}"))
    return "".join(lines[-3:])


def show_page(site: dict[str, str]) -> None:
    """Reads the page, signs the guest book, and reads the entry back from the database."""
    greeting = f"Hello at {time.strftime('%H:%M:%S')}"
    page_of = (
        f"{site['domain']} through the proxy at {site['page']}" if site["domain"] else f"the page at {site['page']}"
    )
    with step(f"Asking {page_of}, and signing the guest book"):
        wait_for(page_of, lambda: fetch(site), 30, 0.2)
        fetch(site, urllib.parse.urlencode({"author": "make demo", "message": greeting}).encode())
        page = fetch(site)
        entries = [re.sub(r"<[^>]+>", "", line).strip() for line in page.splitlines() if "<li>" in line]
        if not any(greeting in entry for entry in entries) or not any("PostgreSQL" in entry for entry in entries):
            raise BedError(f"the page does not show what is in the database:\n{page}")
    for entry in entries[:3]:
        print(f"          {entry}")


def fetch(site: dict[str, str], form: bytes | None = None) -> str:
    """Returns the page's text, empty if it does not answer (yet)."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(site["page"], form, {"Host": site["domain"]} if site["domain"] else {})
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.read().decode()
    except (http.client.HTTPException, OSError):
        return ""


def show_ways_on(site: dict[str, str]) -> None:
    say("Done. The guest book runs on a Swarm, and a second run changed nothing.")
    clean = f"DOCKER_HOST={site['docker_host']} make demo-down" if site["images"] == LOCAL else "make demo-down"
    asked = f"curl -H 'Host: {site['domain']}' {site['page']}" if site["domain"] else site["page"]
    print(f"""
  The page        {asked}
  The report      {REPORT.as_uri()}
  Look around     . .cache/demo/env
                  docker stack ps {STACK}
                  docker service logs {STACK}_web
  Change it       edit examples/guestbook/compose.yml, then see what a run would do:
                  ansible-playbook playbooks/deploy.yml -i .cache/demo/inventory.yml \\
                      -e @.cache/demo/settings.json --check --diff
  Clean up        {clean}
""")


def docker_cli() -> str:
    """Returns the machine's docker command, or that of a fetched Engine."""
    return shutil.which("docker") or str(engines.engine(engines.DEFAULT) / "docker")


def port() -> str:
    return os.environ.get("WEB_PORT", "8080")


def write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        output.write(text)


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGIN:6.1f} s] {text}", flush=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Prints the step, and its duration if it took a second or more."""
    say(text)
    begin = time.monotonic()
    yield
    took = time.monotonic() - begin
    if took >= 1:
        print(f"           ... {took:.1f} s", flush=True)

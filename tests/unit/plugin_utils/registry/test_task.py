"""services_registry_compose from options to files, without ansible-playbook between (registry_task.py)."""

import json
import os
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from registry_task import InProcess, many, run

from ansible_collections.stackwright.swarm.plugins.module_utils.generated.folder import write
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.image_health import health_checks

REGISTRY = """
domain: example.com
networks:
  back: {subnet: 10.9.0.0/24, description: Databases}
core:
  postgres:
    image: postgres
    version: "16.11"
    networks: [back]
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD}", TZ: "${TZ:-UTC}", SECRET_KEY: supersecret1}
    volumes: [data:/var/lib/postgresql/data]
    phase: core
apps:
  web:
    image: example/web
    version: 1.10
    subdomain: shop
    port: 8000
    networks: [back]
    depends_on: [postgres]
    phase: apps
phases:
  core: {order: 1, timeout_seconds: 60}
  apps: {order: 2}
"""
FILES = [
    ".env.example",
    "INVENTORY.md",
    "compose.yml",
    "compose/apps.yml",
    "compose/core.yml",
    "networks.yml",
    "volumes.yml",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "services.registry.yaml").write_text(REGISTRY)
    return tmp_path


def change(folder, old, new, name="services.registry.yaml"):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def tree(folder):
    """All below ``out``: content, mode and inode, so that a file that is only written again is seen."""
    found = {}
    for path in sorted((folder / "out").rglob("*")) if (folder / "out").exists() else ():
        about = path.lstat()
        found[path.relative_to(folder / "out").as_posix()] = (
            path.read_bytes() if path.is_file() else None, about.st_mode, about.st_ino, about.st_mtime_ns,
        )  # fmt: skip
    return found


def test_the_twelve_steps(folder):
    """Create, repeat, modify, repeat, remove, repeat: each in check mode and for real."""

    def modify():
        change(folder, "16.11", "16.12")

    def remove():
        text = (folder / "services.registry.yaml").read_text()
        start, end = text.index("apps:\n  web"), text.index("phases:")
        (folder / "services.registry.yaml").write_text(text[:start] + text[end:])

    nothing = []
    steps = [
        (
            lambda: None,
            True,
            ["postgres: new (postgres:16.11)", "web: new (example/web:1.10)", "network back: new", "volume data: new"],
        ),
        (lambda: None, False, nothing),
        (modify, True, ["postgres: 16.11 -> 16.12"]),
        (lambda: None, False, nothing),
        (remove, True, ["web: removed"]),
        (lambda: None, False, nothing),
    ]
    for prepare, changed, lines in steps:
        prepare()
        before = tree(folder)
        would = run(folder, check=True, diff=True)
        assert tree(folder) == before and would["calls"] == 1
        does = run(folder, diff=True)
        assert (would["changed"], does["changed"]) == (changed, changed), does
        assert would["changes"] == does["changes"] == lines
        assert {**would, "calls": 0} == {**does, "calls": 0}
        assert does["calls"] == (2 if changed else 1)
        assert (tree(folder) == before) is not changed
        assert sorted(name for name, entry in tree(folder).items() if entry[0] is not None) == does["files"]
    assert does["files"] == [name for name in FILES if name != "compose/apps.yml"]


def test_the_files(folder):
    done = run(folder)
    assert done["files"] == FILES and done["src"] == str(folder / "out" / "compose.yml")
    assert done["phases"] == [
        {"order": 1, "names": ["core"], "services": ["postgres"], "timeout": 60},
        {"order": 2, "names": ["apps"], "services": ["web"], "timeout": None},
    ]
    web = (folder / "out" / "compose" / "apps.yml").read_text()
    assert "image: example/web:1.10\n" in web
    assert 'stackwright.http.port: "8000"' in web and "stackwright.http.routes.0.domain: shop.example.com" in web
    assert "aliases" not in web
    example = (folder / "out" / ".env.example").read_text()
    assert "# used by postgres\n# no default\nDB_PASSWORD=\n" in example
    assert "# used by postgres\n# default: UTC\n#TZ=UTC\n" in example


def test_others_may_read_the_files_and_a_mode_that_was_set_stays(folder):
    run(folder)
    files = [folder / "out/compose.yml", folder / "out/compose/core.yml"]
    mask = os.umask(0)
    os.umask(mask)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o666 & ~mask}
    files[1].chmod(0o640)
    change(folder, "16.11", "16.12")
    run(folder)
    assert stat.S_IMODE(files[1].stat().st_mode) == 0o640


def test_the_same_bytes_wherever_and_whenever(folder, tmp_path_factory):
    run(folder)
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "services.registry.yaml").write_text(REGISTRY)
    run(other)
    contents = [{name: entry[0] for name, entry in tree(place).items()} for place in (folder, other)]
    assert contents[0] == contents[1]


def test_an_edited_file_is_an_error_that_shows_the_edit(folder):
    run(folder)
    change(folder, "16.11", "9.6", "out/compose/core.yml")
    before = tree(folder)
    for check in (True, False):
        done = run(folder, check=check)
        assert (done["failed"], done["error_code"], done["edited"]) == (True, "edited", ["compose/core.yml"])
        assert "-    image: postgres:16.11" in done["msg"] and "+    image: postgres:9.6" in done["msg"]
        assert tree(folder) == before
    assert run(folder, overwrite_edited=True)["written"] == ["compose/core.yml"]
    assert "16.11" in (folder / "out/compose/core.yml").read_text()


@pytest.mark.parametrize("edit", ["", "services: {}\n", "no header at all"])
def test_a_file_without_our_header_is_not_overwritten(folder, edit):
    (folder / "out/compose").mkdir(parents=True)
    (folder / "out/compose/core.yml").write_text(edit)
    done = run(folder)
    assert done["error_code"] == "edited" and "was not generated" in done["msg"]
    assert (folder / "out/compose/core.yml").read_text() == edit
    assert run(folder, overwrite_edited=True)["changed"]


def test_line_ends_of_git_are_no_edit(folder):
    run(folder)
    file = folder / "out/compose/core.yml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert run(folder)["changed"] is False


def test_an_edited_file_that_is_not_needed_any_more_stays(folder):
    run(folder)
    change(folder, "example/web", "example/shop", "out/compose/apps.yml")
    change(folder, "apps:\n  web", "shop:\n  web")
    done = run(folder)
    assert done["error_code"] == "edited" and done["edited"] == ["compose/apps.yml"]
    assert run(folder, overwrite_edited=True)["removed"] == ["compose/apps.yml"]


def test_a_service_that_moves_stands_in_one_file(folder):
    run(folder)
    change(folder, "    image: example/web", "    file: compose/web/site.yml\n    image: example/web")
    done = run(folder)
    assert done["removed"] == ["compose/apps.yml"] and "compose/web/site.yml" in done["written"]
    assert done["changes"] == ["web: moves from compose/apps.yml to compose/web/site.yml"]
    change(folder, "compose/web/site.yml", "elsewhere/site.yml")
    assert run(folder, check=True)["removed"] == ["compose/web/site.yml"]
    assert run(folder)["removed"] == ["compose/web/site.yml"]
    assert not (folder / "out/compose/web").exists()
    assert run(folder)["changed"] is False
    change(folder, "    file: elsewhere/site.yml\n", "")
    assert run(folder)["removed"] == ["elsewhere/site.yml"]
    assert not (folder / "out/elsewhere").exists()


def test_files_of_another_registry_stay(folder):
    run(folder)
    (folder / "other.yaml").write_text("tools:\n  lint: {image: example/lint, version: '1'}\n")
    done = run(folder, src=str(folder / "other.yaml"), check=True)
    assert done["removed"] == [] and "compose/core.yml" not in done["written"]


def test_an_overlay_changes_services(folder):
    overlay = folder / "services.registry.production.yaml"
    overlay.write_text("apps:\n  web:\n    version: '2.0'\n    environment: {A: '1'}\n")
    run(folder)
    done = run(folder, overlays=[str(overlay)])
    assert done["changes"] == ["web: 1.10 -> 2.0; environment added"]
    overlay.write_text("apps:\n  web:\n    verzion: '2.0'\n")
    found = run(folder, overlays=[str(overlay)])["problems"]
    assert [(p["file"], p["line"], p["service"], p["code"]) for p in found] == [(str(overlay), 3, "web", "unknown_key")]
    missing = run(folder, overlays=[str(folder / "nothing.yaml")])
    assert [problem["code"] for problem in missing["problems"]] == ["file_missing"]


def test_an_overlay_merges_mappings_replaces_lists_and_removes(folder):
    (folder / "services.registry.yaml").write_text(
        "core:\n  web:\n    image: a\n    version: '1'\n    environment: [A=1, B=2]\n    ports: ['80:80']\n"
        "    volumes: [a:/a]\n    health_check: {type: exec, command: test -e /x, retries: 3}\n"
    )
    overlay = folder / "services.registry.test.yaml"
    overlay.write_text(
        "core:\n  web:\n    environment: {B: 3, C: 4}\n    ports: !reset null\n    volumes: [b:/b]\n"
        "    health_check: {retries: 5}\n  more: {image: m, version: 1.10}\n"
    )
    assert not run(folder, overlays=[str(overlay)]).get("failed")
    services = yaml.safe_load((folder / "out/compose/core.yml").read_text())["services"]
    assert services["web"] == {
        "image": "a:1",
        "environment": {"A": "1", "B": "3", "C": "4"},
        "volumes": ["b:/b"],
        "healthcheck": {"test": "test -e /x", "retries": 5},
    }
    assert services["more"] == {"image": "m:1.10"}


def test_no_secret_in_the_diff_nor_in_an_error(folder):
    done = run(folder, diff=True)
    assert "supersecret1" not in str(done)
    change(folder, "supersecret1", "othersecret2", "out/compose/core.yml")
    failed = run(folder)
    assert failed["error_code"] == "edited" and "secret1" not in str(failed) and "secret2" not in str(failed)


def test_the_diff_begins_with_the_services(folder):
    run(folder)
    change(folder, "16.11", "16.12")
    diff = run(folder, diff=True, check=True)["diff"]
    assert diff[0] == {"prepared": "postgres: 16.11 -> 16.12\n"}
    assert [entry["after_header"].rpartition("/out/")[2] for entry in diff[1:]] == [
        "compose/core.yml",
        "compose.yml",
        "INVENTORY.md",
    ]


#: Each line is nine times the one before.
BOMB = b"y0: &b0 [" + b"1," * 1000 + b"]\n"
BOMB += b"".join(b"y%d: &b%d [%s]\n" % (n, n, b",".join([b"*b%d" % (n - 1)] * 9)) for n in range(1, 8))


def kept(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_mapping"),
        (b"- a\n", "no_mapping"),
        (b"\x00\x01\xff", "encoding"),
        (b"core:\n" + b"# " + b"x" * 5_000_000, "too_large"),
        (b"a: &a [x]\nb: [*a, *nothing]\n", "unknown_anchor"),
        (b"core: &core\n  web: *core\n", "recursive_anchor"),
        (b"core:\n  web: {image: a, image: b}\n", "duplicate_key"),
        (b"core:\n\tweb: 1\n", "yaml_syntax"),
        (BOMB, "too_large"),
    ],
    ids=["empty", "list", "binary", "5 MB", "anchor", "recursion", "double", "tab", "bomb"],
)  # fmt: skip
def test_a_registry_that_can_not_be_read(folder, content, code):
    (folder / "services.registry.yaml").write_bytes(content)
    before = kept(folder)
    done = run(folder)
    assert done["error_code"] == "invalid_registry"
    assert code in [problem["code"] for problem in done["problems"]]
    assert kept(folder) == before


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "dangling"])
def test_a_registry_that_is_no_file(folder, kind):
    path = folder / "services.registry.yaml"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    done = run(folder)
    (problem,) = done["problems"]
    assert problem["code"] == ("file_missing" if kind in ("missing", "dangling") else "file_unreadable")
    assert problem["file"] == str(path) and problem["hint"]


def test_a_destination_that_is_a_file(folder):
    (folder / "out").write_text("x")
    assert run(folder)["error_code"] == "dest_unusable"
    assert run(folder, dest=str(folder / "out" / "below"))["error_code"] == "dest_unusable"


@pytest.mark.parametrize("place", ["compose", "compose/core.yml", "compose.yml"])
def test_no_way_out_by_a_link(folder, place):
    outside = folder / "outside"
    outside.mkdir()
    (outside / "core.yml").write_text("mine\n")
    link = folder / "out" / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside if place == "compose" else outside / "core.yml")
    for check in (True, False):
        done = run(folder, check=check, overwrite_edited=True)
        assert done["error_code"] == "dest_unusable", done
    assert [path.read_text() for path in outside.iterdir()] == ["mine\n"]


def test_a_link_that_comes_during_the_run(folder):
    run(folder)
    change(folder, "16.11", "16.12")
    outside = folder / "outside"
    outside.mkdir()

    def lead_away():
        (folder / "out/compose").rename(folder / "aside")
        (folder / "out/compose").symlink_to(outside)

    done = run(folder, between=lead_away)
    assert done["error_code"] == "dest_unusable" and list(outside.iterdir()) == []


def test_a_file_that_somebody_changes_during_the_run(folder):
    run(folder)
    change(folder, "16.11", "16.12")
    done = run(folder, between=lambda: change(folder, "16.11", "9", "out/compose/core.yml"))
    assert done["error_code"] == "conflict" and done["changed"] is False
    assert ":9" in (folder / "out/compose/core.yml").read_text()


def test_a_destination_that_is_a_link_itself(folder):
    (folder / "real").mkdir()
    (folder / "out").symlink_to("real")
    assert run(folder)["changed"] and (folder / "real/compose.yml").is_file()


def test_a_write_that_fails_says_what_was_done_and_the_next_run_does_the_rest(folder, monkeypatch):
    real, count = write.__globals__["replace"], []

    def full(*args, **how):
        count.append(1)
        if len(count) == 3:
            raise OSError(28, "No space left on device")
        return real(*args, **how)

    monkeypatch.setitem(write.__globals__, "replace", full)
    done = run(folder)
    assert done["error_code"] == "dest_unusable" and "No space left" in done["msg"] and len(done["written"]) == 2
    assert done["changed"] is True and not (folder / "out/compose.yml").exists()
    assert run(folder)["changed"] and run(folder)["changed"] is False


def test_values_keep_the_text_that_the_registry_has(folder):
    (folder / "services.registry.yaml").write_text(
        "core:\n  web:\n    image: example/web\n    version: 1.10\n    user: 0123\n    environment:\n"
        "      A: 1.10\n      B: yes\n      C: 0x1F\n      D:\n      E: 22:22\n      F: true\n"
        "      G: 1_000\n      H: $$x\n      I: 'a: b'\n      J: \"\\u00fc\"\n      K: {{ generate_password }}\n"
    )
    done = run(folder)
    assert done.get("problems") is None, done
    text = (folder / "out/compose/core.yml").read_text()
    for line in (
        'A: "1.10"',
        'B: "yes"',
        'C: "0x1F"',
        "D:\n",
        'E: "22:22"',
        'F: "true"',
        'G: "1_000"',
        "H: $$x",
        "J: ü",
    ):
        assert line in text, (line, text)
    assert 'user: "0123"' in text and "image: example/web:1.10" in text and "{{ generate_password }}" in text


@pytest.fixture
def registry_of_images():
    """A registry over plain HTTP with the images ``checked`` and ``plain``, and an index that leads to ``checked``."""
    answers = {}
    for name, config in (
        ("checked", {"Healthcheck": {"Test": ["CMD", "true"]}}),
        ("plain", {}),
        ("none", {"Healthcheck": {"Test": ["NONE"]}}),
    ):
        answers[f"/v2/{name}/manifests/1"] = {"config": {"digest": f"sha256:{name}"}}
        answers[f"/v2/{name}/blobs/sha256:{name}"] = {"config": config}
    answers["/v2/many/manifests/1"] = {"manifests": [
        {"digest": "sha256:attest", "platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": "sha256:arm", "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": "sha256:amd", "platform": {"os": "linux", "architecture": "amd64"}},
    ]}  # fmt: skip
    answers["/v2/many/manifests/sha256:amd"] = {"config": {"digest": "sha256:c"}}
    answers["/v2/many/blobs/sha256:c"] = {"config": {}}
    answers["/v2/odd/manifests/1"] = ["no manifest"]

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            found = answers.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_an_image_without_a_health_check_behind_type_docker(folder, registry_of_images):
    services = [
        f"  {name}: {{image: {registry_of_images}/{name}, version: '1', health_check: {{type: docker}}}}\n"
        for name in ("checked", "plain", "none", "many", "missing", "odd")
    ]
    text = (
        "core:\n" + "".join(services) + "  away: {image: 127.0.0.1:1/x, version: '1', health_check: {type: docker}}\n"
    )
    (folder / "services.registry.yaml").write_text(text)
    assert run(folder, check=True)["notices"] == []
    found = run(folder, check_images=True)
    assert found["changed"] and found["calls"] == 3
    assert [(n["service"], n["line"], n["code"]) for n in found["notices"]] == [
        ("plain", 3, "image_healthcheck"),
        ("none", 4, "image_healthcheck"),
        ("many", 5, "image_healthcheck"),
    ]
    strict = run(folder, check_images=True, strict=True)
    assert {problem["service"] for problem in strict["problems"]} == {"plain", "none", "many"}


def test_a_registry_gives_a_token_to_everybody():
    asked = []

    def get(url, headers):
        asked.append((url, headers.get("Authorization")))
        if url.startswith("https://auth.example/"):
            return 200, {}, b'{"token": "t"}'
        if headers.get("Authorization") != "Bearer t":
            return 401, {"www-authenticate": 'Bearer realm="https://auth.example/token",service="s"'}, b""
        return 200, {}, b'{"config": {"digest": "sha256:c"}}' if "manifests" in url else b'{"config": {}}'

    assert health_checks(["example/web:1", "example/web:1"][:1], get) == {"example/web:1": False}
    assert asked[0][0] == "https://registry-1.docker.io/v2/example/web/manifests/1"
    assert "scope=repository%3Aexample%2Fweb%3Apull" in asked[1][0]
    # One that wants a name and a password is not asked further.
    assert health_checks(["example/web:1"], lambda url, headers: (401, {"www-authenticate": "Basic"}, b"")) == {}


def test_on_the_controller_no_module_is_started(folder):
    first = run(folder, here=True)
    assert first["changed"] and first["calls"] == 0
    there = tree(folder)
    again = run(folder)
    assert not again["changed"] and again["calls"] == 1 and tree(folder) == there
    action = InProcess({})
    for transport, become, here in (("local", None, True), ("local", "sudo", False), ("ssh", None, False)):
        action._connection = SimpleNamespace(transport=transport, become=become)
        assert action._is_here() == here


def test_verify_fails_if_the_files_are_not_those_of_the_registry(folder):
    run(folder)
    assert "failed" not in run(folder, verify=True)
    change(folder, "16.11", "16.12")
    there = tree(folder)
    found = run(folder, verify=True, diff=True)
    assert found["failed"] and found["error_code"] == "outdated" and not found["changed"]
    assert "16.11 -> 16.12" in found["msg"] and found["diff"] and tree(folder) == there
    (folder / "out" / "compose.yml").unlink()
    assert "compose.yml" in run(folder, verify=True)["written"]


@pytest.mark.slow
def test_the_work_grows_with_the_services_only(folder, calls):
    """500 services take 0.6 s of CPU time the first time, 0.5 s again (2026-11)."""

    def measured(count):
        (folder / "services.registry.yaml").write_text(many(count))
        done = {}
        first = calls(lambda: done.update(run(folder, dest=str(folder / str(count)))))
        assert done["changed"] and len(done["services"]) == count and not done["notices"]
        again = calls(lambda: done.update(run(folder, dest=str(folder / str(count)))))
        assert not done["changed"] and done["calls"] == 1
        return first, again

    few, more, many_more = measured(20), measured(40), measured(160)
    for least, middle, most in zip(few, more, many_more):
        assert (most - middle) / 120 < 1.3 * (middle - least) / 20
        assert most / 160 < 3000


def test_results_have_what_return_says_and_nothing_else(folder):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "integration"))
    from documented import COMMON, documentation, found, paths, promised

    keys = promised(documentation("services_registry_compose", "RETURN"))
    change(folder, 'version: "16.11"', "version: latest")
    results = [run(folder, diff=True)]
    change(folder, "phase: core", "phase: cor")
    results.append(run(folder))
    change(folder, "phase: cor", "phase: core")
    change(folder, "latest", "9", "out/compose/core.yml")
    results.append(run(folder))
    seen = found([{key: value for key, value in result.items() if key != "calls"} for result in results], keys)
    assert paths({key: inner for key, inner in seen.items() if key not in COMMON}) == paths(keys)

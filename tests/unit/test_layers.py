"""The walls of docs/architecture.md: who may import what. What a rule forbids, this test forbids."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
OURS = "ansible_collections.stackwright.swarm.plugins."

#: Each layer, and the layers that it may import. The first prefix that fits a file is its layer.
LAYERS = {
    "module_utils/errors": [],
    "module_utils/core/http": ["module_utils/errors"],
    "module_utils/core": ["module_utils/errors"],
    "module_utils/shown": ["module_utils/errors", "module_utils/planning/mask"],
    "module_utils/swarm": ["module_utils/errors"],
    "module_utils/health": ["module_utils/errors", "module_utils/swarm"],
    "module_utils/planning": [
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/values",
        "module_utils/health/nodes",
    ],
    "module_utils/history": ["module_utils/core", "module_utils/errors", "module_utils/swarm", "module_utils/planning"],
    "module_utils/routing": ["module_utils/core", "module_utils/errors", "module_utils/swarm", "module_utils/planning"],
    "module_utils/preflight": [
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/health",
        "module_utils/planning",
    ],
    "module_utils/engine": ["module_utils/core", "module_utils/errors", "module_utils/swarm"],
    "module_utils/values": ["module_utils/core", "module_utils/errors", "module_utils/swarm"],
    "module_utils/store": [
        "module_utils/core",
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/values",
        "module_utils/engine",
    ],
    "module_utils/caddy": ["module_utils/core", "module_utils/errors", "module_utils/swarm", "module_utils/routing"],
    "module_utils/deploy": [
        "module_utils/core",
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/health",
        "module_utils/planning",
        "module_utils/values",
        "module_utils/history",
        "module_utils/routing",
        "module_utils/preflight",
        "module_utils/engine",
        "module_utils/store",
    ],
    "module_utils/adapter": ["module_utils"],
    "plugin_utils/cluster_action": ["module_utils", "plugin_utils"],
    "plugin_utils/piped_action": ["module_utils", "plugin_utils"],
    "plugin_utils/play_vault": ["module_utils", "plugin_utils"],
    "plugin_utils/vault": [
        "module_utils/swarm",
        "module_utils/errors",
        "module_utils/values",
        "module_utils/store",
        "plugin_utils",
    ],
    "plugin_utils/provenance": ["module_utils/history", "module_utils/planning"],
    "plugin_utils": [
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/values",
        "module_utils/routing",
        "module_utils/shown",
        "plugin_utils",
    ],
    "modules": ["module_utils"],
    "action": ["module_utils", "plugin_utils"],
    "lookup": ["module_utils", "plugin_utils"],
    "filter": [
        "module_utils/errors",
        "module_utils/swarm",
        "module_utils/values",
        "module_utils/shown",
        "plugin_utils",
    ],
    "doc_fragments": [],
}

PURE = (
    "module_utils/errors",
    "module_utils/core/retry",
    "module_utils/core/plain",
    "module_utils/core/shape",
    "module_utils/swarm",
    "module_utils/health",
    "module_utils/planning",
    "module_utils/values",
    "module_utils/history",
    "module_utils/routing",
    "module_utils/preflight",
)
IMPURE_MODULES = {
    "ansible",
    "asyncio",
    "docker",
    "fcntl",
    "http",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "requests",
    "secrets",
    "select",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
#: Compose files are read through a reader; only these files of the compiler touch the world.
COMPILER_EDGE = {"plugin_utils/compose/local_files.py", "plugin_utils/compose/schema/loader.py"}
EXIT = {"exit_json", "fail_json"}


def files():
    return sorted(path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py" or path.read_text().strip())


def name(path):
    return path.relative_to(PLUGINS).as_posix()


def layer_of(place):
    return next((layer for layer in LAYERS if place.startswith(layer)), None)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                pytest.fail(f"{name(path)}:{node.lineno}: a relative import; write it in full")
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", files(), ids=name)
def test_imports_go_downwards_only(path):
    layer = layer_of(name(path))
    assert layer, f"{name(path)} belongs to no layer: name it in LAYERS and in docs/architecture.md"
    for module, line in imports(path):
        if not module.startswith(OURS):
            continue
        target = module[len(OURS) :].replace(".", "/")
        allowed = any(target == name_ or target.startswith(name_ + "/") for name_ in [layer, *LAYERS[layer]])
        parent = any(name_.startswith(target) for name_ in [layer, *LAYERS[layer]])
        assert allowed or parent, f"{name(path)}:{line}: {layer} may not import {target}"


@pytest.mark.parametrize("path", [p for p in files() if name(p).startswith(PURE)], ids=name)
def test_the_core_is_pure(path):
    for module, line in imports(path):
        if not module.startswith(OURS):
            assert module.split(".")[0] not in IMPURE_MODULES, f"{name(path)}:{line}: a pure file imports {module}"


@pytest.mark.parametrize("path", [p for p in files() if name(p).startswith("plugin_utils/compose/")], ids=name)
def test_the_compiler_touches_the_world_through_its_reader_only(path):
    if name(path) in COMPILER_EDGE:
        pytest.skip("this is the reader")
    for module, line in imports(path):
        if not module.startswith(OURS):
            top = module.split(".")[0]
            assert top not in IMPURE_MODULES - {"io", "pathlib"}, f"{name(path)}:{line}: the compiler imports {module}"


@pytest.mark.parametrize("path", files(), ids=name)
def test_only_the_adapter_ends_a_module(path):
    if name(path).startswith("module_utils/adapter/"):
        pytest.skip("this is the adapter")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in EXIT, f"{name(path)}:{node.lineno}: {node.attr} belongs into the adapter"


@pytest.mark.parametrize("path", files(), ids=name)
def test_files_stay_small(path):
    code = path.read_text()
    # A module's documentation is data, and may be long.
    documentation = sum(
        part.value.value.count("\n")
        for part in ast.parse(code).body
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
    )
    assert code.count("\n") - documentation <= 400, f"{name(path)} is long: one topic a file"


def test_the_walls_stop_a_wrong_import(tmp_path, monkeypatch):
    wrong = PLUGINS / "module_utils" / "planning" / "x.py"
    monkeypatch.setattr(Path, "read_text", lambda self, *a: "import time\n" if self == wrong else "")
    with pytest.raises(AssertionError, match="imports time"):
        test_the_core_is_pure(wrong)

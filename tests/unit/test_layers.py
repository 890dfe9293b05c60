"""Imports between rooms: only those that docs/architecture.md allows."""

import ast
import functools
import re
from collections import Counter
from pathlib import Path
from typing import List, NamedTuple, Tuple

import parsed
import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
PAGE = ROOT / "docs" / "architecture.md"
OURS = "ansible_collections.stackwright.swarm.plugins."

#: Folders where Ansible looks for plugins: it requires all of a kind in one folder.
ANSIBLE = ("modules", "action", "filter", "lookup", "doc_fragments")
#: Most files in any other folder, so that it can be surveyed.
MOST_FILES = 16

PURE = (
    "module_utils/core/errors",
    "module_utils/core/retry",
    "module_utils/core/plain",
    "module_utils/core/shape",
    "module_utils/swarm",
    "module_utils/values",
    "module_utils/masking",
    "module_utils/health",
    "module_utils/request",
    "module_utils/plan",
    "module_utils/planning",
    "module_utils/transitions",
    "module_utils/drift",
    "module_utils/history",
    "module_utils/preflight",
    "module_utils/pulling/jobs",
    "module_utils/membership",
    "module_utils/routing",
    "plugin_utils/cron",
    "plugin_utils/environments/domains",
    "plugin_utils/environments/previews",
    "plugin_utils/stacks/order",
    "plugin_utils/stacks/table",
    "plugin_utils/story/asked",
    "plugin_utils/story/judging",
    "plugin_utils/story/lines",
    "plugin_utils/story/proxies",
    "plugin_utils/story/steps",
    "plugin_utils/story/story.py",
    "plugin_utils/story/verdict",
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
#: Compose files are read through a reader; only these files of the compiler access files and time.
COMPILER_EDGE = {"plugin_utils/compose/source/local_files.py", "plugin_utils/compose/schema/loader.py"}
EXIT = {"exit_json", "fail_json"}


#: Imports inside functions, by file, with the lines of code that Python need not compile in a run without them (a run
#: of compose_stack without changes compiles 8,000). No other import may be in a function: it would save nothing, and
#: hide what a file needs. The controller parses everything in both cases.
DOORS = {
    # A module that only follows its detached process compiles 1,800 lines instead of 5,000 to 12,000. A task of a
    # clean-up, a preflight or a comparison compiles one part of several.
    "what a module does": (
        "adapter",
        "deploy/transaction",
        "enrolling",
        "info",
        "locking/lease",
        "parts/looks",
        "tasks",
    ),
    # 10,000: only a run with changes.
    "work": ("deploy/*",),
    # 1,900: only a run that waits or has failed.
    "waiting": ("gate", "health/pulls"),
    # 3,300: only stacks with kept values, or with secrets.
    "kept values": ("binding/hiding", "binding/kept_values", "binding/pinned", "store"),
    # 1,600: only rollbacks, and runs that need old revisions.
    "history": ("binding/recall", "history", "revisions"),
    # 2,100: only stacks with routes, with steps of pre_start, or with something to hide in a plan.
    "what few stacks have": ("cluster/route_book", "masking/mask", "planning/steps", "routing/live"),
    # 800, and the SDK of docker: one transport of several; and the process that only long runs start.
    "transports": ("detached", "engine"),
    # 5,200 of a compilation's 14,900: features that few files use, and messages about faults.
    "what few files have": (
        "compose/gotemplate",
        "compose/load/cut",
        "compose/load/extends",
        "compose/load/include",
        "compose/load/merge",
        "compose/platform/policy",
        "compose/project/parts",
        "compose/routes",
        "compose/schedules",
        "compose/schema/messages",
        "compose/source/dotenv",
        "compose/source/inline",
        "compose/values/allowed_places",
        "compose/values/overrides",
        "compose/values/stack_values",
        "values/generators",
    ),
    # Only tasks with receivers of notifications.
    "notifications": ("notifying/notifier",),
    # 9,600: only tasks that have Compose files, a vault, or many stacks.
    "on the controller": ("adapter/route_options", "compiling/task_files", "cron/due", "stacks/many", "vault"),
    # 9,500: Ansible loads all filter files of a collection for any one of its filters.
    "one filter of many": ("compiling/rendered", "environments"),
}


@functools.cache
def files():
    return sorted(path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py" or path.read_text().strip())


def name(path):
    return path.relative_to(PLUGINS).as_posix()


def room(place):
    """Returns the folder of a file as in the page: without module_utils/ or plugin_utils/."""
    return re.sub(r"^(module|plugin)_utils/", "", place.rpartition("/")[0])


@functools.cache
def known():
    return set(PLUGINS.rglob("*.py"))


@functools.cache
def walls(page=None):
    """Returns each room of the page with the rooms that it may import."""
    rows = re.findall(r"^\| `([a-z_/]+)/` \| .* \| ([^|]*) \|$", page or PAGE.read_text(), re.M)
    return {room(f"{place}/"): set(re.findall(r"`([a-z_/]+)`", allowed)) for place, allowed in rows}


class Seen(NamedTuple):
    """The parts of a file: imports as (module, line), those inside functions, the ends of a module, and its length
    without documentation, which is data and may be long."""

    imports: List[Tuple[str, int]]
    inner: List[Tuple[str, int]]
    ends: List[Tuple[str, int]]
    lines: int


def seen(path):
    return _seen(path, path.read_text())


@functools.cache
def _seen(path, text):
    tree = parsed.tree(text)
    found = Seen([], [], [], text.count("\n") - sum(map(documentation, tree.body)))
    todo = [(tree, False)]
    for node, inside in todo:
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                pytest.fail(f"{name(path)}:{node.lineno}: a relative import; write it in full")
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and node.attr in EXIT:
            found.ends.append((node.attr, node.lineno))
        found.imports.extend((module, node.lineno) for module in modules)
        found.inner.extend((module, node.lineno) for module in modules if inside)
    return found


def documentation(node):
    is_text = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    return node.value.value.count("\n") if is_text and isinstance(node.value.value, str) else 0


def our_files(modules):
    """Returns the files of plugins/ among the imported modules, each with the line of its import."""
    for module, line in modules:
        target = PLUGINS / (module[len(OURS) :].replace(".", "/") + ".py")
        if module.startswith(OURS) and target in known():
            yield name(target), line


def ours(path):
    """Returns the files of plugins/ that a file imports, also inside functions, each with the line."""
    return our_files(seen(path).imports)


def circle(edges):
    """Returns one circle of a graph (node -> nodes) as a list with equal ends; empty if there is none."""
    done = set()

    def walk(node, way):
        if node in way:
            return [*way[way.index(node) :], node]
        if node not in done:
            found = next(filter(None, (walk(other, [*way, node]) for other in sorted(edges.get(node, ())))), [])
            if found:
                return found
            done.add(node)
        return []

    return next(filter(None, (walk(node, []) for node in sorted(edges))), [])


@functools.cache
def graph():
    return {name(path): {target for target, _line in ours(path)} for path in files()}


def rooms_of(edges):
    out = {}
    for place, targets in edges.items():
        out.setdefault(room(place), set()).update(room(target) for target in targets if room(target) != room(place))
    return out


def through_a_wall(path):
    here, allowed = room(name(path)), walls()
    if here not in allowed:
        yield f"docs/architecture.md does not name the room {here} of {name(path)}"
    for target, line in ours(path):
        if room(target) not in {here, *allowed.get(here, ())}:
            yield f"{name(path)}:{line}: {here} may not import {room(target)} (docs/architecture.md, Rooms)"


def not_at_a_door(path):
    for target, line in inner(path):
        if not is_door(target):
            yield f"{name(path)}:{line}: import {target} at the top, or name a door for it in DOORS"


def impure(path):
    if name(path).startswith(PURE):
        for module, line in seen(path).imports:
            if not module.startswith(OURS) and module.split(".")[0] in IMPURE_MODULES:
                yield f"{name(path)}:{line}: a pure file imports {module}"


def beside_the_reader(path):
    if name(path).startswith("plugin_utils/compose/") and name(path) not in COMPILER_EDGE:
        for module, line in seen(path).imports:
            if not module.startswith(OURS) and module.split(".")[0] in IMPURE_MODULES - {"io", "pathlib"}:
                yield f"{name(path)}:{line}: the compiler imports {module}"


def ends_a_module(path):
    if not name(path).startswith("module_utils/adapter/"):
        for end, line in seen(path).ends:
            yield f"{name(path)}:{line}: {end} belongs into the adapter"


def long(path):
    if seen(path).lines > 400:
        yield f"{name(path)} is long: one topic a file"


#: The checks of each file. One test for all files: a test for each would take longer than the check itself.
ASKED = (through_a_wall, not_at_a_door, impure, beside_the_reader, ends_a_module, long)


@pytest.mark.parametrize("wrong", ASKED, ids=lambda wrong: wrong.__name__)
def test_no_file_is(wrong):
    assert [fault for path in files() for fault in wrong(path)] == []


def test_the_page_allows_nothing_that_is_not_needed():
    needed = rooms_of(graph())
    spare = {(here, other) for here, allowed in walls().items() for other in allowed - needed.get(here, set())}
    assert not spare, "docs/architecture.md allows imports that nobody makes: take them out"


def test_no_file_is_in_a_circle():
    assert circle(graph()) == []


def test_no_room_is_in_a_circle():
    assert circle(rooms_of(graph())) == []


def test_circles_are_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def inner(path):
    """Returns the files of plugins/ that a file imports inside functions, each with the line."""
    return our_files(seen(path).inner)


def is_door(target):
    place = re.sub(r"^(module|plugin)_utils/", "", target)[: -len(".py")]
    return any(place == door or room(target) == door.rstrip("/*") for doors in DOORS.values() for door in doors)


def test_every_door_is_used():
    used = {target for path in files() for target, _line in inner(path)}
    for doors in DOORS.values():
        for door in doors:
            assert any(
                re.sub(r"^(module|plugin)_utils/", "", target)[:-3] == door or room(target) == door.rstrip("/*")
                for target in used
            ), f"nobody imports {door} in a function any more: take it out of DOORS"


def test_no_folder_is_too_large_to_look_through():
    count = Counter(room(name(path)) for path in files())
    large = {folder: number for folder, number in count.items() if number > MOST_FILES and folder not in ANSIBLE}
    assert not large, f"more than {MOST_FILES} files: split the topic, or merge what is one"


@pytest.mark.parametrize(
    ("wrong", "place", "text", "said"),
    [
        (
            through_a_wall,
            "module_utils/planning/x.py",
            f"import {OURS}module_utils.tasks.cleanup",
            "may not import tasks",
        ),
        (through_a_wall, "module_utils/nowhere/x.py", "", "does not name the room nowhere"),
        (not_at_a_door, "modules/x.py", f"def f():\n    import {OURS}module_utils.core.errors", "at the top"),
        (not_at_a_door, "modules/x.py", f"def f():\n    from {OURS}module_utils.core import errors", "at the top"),
        (impure, "module_utils/planning/x.py", "import time", "imports time"),
        (impure, "module_utils/planning/x.py", "from os import path", "imports os"),
        (beside_the_reader, "plugin_utils/compose/x.py", "import socket", "imports socket"),
        (ends_a_module, "module_utils/tasks/x.py", "module.exit_json()", "exit_json belongs"),
        (long, "modules/x.py", "x = 1\n" * 401, "is long"),
    ],
)
def test_what_is_wrong_is_seen(monkeypatch, wrong, place, text, said):
    path, real = PLUGINS / place, Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, *a: f"{text}\n" if self == path else real(self, *a))
    (fault, *_more) = wrong(path)
    assert said in fault


def test_filters_load_little():
    """Ansible loads all filter files of a collection for any of them, in each process that has a template."""
    loaded, open_ = set(), [path for path in files() if name(path).startswith("filter/")]
    while open_:
        path = open_.pop()
        later = set(inner(path))
        for target, line in ours(path):
            if (target, line) not in later and target not in loaded:
                loaded.add(target)
                open_.append(PLUGINS / target)
    lines = sum(len((PLUGINS / target).read_text().splitlines()) for target in loaded)
    assert lines <= 1500, f"{lines} lines: import what is large inside the filter's function ({sorted(loaded)})"

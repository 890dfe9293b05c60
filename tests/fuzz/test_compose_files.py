"""Spoilt Compose files through the whole compiler: only our own errors come out, each problem with file and line."""

from __future__ import annotations

import errno
import json
import random
import reprlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import fuzzing
import spoil
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.rendering import rendering
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
CASES = ROOT / "tests" / "unit" / "cases"
NAMES = (
    "compose.yml",
    "/p/compose.yml",
    "a\nb.yml",
    "\x1b[31m.yml",
    "../../x.yml",
    "é\u202e.yml",
    "-",
    "x" * 300,
    "a:1:2.yml",
)
#: Problems that are about an option, not about a file.
OPTIONS = {"invalid_name", "variable", "variable_type", "required"}


@lru_cache
def good_files() -> list[bytes]:
    """The corpus where it is there, and the files of our own cases."""
    folders = [folder for folder in (CORPUS, CASES) if folder.is_dir()]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".yml", ".yaml")]
    return [path.read_bytes() for path in paths]


@lru_cache
def env_files() -> list[bytes]:
    folders = [folder for folder in (CORPUS, CASES) if folder.is_dir()]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if ".env" in path.name and path.is_file()]
    return [path.read_bytes() for path in paths]


@lru_cache(maxsize=4000)
def tree_of(data: bytes) -> Any:
    try:
        return yaml.load(data, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, TypeError):
        return None


@dataclass
class Case:
    sources: list[Source]
    options: dict[str, Any]
    seed: int
    shown: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        short = reprlib.Repr()  # what has many aliases would never end
        short.maxstring, short.maxlevel, short.maxdict, short.maxlist = 2000, 12, 50, 20
        texts = "\n".join(f"--- {source.path!r}\n{short.repr(source.text)}" for source in self.sources)
        return f"{self.options}\n{texts}"


def spoilt(chance: random.Random) -> Any:
    """One file, spoilt: bytes, a text, or a definition that is already parsed."""
    data = chance.choice(good_files())
    how = chance.random()
    if how < 0.2:
        return spoil.spoil_bytes(data, chance)
    if how < 0.4:
        other = chance.choice(good_files()).decode("utf-8", "replace")
        return spoil.spoil_lines(data.decode("utf-8", "surrogateescape"), other, chance)
    tree = spoil.spoil_tree(tree_of(data), chance)
    if how < 0.75:
        return spoil.as_text(tree, chance)
    return spoil.python_only(tree, chance) if how < 0.85 else tree


def spoilt_env(chance: random.Random) -> bytes:
    data = chance.choice(env_files())
    how = chance.random()
    if how < 0.3:
        return spoil.spoil_bytes(data, chance)
    if how < 0.6:
        text = spoil.spoil_lines(data.decode("utf-8", "replace"), chance.choice(spoil.HOSTILE), chance)
        return text.encode("utf-8", "surrogatepass")
    lines = [f"A0={chance.choice(spoil.HOSTILE)}"]
    for number in range(chance.choice((3, 40))):
        lines.append(f"A{number + 1}=" + f"${{A{number}}}" * chance.choice((1, 2, 9)))
    return "\n".join([*lines, f"A=$A{len(lines) - 1}"]).encode("utf-8", "surrogatepass")


class AnyFiles:
    """Has every file that it is asked for: a good one, a spoilt one, or none."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def read(self, path: str, below: str | None = None) -> bytes:
        chance = random.Random(f"{self.seed} {path!r}")
        how = chance.random()
        if how < 0.15:
            raise OSError(chance.choice((errno.ENOENT, errno.EISDIR, errno.EACCES, errno.ELOOP, errno.EIO)), "told so")
        if path.endswith((".yml", ".yaml")):
            data = chance.choice(good_files())
            return data if how < 0.6 else spoil.spoil_bytes(data, chance)
        return (
            spoilt_env(chance)
            if how < 0.9
            else bytes(chance.randrange(256) for _ in range(chance.choice((0, 9, 2000))))
        )


def options_of(chance: random.Random) -> dict[str, Any]:
    """Options of a task, mostly none."""
    some: dict[str, Any] = {
        "name": chance.choice(("shop", None, "", "a b", "x" * 99)),
        "project": chance.choice((None, "acme")),
        "environment": chance.choice((None, "eu")),
        "variables": chance.choice(
            ({}, {"A": "1"}, {"A": "x" * 100000}, {"A": chance.choice(spoil.HOSTILE), "TAG": "1", "HOME": "/h"})
        ),
        "env_files": chance.choice(((), ("x.env",), ("/a/x.env", "/a/y.env"))),
        "profiles": chance.choice(((), ("*",), ("a", "b"))),
        "project_directory": chance.choice((None, "/p", "")),
        "strict": chance.random() < 0.1,
        "apply_ignored_keys": chance.random() < 0.3,
        "shared_networks": chance.choice(((), ("public",))),
        "platform": chance.choice(
            (
                {},
                {"update_config": "safe", "tracking_labels": True},
                {"logging": {"driver": "x", "options": {"a": "b"}}, "environment": {"A": "b"}},
                {"restart_policy": {"condition": "any"}, "generic_resources": {"gpus": "NVIDIA-GPU"}},
            )
        ),
        "env_overrides": chance.choice(
            ({}, {"stack": {"A": 1}}, {"services": {"web": {"B": {"value": "x", "sensitive": True}}}})
        ),
    }
    return {
        key: value for key, value in some.items() if chance.random() < 0.4 or key == "name" and chance.random() < 0.8
    }


def make(chance: random.Random) -> Case:
    count = chance.choice((1, 1, 1, 2, 3))
    names = [chance.choice(NAMES) if chance.random() < 0.2 else f"/p/{number}.yml" for number in range(count)]
    texts = [
        spoilt(chance) if number == 0 or chance.random() < 0.5 else chance.choice(good_files())
        for number in range(count)
    ]
    return Case([Source(name, text) for name, text in zip(names, texts)], options_of(chance), chance.randrange(1 << 30))


def door(case: Case) -> None:
    try:
        desired = compile_stack(CompileRequest(case.sources, **case.options), AnyFiles(case.seed))
    except ComposeError as error:
        assert error.problems
        told: list[dict[str, Any]] = error.details["problems"]
    except StackwrightError as error:
        assert error.error_code and error.message
        return
    else:
        json.dumps(desired)
        yaml.dump(rendering(desired), Dumper=yaml.CSafeDumper)
        told = desired["notices"]
    # Definitions that are parsed already have no lines, and what an option names has none that names it.
    lineless = {"env_overrides", *(source.path for source in case.sources if not isinstance(source.text, (str, bytes)))}
    for problem in told:
        assert problem["message"] and problem["code"], problem
        if problem["code"] not in OPTIONS:
            assert problem["file"], problem
            unreadable = problem["code"].startswith("file_") and problem["key"] == ""
            assert problem["line"] or problem["file"] in lineless or unreadable, problem


def test_spoilt_files():
    good_files(), env_files()
    fuzzing.hunt(make, door, few=150, full=50_000)

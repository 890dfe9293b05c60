"""Random pairs and triples of files, merged by load and by `docker compose config`; more with STACKWRIGHT_LONG."""

from __future__ import annotations

import os
import random

import compare_compose
import pytest
import yaml

COUNT = 240 if os.environ.get("STACKWRIGHT_LONG") else 24
VARIABLES = {"B": "given"}
# Words of a refusal that only Compose gives: it appends these lists and then finds the same text twice.
STRICTER = ("items at", "labels must be a mapping")


class Files:
    """Writes files that define service `a` (and sometimes `w`, which extends it) by chance."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def some(self, choices, most=2):
        return self.random.sample(choices, self.random.randint(1, most))

    def pairs(self, keys, *values):
        chosen = self.some(keys)
        as_map = {key: self.one(*values) for key in chosen}
        return as_map if self.one(True, False) else [f"{key}={self.one('1', '')}" for key in chosen]

    def service(self):
        one, some, pairs = self.one, self.some, self.pairs
        makers = {
            "annotations": lambda: pairs("ab", "1"),
            "cap_add": lambda: some(["A", "B"]),
            "cap_drop": lambda: some(["A", "B"]),
            "command": lambda: one("a b", ["x", "y"], [], None, "echo 'q w'"),
            "configs": lambda: some(["c1", {"source": "c2", "target": "/t"}, {"source": "c1", "target": "/u"}]),
            "depends_on": lambda: one(
                ["b"],
                {"b": {"condition": "service_healthy"}},
                {"b": {"condition": "service_started", "required": False}},
            ),
            "deploy": self.deploy,
            "devices": lambda: [one("/dev/a:/dev/b", "/dev/c:/dev/b"), "/dev/d"],
            "dns": lambda: one("1.1.1.1", some(["1.1.1.1", "2.2.2.2"])),
            "dns_opt": lambda: some(["a", "b"]),
            "dns_search": lambda: one("a", some(["a", "b"])),
            "entrypoint": lambda: one("a", "", ["e"], None),
            "env_file": lambda: some([{"path": "e1.env"}, {"path": "e2.env", "required": False}, {"path": "e3.env"}]),
            "environment": lambda: pairs("ABCD", "1", "", None, 2, True),
            "expose": lambda: some(["1", "2", 3]),
            "extra_hosts": lambda: one(some(["a:1.1.1.1", "b=2.2.2.2", "a=3.3.3.3"]), {"a": "4.4.4.4"}),
            "healthcheck": lambda: one({"test": "x"}, {"test": ["CMD", "y"], "interval": "5s"}, {"retries": 3}),
            "hostname": lambda: one("h", "i"),
            "init": lambda: one(True, False),
            "labels": lambda: pairs("abc", "1", "", 3),
            "logging": lambda: one(
                {"driver": "a", "options": {"x": "1"}}, {"driver": "b", "options": {"y": "1"}}, {"options": {"z": "1"}}
            ),
            "networks": lambda: one(some(["n1", "n2"]), {"n1": one(None, {"aliases": some(["x", "y"])}), "n2": None}),
            "ports": lambda: some(["80:80", "81:80", "80:80/udp", "127.0.0.1:80:80", "90-92:90-92", "443"], 4),
            "read_only": lambda: one(True, False),
            "secrets": lambda: some(
                ["s1", {"source": "s2", "target": "t"}, {"source": "s1", "target": "u", "mode": 256}]
            ),
            "stop_grace_period": lambda: one("1m", "5s"),
            "sysctls": lambda: pairs("ab", 1),
            "tmpfs": lambda: one("/t", some(["/t", "/u:size=1m"])),
            "ulimits": lambda: {"nofile": one(5, {"soft": 1, "hard": 2}), "nproc": 7},
            "volumes": lambda: [one("a1:/a", "a2:/a:ro"), one("./x:/b", "/b"), one("/host:/c:ro", "a1:/c")],
        }
        return {key: makers[key]() for key in self.random.sample(sorted(makers), self.random.randint(3, 9))}

    def deploy(self):
        blocks = {
            "labels": {"x": "1"},
            "placement": {"constraints": [self.one("a==b", "c==d")]},
            "replicas": self.one(0, 1),
            "resources": {"limits": self.one({"cpus": "0.5"}, {"memory": "10M"})},
            "restart_policy": {"condition": "any"},
            "update_config": self.one({"delay": "5s"}, {"parallelism": 2}),
        }
        return {key: blocks[key] for key in self.some(sorted(blocks), 3)}

    def document(self, first):
        tree = {"services": {"a": self.service()}}
        if first:
            tree["services"]["a"]["image"] = "a"
            tree["services"]["b"] = {"image": "b"}
            tree["secrets"] = {"s1": {"file": "e1.env"}, "s2": {"external": True}}
            tree["configs"] = {"c1": {"file": "e1.env"}, "c2": {"content": "x"}}
        if first or self.one(True, False):
            tree["networks"] = {"n1": self.one({}, None, {"driver": "overlay"}, {"driver_opts": {"x": "1"}}), "n2": {}}
            tree["volumes"] = {"a1": self.one({}, None, {"labels": {"a": "b"}}), "a2": self.one({}, {"name": "fixed"})}
        if self.random.random() < 0.4:
            tree["services"]["w"] = {"extends": "a", "image": "w", **self.service()}
        return tree

    def text(self, first):
        lines = yaml.safe_dump(self.document(first), sort_keys=False).split("\n")
        blocks = [index for index, line in enumerate(lines) if line.startswith("    ") and line.endswith(":")]
        if not first and blocks and self.random.random() < 0.3:
            lines[self.random.choice(blocks)] += self.one(" !reset", " !override")
        return "\n".join(lines)


@pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
def test_random_files_are_merged_as_compose_merges_them(tmp_path):
    equal, wrong = 0, []
    for seed in range(COUNT):
        files, folder = Files(seed), tmp_path / str(seed)
        folder.mkdir()
        for name, content in (("e1.env", "E=1\nA=file\n"), ("e2.env", 'E=2\nF="$B"\n'), ("e3.env", "D=4\n")):
            (folder / name).write_text(content, encoding="utf-8")
        paths = [folder / f"{number}.yml" for number in range(files.one(2, 2, 3))]
        for path in paths:
            path.write_text(files.text(path is paths[0]), encoding="utf-8")
        compose = compare_compose.ask_compose(paths, VARIABLES)
        ours = compare_compose.ask_ours(paths, VARIABLES)
        if compose.tree is None:
            assert ours.tree is None or any(words in compose.refused for words in STRICTER), (seed, compose.refused)
            continue
        lines = [ours.refused] if ours.tree is None else compare_compose.differences(compose.tree, ours.tree)
        equal += not lines
        wrong += [f"{folder}: {line}" for line in lines]
    assert wrong == []
    assert equal >= COUNT // 2

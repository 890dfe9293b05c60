"""What docker's own tools make of an exported file: the CLI's specs, and the project of Compose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compare_compose import ask_compose, ask_ours, differences

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document

#: What the Engine of the corpus speaks: it has dropped newer fields.
API = (1, 41)


def of_docker_s_cli(file: Path, stack: str, given: dict[str, Any], seed: dict[str, Any]) -> list[str]:
    """How the specs that docker's CLI makes of an export differ from ``given``, those that it made of the original."""
    import cli_specs
    from compare import compare

    # The content of secrets can't be exported: they are there.
    secrets = [{"Name": name.replace("@S", stack)} for name in given["secrets"]]
    there = {**seed, "secrets": [*(seed.get("secrets") or []), *secrets]}
    told = cli_specs.oracle([str(file)], "mock", {"HOME": "/root"}, seed=there)
    if not told["accepted"]:
        return [f"docker's CLI refuses the export: {told['message'][:200]}"]
    found, wanted = _normal(told, stack), _normal(given, stack)
    for name in found["networks"].keys() & wanted["networks"].keys():
        # A subnet that was left to the Engine may be in the export as it came out.
        pair = normalise.network_pair(wanted["networks"][name], found["networks"][name])
        wanted["networks"][name], found["networks"][name] = pair
    differing: list[str] = compare(found, wanted)
    return differing


def _normal(told: dict[str, Any], stack: str) -> dict[str, Any]:
    """What counts: a default that is written and one that is not are the same."""
    services = {name: normalise.service(spec, api=API) for name, spec in told["services"].items()}
    networks = {name: normalise.network(spec) for name, spec in told["networks"].items()}
    found = {"services": services, "networks": networks, "configs": told["configs"], "secrets": {}}
    plain: dict[str, Any] = json.loads(json.dumps(found).replace(f"{stack}_", "@S_"))
    return plain


def of_compose(file: Path) -> list[str]:
    """How what Compose reads in an export differs from what we read in it."""
    compose, ours = ask_compose([file], {}), ask_ours([file], {}, check=check_document)
    if compose.tree is None or ours.tree is None:
        return [f"refused: {compose.refused or ours.refused}"]
    found: list[str] = differences(compose.tree, ours.tree)
    return found

"""Stacks with references to values for tests: what the compiler would make of expressions, written by hand."""

from __future__ import annotations

import base64
from typing import Any


def reference(name: str) -> str:
    return f"\0{name}\0"


def entry(name: str, generator: str | None = "generate_secure_password", **more: Any) -> dict[str, Any]:
    """One of a DesiredState's ``values``."""
    return {
        "name": name,
        "generator": generator,
        "params": {},
        "sensitive": True,
        "where": "compose.yml:1",
        "given": None,
        **more,
    }


def with_references(desired: dict[str, Any], env: dict[str, dict[str, str]], **given: Any) -> dict[str, Any]:
    """``desired`` with environment variables by service, in whose texts ``<NAME>`` refers to a value; these are listed
    in ``values``. ``given`` maps names (``__`` for the slash) to what the entry differs in."""
    import re

    from ansible_collections.stackwright.swarm.plugins.module_utils.values.references import references_in

    for service in desired["services"]:
        container = service["spec"]["TaskTemplate"]["ContainerSpec"]
        texts = {key: re.sub("<([^<>]+/[^<>]+)>", "\0\\1\0", text) for key, text in env.get(service["key"], {}).items()}
        mine = {e.partition("=")[0]: e.partition("=")[2] for e in container.get("Env") or []}
        container["Env"] = [f"{key}={text}" for key, text in sorted({**mine, **texts}.items())]
    for kind in ("configs", "secrets"):
        for obj in desired[kind]:
            text = base64.b64decode(obj["data"]).decode() if obj["data"] else ""
            if re.search("<[^<>]+/[^<>]+>", text):
                obj["template"] = True
                obj["data"] = base64.b64encode(re.sub("<([^<>]+/[^<>]+)>", "\0\\1\0", text).encode()).decode()
    differ = {name.replace("__", "/"): more for name, more in given.items()}
    desired["values"] = [entry(name, **differ.get(name, {})) for name in sorted(references_in(desired))]
    return desired

"""Writes docs/keys.md: what becomes of each key of Compose in Swarm, from the tables that the notices come from.

.cache/venv/bin/python tests/tools/keys_page.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.fate import (
    CARRIED,
    COMPILED,
    NOTICE,
    QUIET,
    REFUSED,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.keys import KEYS

PAGE = ROOT / "docs" / "keys.md"
HEAD = """# Every Compose key, and what becomes of it

<!-- Written by tests/tools/keys_page.py from plugins/plugin_utils/compose/keys/. Don't edit it here. -->

| word | meaning |
| --- | --- |
| carried | becomes the named field of the Engine's spec |
| compiled | the compiler acts on it; if a part of it is lost, there is a notice |
| quiet | has no meaning for a deployment; no notice |
| no effect | Swarm does not support it: a notice, or an error with `strict: true` |
| refused | a service that needs it can't run in Swarm: an error |

A row applies to all keys below it that have no row of their own. Keys that begin with `x-` are allowed everywhere and
have no meaning, except `x-env` at the top (see [values](guides/values.md#one-value-in-several-places)). An unknown key
is an error. "API" is the lowest version of the Engine's API that has the field. On an older Engine,
the plan has a notice that the value is lost.
"""
SECTIONS = (
    ("The file", lambda key: not key.startswith(("services.", "networks.", "volumes.", "configs.", "secrets."))),
    ("Services", lambda key: key.startswith("services.") and not key.startswith("services.*.deploy.")),
    ("`deploy` of a service", lambda key: key.startswith("services.*.deploy.")),
    ("Networks", lambda key: key.startswith("networks.")),
    ("Volumes", lambda key: key.startswith("volumes.")),
    ("Configs", lambda key: key.startswith("configs.")),
    ("Secrets", lambda key: key.startswith("secrets.")),
)
PREFIXES = ("services.*.deploy.", "services.*.", "networks.*.", "volumes.*.", "configs.*.", "secrets.*.")


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, belongs in SECTIONS:
        rows = [_row(key, fate) for key, fate in sorted(KEYS.items()) if belongs(key)]
        parts.append(
            "\n".join([f"## {title}\n", "| key | what becomes of it | API |", "| --- | --- | --- |", *rows]) + "\n"
        )
    return "\n".join(parts)


def _row(key, fate) -> str:
    short = next((key[len(prefix) :] for prefix in PREFIXES if key.startswith(prefix)), key)
    text = {
        CARRIED: f"`{fate.text}`" if fate.text.replace(".", "").replace("[]", "").isalnum() else fate.text,
        COMPILED: f"compiled: {fate.text}",
        QUIET: f"quiet: {fate.text}",
        NOTICE: f"**no effect**: {fate.text}; {fate.instead}",
        REFUSED: f"**refused**: {fate.text}; {fate.instead}",
    }[fate.kind]
    return f"| `{short}` | {text} | {fate.since} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

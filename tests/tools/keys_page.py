"""Writes docs/keys.md, the fate of each Compose key in Swarm, from the table of keys.

.cache/venv/bin/python tests/tools/keys_page.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import (
    CARRIED,
    COMPILED,
    NOTICE,
    PART,
    QUIET,
    REFUSED,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS

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
    """Returns the whole page."""
    parts = [HEAD]
    for title, belongs in SECTIONS:
        rows = [_row(key, KEYS[key]) for key in sorted(KEYS) if belongs(key) and KEYS[key].fate != PART]
        parts.append(
            "\n".join([f"## {title}\n", "| key | what becomes of it | API |", "| --- | --- | --- |", *rows]) + "\n"
        )
    return "\n".join(parts)


def _row(key, row) -> str:
    short = next((key[len(prefix) :] for prefix in PREFIXES if key.startswith(prefix)), key)
    text = {
        CARRIED: f"`{row.text}`" if row.text.replace(".", "").replace("[]", "").isalnum() else row.text,
        COMPILED: f"compiled: {row.text}",
        QUIET: f"quiet: {row.text}",
        NOTICE: f"**no effect**: {row.text}; {row.instead}",
        REFUSED: f"**refused**: {row.text}; {row.instead}",
    }[row.fate]
    return f"| `{short}` | {text} | {row.since} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

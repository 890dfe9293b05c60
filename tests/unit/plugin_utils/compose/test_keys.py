"""No key of Compose is silently ignored: schema, table of keys and docs/keys.md agree."""

import importlib.util
from pathlib import Path

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import CARRIED, NOTICE, PART, REFUSED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import schema

ROOT = Path(__file__).resolve().parents[4]
#: The old form `external: {name: x}` is converted to `external` and `name`.
OLD = (".external.name",)


def patterns(node, path=""):
    """Yields every key of the schema as a pattern of the table."""
    for key, part in node.get("properties", {}).items():
        yield (here := f"{path}.{key}" if path else key)
        yield from patterns(part, here)
    for pattern, part in node.get("patternProperties", {}).items():
        if pattern != "^x-":
            yield from patterns(part, f"{path}.*")
    if isinstance(node.get("additionalProperties"), dict):
        yield from patterns(node["additionalProperties"], f"{path}.*")
    if isinstance(node.get("items"), dict):
        yield from patterns(node["items"], f"{path}[]")


SCHEMA_KEYS = sorted({key for key in patterns(schema()) if not key.endswith(OLD)})


def ancestors(key):
    parts = key.replace("[]", ".[]").split(".")
    for end in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:end]).replace(".[]", "[]")


def fate_of(key):
    """Returns the fate in the key's row, or in the nearest row above that includes all keys below it."""
    if key in KEYS and KEYS[key].fate != PART:
        return KEYS[key]
    above = (KEYS[above] for above in ancestors(key) if above in KEYS)
    return next((row for row in above if row.fate not in (CARRIED, PART)), None)


def test_the_schema_was_walked():
    assert len(SCHEMA_KEYS) > 300
    assert {"services.*.volumes[].tmpfs.size", "networks.*.ipam.config[].subnet", "name"} <= set(SCHEMA_KEYS)


def test_every_key_has_a_fate():
    without = [key for key in SCHEMA_KEYS if fate_of(key) is None]
    assert without == [], "these stand in the schema, and in none of the tables keys/keys_*.py"


def test_every_row_is_a_key():
    spare = sorted({key for key in KEYS if not key.endswith("*")} - set(SCHEMA_KEYS))
    assert spare == [], "these stand in a table, and not in the schema"


def test_every_notice_says_what_to_do():
    assert [key for key, row in KEYS.items() if row.fate in (NOTICE, REFUSED) and not (row.text and row.instead)] == []


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("keys_page", ROOT / "tests" / "tools" / "keys_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run tests/tools/keys_page.py"

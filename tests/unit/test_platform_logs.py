"""The configuration of the logs stack by the documented names of its parts: their images can't be had for tests."""

import json
import re
from pathlib import Path

import jinja2
import yaml

ROLE = Path(__file__).resolve().parents[2] / "roles" / "swarm_platform"
FILES = ROLE / "files" / "logs"
#: Options in Fluent Bit's documentation that the file uses.
STORAGE = {"storage.path", "storage.sync", "storage.checksum", "storage.max_chunks_up", "storage.backlog.mem_limit"}
KNOWN = {
    "service": {"flush", "grace", "log_level", "http_server", "http_listen", "http_port", *STORAGE},
    "input forward": {"unix_path", "buffer_chunk_size", "buffer_max_size", "storage.type"},
    "filter modify": {"match", "rename", "add", "set"},
    "output loki": {
        *("match", "host", "port", "labels", "label_keys", "structured_metadata", "remove_keys", "drop_single_key"),
        *("line_format", "retry_limit", "storage.total_limit_size"),
    },
}


def sections():
    """The sections of fluent-bit.conf: the name with its plugin, and pairs of option and value."""
    found = []
    for line in (FILES / "fluent-bit.conf").read_text().splitlines():
        head = re.fullmatch(r"\[(\w+)\]", line)
        if head:
            found.append([head[1].lower(), []])
        elif line.strip() and not line.lstrip().startswith("#"):
            option, value = line.split(None, 1)
            if option == "Name":
                found[-1][0] += f" {value}"
            else:
                found[-1][1].append((option.lower(), value))
    return found


def test_fluent_bit_has_known_options_only():
    assert {name for name, _ in sections()} == set(KNOWN)
    for name, options in sections():
        assert {option for option, _ in options} <= KNOWN[name]


def test_labels_are_few_and_fields_with_many_values_are_none():
    options = dict(dict(sections())["output loki"])
    assert options["label_keys"] == "$stack,$service,$node"
    renamed = {value.split()[1] for option, value in dict(sections())["filter modify"] if option == "rename"}
    assert renamed == {"stack", "service"}
    # What is left of a record is its text: the line is that, and not JSON.
    removed = set(options["remove_keys"].split(","))
    assert removed == {"container_id", "container_name", "source"} and options["drop_single_key"] == "raw"


def test_buffers_have_a_limit_and_the_input_is_never_paused():
    found = dict(sections())
    assert dict(found["input forward"])["storage.type"] == "filesystem"
    assert "mem_buf_limit" not in dict(found["input forward"])
    assert dict(found["output loki"])["storage.total_limit_size"] == "${BUFFER}"


def test_loki_deletes_what_is_older_than_the_retention():
    given = {"logs_retention": "168h", "logs_rate_mb": 4}
    text = (ROLE / "templates" / "logs" / "loki.yml.j2").read_text()
    loki = yaml.safe_load(jinja2.Template(text).render(swarm_platform_given=given))
    assert loki["compactor"]["retention_enabled"] is True
    assert loki["compactor"]["delete_request_store"] == "filesystem"
    limits = loki["limits_config"]
    assert limits["retention_period"] == "168h" and limits["ingestion_burst_size_mb"] == 16
    # Structured metadata needs this index and schema.
    (schema,) = loki["schema_config"]["configs"]
    assert (schema["store"], schema["schema"]) == ("tsdb", "v13")


def test_the_dashboard_asks_for_labels_that_lines_have():
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    labels = {label for query in queries for label in re.findall(r"(\w+)=~", query)}
    assert labels == {"stack", "service", "node"}
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    assert {name for query in queries for name in re.findall(r"\$([a-z]+)", query)} == variables
    sources = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
    role = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    assert sources == {"loki"} and "'uid': 'loki'" in role["swarm_platform_logs_sources"]["datasources"]

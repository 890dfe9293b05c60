"""The optional stacks of swarm_platform, and the option names in the configuration of the logs stack.

The images of the logs stack are not available in tests.
"""

import json
import re
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

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
    # Only the text of a record is left, so the line is not JSON.
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


@pytest.mark.parametrize("stack", ["logs", "metrics"])
def test_the_stacks_compile_and_their_own_lines_stay_on_the_node(stack):
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    given = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = {key.removeprefix("swarm_platform_"): value for key, value in given.items()}
    given[f"{stack}_images"] = variables[f"swarm_platform_{stack}_official"]
    given["logs_domain"] = "logs.example.com"
    environment = jinja2.Environment(trim_blocks=True, loader=jinja2.FileSystemLoader(ROLE / "templates"))
    environment.filters.update(to_json=json.dumps, regex_escape=re.escape)
    context = {
        **{key: value for key, value in variables.items() if isinstance(value, dict)},
        "swarm_platform_given": given,
        "swarm_platform_logs_joined": [["shared", "public"]],
        "role_path": str(ROLE),
    }
    context["lookup"] = lambda _plugin, name: environment.get_template(name).render(context)
    text = environment.get_template(f"{stack}/compose.yml.j2").render(context)
    request = CompileRequest(sources=[Source("compose.yml", text)], name=stack)
    desired = compile_stack(request, LocalFiles())
    assert desired["notices"] == []
    for service in desired["services"]:
        assert service["spec"]["TaskTemplate"]["LogDriver"] == {"Name": "local", "Options": {"max-size": "5m"}}
        assert service["spec"]["EndpointSpec"].get("Ports", []) == []

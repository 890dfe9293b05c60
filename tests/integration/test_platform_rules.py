"""The configuration of the metrics stack, checked by Prometheus's and the alertmanager's own tools."""

import json
import re
import shutil
import sys
from pathlib import Path

import jinja2
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from monitoring import check

ROLE = Path(__file__).resolve().parents[2] / "roles" / "swarm_platform"
RULES = ROLE / "files" / "metrics" / "rules.yml"


@pytest.fixture
def rules(tmp_path):
    shutil.copy(RULES, tmp_path)
    return tmp_path


def test_rules_fire_for_what_they_are_meant_for(rules):
    tests = Path(__file__).with_name("platform_rules.yml")
    shutil.copy(tests, rules)
    check(rules, "promtool", "prometheus", "test", "rules", tests.name)
    alerts = {
        rule["alert"]
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"][:]
        if "alert" in rule
    }
    tested = {
        one["alertname"]
        for case in yaml.safe_load(tests.read_text())["tests"]
        for one in case["alert_rule_test"]
        if one.get("exp_alerts")
    }
    assert alerts == tested


def test_the_configuration_is_valid(rules):
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(to_json=json.dumps, regex_escape=re.escape)
    template = environment.from_string((ROLE / "templates" / "metrics" / "prometheus.yml.j2").read_text())
    given = {key.removeprefix("swarm_platform_"): value for key, value in defaults.items()}
    text = template.render(swarm_platform_given=given).replace("/etc/prometheus/", f"{rules}/")
    (rules / "prometheus.yml").write_text(text)
    found = check(rules, "promtool", "prometheus", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
    assert re.search(r"SUCCESS: \d+ rules found", found), found
    no_receiver = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["swarm_platform_no_receiver"]
    (rules / "alertmanager.yml").write_text(json.dumps(no_receiver))
    check(rules, "amtool", "prometheus-alertmanager", "check-config", "alertmanager.yml")

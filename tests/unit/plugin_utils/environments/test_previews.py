"""Names of previews, their records, and which previews are over."""

import hashlib
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import (
    LONGEST,
    checked,
    environments_of,
    preview_name,
    record_labels,
    record_name,
    seconds_of,
)

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=timezone.utc)


def record(environment, hours, ttl="1h", project="acme", keep=False, stacks=("shop",)):
    """Returns the config of a preview that was updated ``hours`` ago."""
    preview = {"ref": environment, "ttl": ttl, "keep": keep}
    labels = record_labels(project, environment, stacks, ["w1"], preview, "https://x/", NOW - timedelta(hours=hours))
    return {"name": record_name(project, environment), "labels": labels}


def stack(environment, name="shop", project="acme", **labels):
    owner = {"project": project, "environment": environment, "name": name}
    tasks = [{"node": "w2"}, {"node": ""}]
    services = [{"labels": labels, "volumes": ["data"], "tasks": tasks}]
    services.append({"labels": {}, "volumes": [], "tasks": [{"node": "w3"}]})
    return {"owner": owner, "services": services}


def verdicts(configs, stacks=(), **how):
    return {one["environment"]: one["over"] for one in environments_of(stacks, configs, NOW, **how)}


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        pytest.param("12", "pr-12", id="number"),
        pytest.param("login", "pr-login", id="branch"),
        pytest.param("feature/login", "pr-feature-login-HASH", id="slash"),
        pytest.param("Login", "pr-login-HASH", id="upper-case"),
        pytest.param("ünïcode", "pr-n-code-HASH", id="other-letters"),
    ],
)
def test_a_name_is_a_label_and_no_two_refs_share_one(ref, name):
    made = preview_name(ref)
    checked("acme", made)
    assert made == name.replace("HASH", hashlib.sha256(ref.encode()).hexdigest()[:8])


def test_what_is_cut_keeps_names_apart():
    names = {preview_name("a" * length) for length in range(20, 80)} | {
        preview_name(ref) for ref in ("a/b", "a-b", "a b")
    }
    assert len(names) == 63 and all(len(name) <= LONGEST for name in names)
    with pytest.raises(StackwrightError):
        preview_name(" ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90s", 90, id="seconds"),
        pytest.param("30 m", 1800, id="minutes"),
        pytest.param("2w", 1209600, id="weeks"),
        pytest.param("0d", None, id="nothing"),
        pytest.param("3", None, id="no-unit"),
        pytest.param("-1h", None, id="negative"),
    ],
)
def test_times(text, seconds):
    if seconds is None:
        with pytest.raises(StackwrightError, match="not a valid time"):
            seconds_of(text)
    else:
        assert seconds_of(text) == seconds


def test_only_previews_whose_time_is_over_go():
    found = [record("old", 1), record("young", 0.99), record("kept", 9, keep=True), record("long", 9, ttl="1d")]
    live = [stack("production"), stack("old"), {"owner": dict.fromkeys(("project", "environment", "name"), "")}]
    live[-1]["services"] = []
    assert verdicts(found, live) == {
        "old": True,
        "young": False,
        "kept": False,
        "long": False,
        "production": False,
    }
    assert verdicts([record("old", 2)], [stack("old", **{"stackwright.preview.keep": "true"})]) == {"old": False}
    assert verdicts([record("old", 2)], [stack("old", **{"stackwright.preview.keep": "false"})]) == {"old": True}


def test_a_limit_takes_those_that_were_updated_first():
    found = [record(f"p{hours}", hours, ttl="9d") for hours in (1, 2, 3, 4)]
    found += [record("kept", 8, ttl="9d", keep=True), record("other", 8, ttl="9d", project="other")]
    assert [name for name, over in verdicts(found, limit=3).items() if over] == ["p3", "p4"]
    assert not any(verdicts(found, limit=5).values())
    # A preview that is kept counts, and never goes.
    assert [name for name, over in verdicts(found, limit=1).items() if over] == ["p1", "p2", "p3", "p4"]


def test_a_record_that_can_not_be_read_is_told_and_stays():
    broken = record("old", 9)
    broken["labels"]["stackwright-environment-updated"] = "yesterday"
    (one,) = environments_of([], [broken], NOW, limit=1)
    assert not one["over"] and "can't be read" in one["reason"]
    forged = {**record("old", 9), "name": "mine"}
    assert environments_of([], [forged], NOW) == []


def test_the_stacks_of_a_record_and_those_that_run_are_one_environment():
    (one,) = environments_of([stack("pr-1", "web")], [record("pr-1", 0, stacks=["shop"])], NOW, project="acme")
    assert one["stacks"] == ["shop", "web"] and one["full_names"] == ["acme-pr-1-shop", "acme-pr-1-web"]
    assert one["nodes"] == ["w1", "w2"], "those where volumes may be"
    assert one["expires"] == "2026-11-21T04:00:00Z" and one["ref"] == "pr-1"
    assert environments_of([stack("pr-1", "web")], [], NOW, project="other") == []


@pytest.mark.parametrize(
    ("project", "environment"),
    [
        pytest.param("acme", "PR-1", id="upper-case"),
        pytest.param("acme", "a" * 31, id="long"),
        pytest.param("acme", "-a", id="dash"),
        pytest.param("", "pr-1", id="no-project"),
        pytest.param("a/b", "pr-1", id="slash"),
    ],
)
def test_names_that_no_environment_can_have(project, environment):
    with pytest.raises(StackwrightError):
        checked(project, environment)

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import pack, problem, split, unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import (
    hidden_values,
    hide,
    keyed,
    reveal,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, mask

DIGEST = keyed(base64.b64encode(b"k" * 32).decode())
SECRET = "correct-horse-battery"


def spec(**container):
    return {"Labels": container.pop("Labels", {}), "TaskTemplate": {"ContainerSpec": container}}


@pytest.mark.parametrize(
    "container",
    [
        {"Env": [f"DB_PASSWORD={SECRET}"]},
        {"Env": [f"URL=postgres://app:{SECRET}@db/app"]},
        {"Env": [f"OPTIONS=host=db password={SECRET}"]},
        {"Args": ["--password", SECRET]},
        {"Args": [f"--api-key={SECRET}"]},
        {"Command": ["sh", "-c", f"run --token {SECRET}"]},
        {"Labels": {"app.secret": SECRET}},
        {"Labels": {"traefik.http.middlewares.a.basicauth.users": f"joe:{SECRET}"}},
        {"Healthcheck": {"Test": ["CMD", "check", f"http://u:{SECRET}@web"]}},
        {"Mounts": [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Options": {"password": SECRET}}}}]},
        {
            "Mounts": [
                {"Type": "volume", "VolumeOptions": {"DriverConfig": {"Options": {"o": f"u=x,password={SECRET}"}}}}
            ]
        },
    ],
)
def test_what_a_plan_hides_is_not_in_a_snapshot_and_comes_back(container):
    before = spec(**container)
    kept = hide("service", "web", before, DIGEST)
    assert SECRET not in json.dumps(kept)
    assert base64.b64encode(SECRET.encode()).decode() not in json.dumps(kept)
    live = {DIGEST(value): value for value in hidden_values("service", before)}
    assert reveal(kept, lambda mark, name: live[mark]) == before


def test_references_to_kept_values_stay_and_what_stands_beside_them_is_judged_by_itself():
    reference = "\0db/PASSWORD\0"
    before = spec(
        Env=[f"DB_PASSWORD={reference}", f"DATABASE_URL=postgres://app:{reference}@db/x", f"API_KEY=sk-{reference}"],
        Args=["--password", reference, "--token", f"{reference} --password {SECRET}"],
    )
    kept = hide("service", "web", before, DIGEST)
    assert kept["TaskTemplate"]["ContainerSpec"]["Env"] == before["TaskTemplate"]["ContainerSpec"]["Env"]
    assert kept["TaskTemplate"]["ContainerSpec"]["Args"][:3] == ["--password", reference, "--token"]
    assert SECRET not in json.dumps(kept)


def test_the_names_of_hidden_values_are_told():
    kept = hide("service", "web", spec(Env=[f"DB_PASSWORD={SECRET}"], Labels={"api.token": SECRET}), DIGEST)
    names = []
    reveal(kept, lambda mark, name: names.append(name))
    assert sorted(names) == ["DB_PASSWORD", "token"]


def test_a_digest_does_not_tell_a_value_without_the_key():
    other = keyed(base64.b64encode(b"o" * 32).decode())
    assert DIGEST("x") != other("x")
    assert DIGEST("x") == DIGEST("x") != DIGEST("y")


names = st.sampled_from(["PASSWORD", "API_KEY", "GREETING", "PATH", "DSN", "TOKEN_FILE", "NUMBER"])
values = st.one_of(st.text(max_size=12), st.just("http://a:b@c/d"), st.just("--password x"), st.just("a=1 secret=2"))


@pytest.mark.slow
@given(st.lists(st.tuples(names, values)), st.lists(values), st.dictionaries(names, values))
def test_a_walk_over_anything_comes_back_and_hides_what_a_plan_hides(env, args, labels):
    before = spec(Env=[f"{name}={value}" for name, value in env], Args=args, Labels=labels)
    kept = hide("service", "web", before, DIGEST)
    live = {DIGEST(value): value for value in hidden_values("service", before)}
    assert reveal(kept, lambda mark, name: live[mark]) == before
    container = kept["TaskTemplate"]["ContainerSpec"]
    for (name, value), entry in zip(env, container["Env"]):
        seen = mask("service", "web", f"TaskTemplate.ContainerSpec.Env.{name}", value)
        assert (entry == f"{name}={value}") == (HIDDEN not in seen or seen == value)


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.text()), st.integers(1, 50))
def test_packing_comes_back_from_parts_of_any_size(data, size):
    empty = {
        "stack": {"name": "shop"},
        **{name: [] for name in ("waves", "networks", "configs", "secrets", "services")},
    }
    snapshot = {"format": 1, **empty, "data": data}
    packed = pack(snapshot)
    parts = split(packed, size)
    assert all(len(part) <= size for part in parts)
    assert unpack(b"".join(parts)) == snapshot
    assert problem(b"".join(parts[:-1]))

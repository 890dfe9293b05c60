"""The objects that can be removed from a node, by kind, beside those that must stay."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.pruning import choose

NOW, DAY = 1795946400.0, 86400.0
OLD, NEW = NOW - 2 * DAY, NOW - 60
OLD_TEXT, NEW_TEXT = "2026-11-20T10:00:00.123Z", "2026-11-29T09:59:30Z"
HEX, OTHER = "a" * 64, "b" * 64


def names(items):
    return [item.name for item in items]


def container(name, state="exited", created=OLD, labels=None, networks=None, mounts=()):
    return {
        "Id": f"id-{name}",
        "Names": [f"/{name}"],
        "State": state,
        "Created": created,
        "Labels": labels or {},
        "SizeRw": 5,
        "NetworkSettings": {"Networks": networks or {}},
        "Mounts": [{"Type": "volume", "Name": mount} for mount in mounts],
    }


def test_containers_that_ended_and_are_no_tasks():
    found = [
        container("old"),
        container("made", state="created"),
        container("young", created=NEW),
        *(container(state, state=state) for state in ("running", "paused", "restarting", "removing")),
        container("task", labels={"com.docker.swarm.task.id": "x"}),
    ]
    assert names(choose.containers(found, NOW, DAY)) == ["old", "made"]
    assert choose.containers(found, NOW, DAY)[0].size == 5
    assert "young" in names(choose.containers(found, NOW, 0))


def image(name, tags=(), digests=(), size=100, shared=-1):
    return {
        "Id": f"sha256:{name}",
        "RepoTags": list(tags),
        "RepoDigests": list(digests),
        "Size": size,
        "SharedSize": shared,
    }


DIGEST = "sha256:" + "1" * 64
WEB = image("web", ["<none>:<none>"], [f"reg:5000/web@{DIGEST}"])


@pytest.mark.parametrize("needed", [f"reg:5000/web:6@{DIGEST}", f"reg:5000/web@{DIGEST}"])
def test_an_image_that_swarm_pulled_by_digest_is_known_by_it(needed):
    assert choose.images([WEB], (), [needed], (), False) == []
    assert names(choose.images([WEB], (), ["reg:5000/web:6"], (), False)) == [f"reg:5000/web@{DIGEST}"]


def test_images_by_tag_by_id_by_use():
    app = image("app", ["app:1", "app:latest"])
    assert choose.images([app], (), ["app"], (), False) == []  # latest
    assert choose.images([app], (), ["docker.io/library/app:1"], (), False) == []
    assert choose.images([app], {"sha256:app"}, (), (), False) == []
    assert choose.images([app], (), (), ["app:1"], False) == []
    assert choose.images([app], (), (), ["sha256:app"], False) == []
    (item,) = choose.images([app], (), ["app:2", "app2"], (), False)
    assert item.names == ("app:1", "app:latest") and item.size == 100


def test_dangling_is_what_has_no_name_at_all():
    nameless = image("nameless", ["<none>:<none>"], ["<none>@<none>"], size=100, shared=40)
    (item,) = choose.images([nameless, WEB, image("app", ["app:1"])], (), (), (), True)
    assert (item.name, item.names, item.size) == ("sha256:nameless", (), 60)


def network(name, scope="local", created=OLD_TEXT, **more):
    return {"Name": name, "Id": f"id-{name}", "Scope": scope, "Created": created, **more}


def test_networks_of_the_node_that_nobody_has():
    found = [
        *map(network, choose.PREDEFINED),
        network("mine"),
        network("overlay", scope="swarm"),
        network("young", created=NEW_TEXT),
        network("by-name"),
        network("by-id"),
        network("base", ConfigOnly=True),
        network("from", ConfigFrom={"Network": "other"}),
        network("other"),
    ]
    users = [container("c", networks={"by-name": {}, "x": {"NetworkID": "id-by-id"}})]
    assert names(choose.networks(found, users, NOW, DAY)) == ["mine", "from"]


def volume(name, labels=None, driver="local", options=None, created=OLD_TEXT, size=7):
    return {
        "Name": name,
        "Labels": labels,
        "Driver": driver,
        "Options": options,
        "CreatedAt": created,
        "UsageData": {"Size": size},
    }


MARK = {"com.docker.volume.anonymous": ""}


@pytest.mark.parametrize("mark", [None, MARK], ids=["20.10", "23"])
def test_volumes_without_a_name(mark):
    found = [
        volume(HEX, mark),
        volume(OTHER, mark),
        volume("c" * 64, mark, created=NEW_TEXT),
        volume("d" * 64, {"mine": "x"}),
        volume("e" * 64, mark, driver="nfs"),
        volume("f" * 64, mark, options={"type": "tmpfs"}),
        volume("data", mark),
        volume("shop_data"),
    ]
    users = [container("stopped", mounts=[OTHER])]
    chosen = choose.volumes(found, users, NOW, DAY)
    assert [(item.name, item.size) for item in chosen] == [(HEX, 7)]


def test_a_generated_name_is_no_proof_where_the_engine_marks_volumes():
    assert choose.volumes([volume(HEX), volume(OTHER, MARK)], [], NOW, 0)[0].name == OTHER
    assert len(choose.volumes([volume(HEX), volume(OTHER, MARK)], [], NOW, 0)) == 1


def test_the_build_cache_that_nobody_uses():
    parts = [
        {"Size": 10, "InUse": False, "LastUsedAt": OLD_TEXT},
        {"Size": 20, "InUse": True, "LastUsedAt": OLD_TEXT},
        {"Size": 40, "InUse": False, "LastUsedAt": NEW_TEXT},
        {"Size": 80, "InUse": False, "Shared": True, "LastUsedAt": OLD_TEXT},
        {"Size": 160, "InUse": False, "CreatedAt": OLD_TEXT},
    ]
    assert choose.build_cache(parts, NOW, DAY).size == 170
    assert choose.build_cache([], NOW, DAY).size == 0

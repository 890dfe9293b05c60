"""Routes to services that share no network with the proxy."""

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.network_notices import out_of_reach


def live(name, *networks, mount=""):
    mounts = [{"Target": mount}] if mount else []
    task = {"ContainerSpec": {"Mounts": mounts}, "Networks": [{"Target": one} for one in networks]}
    return {"Spec": {"Name": name, "TaskTemplate": task}}


def told(networks, *others, routed=True, upstream="shop_web"):
    spec = {"TaskTemplate": {"Networks": [{"Target": one} for one in networks]}}
    route = {"domain": "a.example.com", "service": "shop_web", **({"upstream": upstream} if upstream else {})}
    desired = {"services": [{"key": "web", "name": "shop_web", "spec": spec}], "routes": [route] if routed else []}
    seen = [{"Id": "n1", "Name": "public"}, {"Id": "n2", "Name": "inner"}]
    return out_of_reach(desired, {"networks": seen, "all_services": list(others)})


PROXY = live("proxy_caddy", "n1", mount="/run/caddy")


def test_a_service_on_none_of_the_proxys_networks_is_told():
    (notice,) = told(["inner"], PROXY)
    assert "service web: its route does not work" in notice
    assert "proxy_caddy, which is on public" in notice
    assert told([], PROXY)
    assert told(["not yet made"], PROXY)


def test_one_network_in_common_is_enough():
    assert told(["inner", "public"], PROXY) == []
    assert told(["inner"], PROXY, live("other_caddy", "n2", mount="/run/caddy")) == []
    assert told(["n1"], PROXY) == []  # as a snapshot has it


def test_nothing_is_said_of_what_is_not_known_or_needs_no_network():
    assert told(["inner"], live("web_caddy", "n1", mount="/data")) == []
    assert told(["inner"]) == []
    assert told(["inner"], PROXY, routed=False) == []
    assert told(["inner"], PROXY, upstream="") == []  # a redirect
    assert out_of_reach({"services": [], "routes": []}, {"networks": []}) == []

import base64

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import digest, suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import MAX_OBJECT_NAME

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def entry(name="shop_x", data="eA==", **spec):
    return {"name": name, "spec": spec, "data": data}


def test_content_and_templating_make_the_digest_of_a_config():
    assert digest("config", entry(), None) == digest("config", entry("other"), None)
    assert digest("config", entry(), None) != digest("config", entry(data="eQ=="), None)
    assert digest("config", entry(), None) != digest("config", entry(Templating={"Name": "golang"}), None)


def test_key_and_name_are_part_of_the_digest_of_a_secret():
    assert digest("secret", entry(), KEY) == digest("secret", entry(), KEY)
    assert len({digest("secret", e, k) for e in (entry(), entry("other")) for k in (KEY, OTHER)}) == 4
    assert digest("secret", entry(), None) == ""


@pytest.mark.parametrize("length", [1, 40, 55, 56, 64, 200])
def test_names_stay_within_the_limit_and_apart(length):
    one, other = "a" * length + "x", "a" * length + "y"
    assert len(suffixed(one, "0123456789")) <= MAX_OBJECT_NAME
    assert suffixed(one, "0123456789") != suffixed(other, "0123456789")
    assert suffixed(one, "0123456789").endswith("_01234567")

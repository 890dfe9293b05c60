import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import (
    MAX_OBJECT_NAME,
    Stack,
    hashed_name,
    host_name,
    lock_name,
    revision_name,
)


def test_the_id_never_changes():
    stack = Stack("shop", "acme", "production")
    assert stack.full_name == "acme-production-shop"
    assert stack.id == "lucvlyso2bct2tgtqfxb2slfxt34rnc5"
    assert stack.hash == "lucvlyso"
    assert stack.scoped("web") == "acme-production-shop_web"


def test_a_stack_without_a_project_has_its_own_name():
    assert Stack("shop").full_name == Stack("shop", "", None).full_name == "shop"
    assert Stack("shop").id != Stack("shop", "acme", "production").id


def test_no_two_stacks_share_an_id():
    parts = ["a", "b", "a-b", "b-a"]
    ids = {Stack(name, project, environment).id for name in parts for project in parts for environment in parts}
    assert len(ids) == 4**3


def test_a_long_name_is_shortened_so_that_services_find_room():
    stacks = [Stack("shop" * 10, "acme" * 3, end * 12) for end in "xy"]
    names = [stack.full_name for stack in stacks]
    assert names[0] != names[1]
    for stack, name in zip(stacks, names):
        assert len(name) <= 40
        assert name.endswith("-" + stack.hash)
    assert len(Stack("s" * 30, "p" * 20, "e" * 11).full_name) == 63


@pytest.mark.parametrize(
    "parts",
    [
        {"name": ""},
        {"name": None},
        {"name": "a b"},
        {"name": "a/b"},
        {"name": "-a"},
        {"name": "a\n"},
        {"name": "é"},
        {"name": "a", "project": "p"},
        {"name": "a", "environment": "e"},
        {"name": "a", "project": "p/q", "environment": "e"},
        {"name": "a", "prefix": "Big"},
        {"name": "a", "prefix": ""},
    ],
)
def test_what_is_no_stack(parts):
    with pytest.raises(StackwrightError) as caught:
        Stack(**parts)
    assert caught.value.error_code == "invalid_name"
    assert caught.value.hint


def test_names_on_shared_networks():
    assert hashed_name("My_db", "abc") == "abc_My_db"
    assert host_name("My_db.x", "abc") == "abc-my-db-x"


def test_the_configs_of_a_stack_that_nobody_asked_for():
    assert lock_name("shop") == "stackwright.lock.shop"
    assert revision_name("shop", 7) == "stackwright.rev.shop.7"
    assert revision_name("shop", 7, 2) == "stackwright.rev.shop.7.2"


def test_a_long_stack_has_bookkeeping_of_its_own():
    one, other = "a" * 63, "a" * 62 + "b"
    for made in (lock_name, lambda stack: revision_name(stack, 12345678, 99)):
        assert made(one) != made(other)
        assert len(made(one)) <= MAX_OBJECT_NAME

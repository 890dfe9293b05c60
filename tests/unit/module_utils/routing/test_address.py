import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import address
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Wrong


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Shop.Example.COM.", "shop.example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("BÜCHER。example.com", "xn--bcher-kva.example.com"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com"),
        ("*.Example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("a" * 63 + ".b", "a" * 63 + ".b"),
    ],
)
def test_a_domain(text, found):
    assert address.domain(text) == found
    assert address.domain(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "a..b", "\u2603.b", "straße☃.b", "http://a.b", "a.b:80", "a.b/c", "a.b?c", "a b", "-a.b", "a-.b",
        "a_b.c", "*", "*.b", "a.*.b", "*a.b.c", "**.b.c", "a" * 64 + ".b", ".".join(["a" * 50] * 6), "{host}",
        "a.\nb", "ü" * 60 + ".b", "\u200d.b", "[::1]", "user@a.b",
    ],
)  # fmt: skip
def test_what_is_no_domain(text):
    with pytest.raises(Wrong):
        address.domain(text)


@pytest.mark.parametrize(
    ("text", "found"), [("/", "/"), ("/api/", "/api"), ("/a/b", "/a/b"), ("/A_b~.c", "/A_b~.c"), (" /x ", "/x")]
)
def test_a_base_path(text, found):
    assert address.base_path(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "api", "//", "/a//b", "/..", "/a/../b", "/.", "/a*", "/{x}", "/a b", "/a?b", "/a#b", "/%2e", "/ü", "/a\\b"],
)
def test_what_is_no_base_path(text):
    with pytest.raises(Wrong):
        address.base_path(text)


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [("/", "/a", True), ("/a", "/a/b", True), ("/a", "/ab", False), ("/a/b", "/a/c", False), ("/a", "/a", True)],
)
def test_overlap_is_by_whole_parts(one, two, meet):
    assert address.overlap(one, two) is meet
    assert address.overlap(two, one) is meet

"""Names of images against the grammar of distribution/reference, and against all code that parses them."""

import random
import re

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id, parse, registry_of
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_cleanup import names_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.image import normalise
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.image import image_fault

F64, ID = "f" * 64, "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"
SHA, SHA512 = f"sha256:{F64}", "sha512:" + "f" * 128


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", "", ""),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", ""),
        ("library/nginx", "docker.io", "library/nginx", "", ""),
        ("user/app", "docker.io", "user/app", "", ""),
        ("docker.io/nginx", "docker.io", "library/nginx", "", ""),
        ("docker.io/library/foo/bar", "docker.io", "library/foo/bar", "", ""),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", ""),
        ("index.docker.io/user/app", "docker.io", "user/app", "", ""),
        ("registry-1.docker.io/library/nginx", "registry-1.docker.io", "library/nginx", "", ""),
        ("Registry/app:1", "Registry", "app", "1", ""),
        ("DOCKER/docker", "DOCKER", "docker", "", ""),
        ("rEgistry/a/b", "rEgistry", "a/b", "", ""),
        ("Docker.io/app", "Docker.io", "app", "", ""),
        ("localhost/x", "localhost", "x", "", ""),
        ("localhost:5000/x:5000", "localhost:5000", "x", "5000", ""),
        ("localhos/x", "docker.io", "localhos/x", "", ""),
        ("registry/app", "docker.io", "registry/app", "", ""),
        ("test:5000/repo:tag", "test:5000", "repo", "tag", ""),
        ("test_com/foo", "docker.io", "test_com/foo", "", ""),
        ("test.com:5000", "docker.io", "library/test.com", "5000", ""),
        ("192.168.0.1:80", "docker.io", "library/192.168.0.1", "80", ""),
        ("127.0.0.1:5000/docker/docker", "127.0.0.1:5000", "docker/docker", "", ""),
        ("[2001:db8::1]/repo", "[2001:db8::1]", "repo", "", ""),
        ("[fc00:1:2:3:4:5:6:7]:5000/a/b:t@" + SHA, "[fc00:1:2:3:4:5:6:7]:5000", "a/b", "t", SHA),
        ("xn--7o8h.com/myimage:xn--7o8h.com@" + SHA512, "xn--7o8h.com", "myimage", "xn--7o8h.com", SHA512),
        ("b.gcr.io/test.example.com/my-app:t.example", "b.gcr.io", "test.example.com/my-app", "t.example", ""),
        ("nginx@" + SHA, "docker.io", "library/nginx", "", SHA),
        ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080", ""),
        ("docker---rules/dock__er", "docker.io", "docker---rules/dock__er", "", ""),
        ("docker.io/" + ID, "docker.io", "library/" + ID, "", ""),
        (ID[:-1], "docker.io", "library/" + ID[:-1], "", ""),
        ("lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase", ""),
        ("a:" + "t" * 128, "docker.io", "library/a", "t" * 128, ""),
        ("h.x/" + "a" * 251, "h.x", "a" * 251, "", ""),
        ("docker.io/a.example/app", "docker.io", "a.example/app", "", ""),
    ],
)  # fmt: skip
def test_names(text, registry, path, tag, digest):
    assert tuple(parse(text)) == (registry, path, tag, digest)
    assert registry_of(text) == registry
    assert image_fault(text) == ""
    # What goes into the spec is read by the manager: it must be the same image there.
    spec = normalise(text)
    assert parse(spec) == (registry, path, tag or ("" if digest else "latest"), digest)
    assert registry_of(spec) == registry
    assert not is_id(spec)


@pytest.mark.parametrize(
    "text",
    [
        "", ":justtag", "@" + SHA, "repo@sha256:" + "f" * 34, "repo@sha256:" + "F" * 64, "repo@md5:" + "f" * 32,
        "validname@invaliddigest:" + "f" * 128, "repo@", "repo@sha512:" + F64, "Uppercase:tag", "test:5000/Uppercase/x",
        "docker/Docker", "docker.io/docker/Docker", "-docker/docker", "docker-/docker", "-docker.io/a/b", "a///b",
        "docker.io/a///b", "docker/", "docker.io/", "/docker", "____/____", "_docker/_docker", "dock..er/docker",
        "dock_.er/docker", "dock-.er/docker", "dock___er/x", "aa/asdf$$^/aa", "[fc00::1]", "[fc00::1]:5000",
        "fc00::1:5000/debian", "[fe80::1%eth0]:5000/debian", "[2001:db8:3:4::192.0.2.33]:5000/debian", "[::1/x",
        "https://github.com/docker/docker", "a/" * 128 + "a:tag", "h.x/" + "a" * 252, "a:" + "t" * 129, "a:-t", "a:.t",
        "a:t:u", "host:port/a", "host:/a", "user@host/a", "me:word@host:1/a", "nginx\n", "ngi nx", "é", "nginx:é",
        "a\0b", "host.example./a", ".host/a", "a/b:c/d", ID,
    ],
)  # fmt: skip
def test_what_is_no_name(text):
    with pytest.raises(ValueError, match="^it"):
        parse(text)
    assert registry_of(text) == ""
    assert normalise(text) == (ID if text == ID else None)
    assert RegistryAuth(HUB_ONLY).header(text) is None


HUB_ONLY = [{"registry": "docker.io", "username": "hub", "password": "h"}]

# The grammar once more, as its documentation writes it: one expression over the whole text.
COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
WORD = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
GRAMMAR = re.compile(
    rf"(?P<host>(?:{COMPONENT}(?:\.{COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?)/(?P<path>{WORD}(?:/{WORD})*)"
    r"(?::(?P<tag>[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?\Z"
)


def by_grammar(text):
    if re.match(r"[a-f0-9]{64}\Z", text):
        return None
    first, slash, rest = text.partition("/")
    if not slash or (not set(".:") & set(first) and first != "localhost" and first.lower() == first):
        first, rest = "docker.io", text
    if first in ("docker.io", "index.docker.io"):
        first, rest = "docker.io", rest if "/" in rest else "library/" + rest
    match = GRAMMAR.match(f"{first}/{rest}")
    # The expression is free to end the host elsewhere: only where the reader has split it, is it that registry.
    if not match or match["host"] != first or len(first) + 1 + len(match["path"]) > 255:
        return None
    return (first, match["path"], match["tag"] or "", match["digest"] or "")


PIECES = [
    "a",
    "Z",
    "0",
    "9",
    ".",
    ":",
    "/",
    "//",
    "-",
    "--",
    "_",
    "__",
    "___",
    "@",
    "[",
    "]",
    "::1",
    "localhost",
    "docker.io/",
]
PIECES += [
    "index.docker.io/",
    "library/",
    "registry-1.docker.io/",
    "Registry/",
    "r.example:5000/",
    "[::1]:5000/",
    "%",
    " ",
    "\n",
]
PIECES += [
    "é",
    "app",
    ":1",
    ":latest",
    "@" + SHA,
    "@" + SHA512,
    "@sha256:",
    ID,
    "sha256:",
    "localhost:5000/",
    "ü/",
    "a" * 120,
    "",
]


@pytest.mark.slow
def test_every_text_is_read_as_the_grammar_reads_it():
    rng = random.Random("images")
    texts = ["".join(rng.choice(PIECES) for _number in range(rng.randint(1, 6))) for _number in range(20_000)]
    known = 0
    for text in texts:
        wanted = by_grammar(text)
        try:
            found = tuple(parse(text))
        except ValueError:
            found = None
        assert found == wanted, text
        if is_id(text):
            assert (registry_of(text), normalise(text), image_fault(text)) == ("", text, "")
            continue
        assert registry_of(text) == (wanted[0] if wanted else "")
        assert (normalise(text) is None) == (wanted is None) == bool(image_fault(text)), text
        if wanted:
            known += 1
            assert parse(normalise(text))[:2] == wanted[:2], text
            assert len(names_of(text)) == 1 + bool(wanted[2] and wanted[3])
    assert known > 1000

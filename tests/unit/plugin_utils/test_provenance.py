"""A revision's record of its files: hashes, the commit, and texts without values."""

import base64
import hashlib

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.metadata import metadata_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.provenance import commit_of, provenance
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source

FILE = """\
include: [parts/db.yml]
services:
  web:
    image: nginx:${TAG}   # a comment stays
    command: [serve, --password, c0mmand-secret]
    environment:
      DB_PASSWORD: l1teral-secret
      FALLBACK: ${DB_PASSWORD:-d3fault-secret}
      DATABASE_URL: postgres://app:url-s3cret@db/app
      FROM_OUTSIDE: ${GIVEN}
      LOG_LEVEL: info
    secrets: [key]
    configs: [page]
secrets:
  key: {content: inl1ne-secret}
configs:
  page: {file: page.txt}
"""
DB = "services: {db: {image: 'db:1', env_file: [db.env]}}\n"
FILES = {
    "/p/compose.yml": FILE,
    "/p/parts/db.yml": DB,
    "/p/parts/db.env": "POSTGRES_PASSWORD=env-s3cret\n",
    "/p/page.txt": "a page",
}
SECRETS = [
    "c0mmand-secret",
    "l1teral-secret",
    "d3fault-secret",
    "url-s3cret",
    "inl1ne-secret",
    "env-s3cret",
    "given-s3cret",
]


class Reader:
    def read(self, path, below=None):
        try:
            return FILES[path].encode()
        except KeyError:
            raise FileNotFoundError(path) from None


def made(keep_files, **options):
    opened = []
    request = CompileRequest(
        sources=[Source("/p/compose.yml")], name="shop", variables={"TAG": "1", "GIVEN": "given-s3cret"}, **options
    )
    desired = compile_stack(request, Reader(), opened)
    return provenance(opened, desired, "/p", keep_files)


@pytest.mark.parametrize("keep_files", [False, True])
def test_files_are_recorded_with_their_hashes_and_no_value(keep_files):
    found = made(keep_files)
    assert [(f["path"], f["sha256"]) for f in found["files"]] == [
        (path, hashlib.sha256(text.encode()).hexdigest())
        for path, text in (("compose.yml", FILE), ("parts/db.yml", DB))
    ]
    assert [secret for secret in SECRETS if secret in str(found)] == []
    assert [("text" in file) for file in found["files"]] == [keep_files] * 2


def test_a_kept_text_is_the_file_before_variables_were_put_in():
    web, database = (file["text"] for file in made(True)["files"])
    assert database == DB
    lines = web.splitlines()
    assert "    image: nginx:${TAG}   # a comment stays" in lines and "      FROM_OUTSIDE: ${GIVEN}" in lines
    assert "      DB_PASSWORD: ********" in lines and "      LOG_LEVEL: info" in lines
    assert len(lines) == len(FILE.splitlines())


def test_inline_definitions_are_no_files():
    opened = []
    request = CompileRequest(sources=[Source("definition", {"services": {"web": {"image": "a:1"}}})], name="shop")
    assert provenance(opened, compile_stack(request, Reader(), opened), "/p", True) == {}


@pytest.mark.slow
def test_a_file_that_is_read_twice_is_one_and_there_are_limits():
    desired = {"networks": [], "configs": [], "secrets": [], "services": []}
    many = [(f"/p/{number}.yml", b"x" * 30_000) for number in range(150)]
    found = provenance([*many, *many], desired, "/p", True)["files"]
    assert len(found) == 100 and sum("text" in file for file in found) == 33


def test_where_a_file_lies_elsewhere_its_path_says_so():
    desired = {"networks": [], "configs": [], "secrets": [], "services": []}
    opened = [("/p/a.yml", b""), ("/q/shared.yml", b""), ("/else/where/b.yml", b"")]
    assert [f["path"] for f in provenance(opened, desired, "/p", False)["files"]] == [
        "a.yml",
        "../q/shared.yml",
        "../else/where/b.yml",
    ]
    deep = provenance([("/else/b.yml", b"")], desired, "/a/b/c", False)["files"]
    assert deep[0]["path"] == "/else/b.yml"


def test_several_lines_of_a_secret_are_hidden_one_by_one():
    data = base64.b64encode(b"first-line-of-it\nsecond-line-of-it\n").decode()
    desired = {
        "networks": [],
        "configs": [],
        "services": [],
        "secrets": [{"key": "k", "name": "shop_k", "external": False, "spec": {}, "data": data}],
    }
    text = b"secrets:\n  k:\n    content: |\n      first-line-of-it\n      second-line-of-it\n"
    (file,) = provenance([("/p/a.yml", text)], desired, "/p", True)["files"]
    assert "line-of-it" not in file["text"]


# -- git

ID, OTHER = "a" * 40, "b" * 40


def repository(root, head, **files):
    for name, text in {"HEAD": head, **files}.items():
        path = root / ".git" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder = root / "deep" / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


@pytest.mark.parametrize(
    "head, files, found",
    [
        ("ref: refs/heads/main\n", {"refs__heads__main": f"{ID}\n"}, {"id": ID, "branch": "main"}),
        ("ref: refs/heads/a/b\n", {"refs__heads__a__b": f"{ID}\n"}, {"id": ID, "branch": "a/b"}),
        (
            "ref: refs/heads/main\n",
            {"packed-refs": f"# pack-refs\n{OTHER} refs/heads/xmain\n{ID} refs/heads/main\n^{OTHER}\n"},
            {"id": ID, "branch": "main"},
        ),
        (f"{ID}\n", {}, {"id": ID, "branch": ""}),
        ("c" * 64, {}, {"id": "c" * 64, "branch": ""}),
        ("ref: refs/heads/main\n", {}, {}),
        ("ref: ../../secret\n", {}, {}),
        ("", {}, {}),
        ("nonsense", {}, {}),
    ],
)
def test_the_commit_that_is_checked_out(tmp_path, head, files, found):
    assert commit_of(repository(tmp_path, head, **files)) == found


def test_the_commit_of_a_worktree(tmp_path):
    main, tree = tmp_path / "main", tmp_path / "tree"
    repository(main, "ref: refs/heads/main\n", refs__heads__side=f"{ID}\n")
    own = main / ".git" / "worktrees" / "tree"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(str(tree)) == {"id": ID, "branch": "side"}


def test_no_repository_and_a_folder_that_is_not_there(tmp_path):
    assert commit_of(str(tmp_path / "gone" / "x")) in ({}, commit_of(str(tmp_path)))


def test_metadata_are_texts_in_order_without_secrets():
    given = {"release": 1.5, "b": True, "a": "sha256:" + "ab" * 32, "api_token": "hunter2", "none": None, "n": 7}
    assert metadata_of({**given, "url": "https://me:pw@host/x"}) == {
        "a": "sha256:" + "ab" * 32,
        "api_token": "********",
        "b": "true",
        "n": "7",
        "release": "1.5",
        "url": "https://me:********@host/x",
    }
    assert list(metadata_of({"b": 1, "a": 2})) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({f"k{number}": "v" for number in range(21)}, "21 entries"),
        ({"a" * 65: "v"}, "is not a valid name"),
        ({"": "v"}, "is not a valid name"),
        ({"a b": "v"}, "is not a valid name"),
        ({"\x1b[31m": "v"}, "\\x1b"),
        ({"é": "v"}, "is not a valid name"),
        ({"a": {}}, "one value"),
        ({"a": [1]}, "one value"),
        ({"a": "x" * 501}, "501 characters"),
        ({"a": "x\ny"}, "control characters"),
        ({"a": "\x1b[31m"}, "control characters"),
        ({"a": "x\0"}, "control characters"),
        ({"a": "\u202e"}, "control characters"),
    ],
)
def test_metadata_that_no_revision_keeps(given, said):
    with pytest.raises(StackwrightError) as refused:
        metadata_of(given)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


def test_every_fault_of_metadata_is_said_at_once():
    with pytest.raises(StackwrightError) as refused:
        metadata_of({"a": {}, "b": "x\ny", "": 1})
    assert str(refused.value).count("metadata.") == 3

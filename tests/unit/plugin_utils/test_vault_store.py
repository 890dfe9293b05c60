"""The vault on the controller, with Ansible's own encryption."""

import os
import re
import stat
import subprocess
import sys

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import seal
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import (
    VaultStore,
    vault_path,
    with_vaults,
)

NASTY = "pa\"ss\\wo'rd\n#$ {{ x }} é 😀\r\t\x85"


WHOLE = (
    'stackwright_values: {shop: {format: 1, stack: shop, counter: 1, values: {a/b: {current: "1-a", generator: null, '
    'params: null, versions: [{number: 1, mark: a, created: "", origin: set, value: %s}]}}}}'
)


def lib(password=b"first", identity="default"):
    return VaultLib([(identity, VaultSecret(password))] if password else [])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "values.yml")


def put(store, name, value):
    return update(store, lambda kept: kept.added(name, value, SET, "aa", "now", "generate_jwt", {"a": NASTY, "n": 1}))


def error_of(call, *args):
    with pytest.raises(ValueStoreError) as caught:
        call(*args)
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_a_change_of_one_value_is_a_change_of_few_lines(path):
    store = VaultStore("shop", path, lib())
    for name in ("stack/A", "stack/B", "db/C"):
        put(store, name, "hunter2 " + name)
    put(VaultStore("other", path, lib()), "stack/A", NASTY)
    with open(path, encoding="utf-8") as file:
        before = file.read().splitlines()
    put(store, "stack/B", "two")
    with open(path, encoding="utf-8") as file:
        after = file.read().splitlines()
    assert "hunter2" not in "".join(before)
    gone, new = [line for line in before if line not in after], [line for line in after if line not in before]
    assert [line.split(":")[0].strip() for line in gone] == ["counter", "current"]
    assert [line.split(":")[0].strip() for line in new] == ["counter", "current", "- {number"]
    assert VaultStore("other", path, lib()).read()[0].current("stack/A").value == NASTY
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_other_tools_of_ansible_read_it(path):
    from ansible.parsing.dataloader import DataLoader

    put(VaultStore("shop", path, lib()), "stack/A", NASTY)
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(b"first"))])
    found = loader.load_from_file(path)["stackwright_values"]["shop"]["values"]["stack/A"]["versions"][0]["value"]
    assert lib().decrypt(found._ciphertext).decode() == NASTY


def test_only_what_is_asked_for_is_decrypted(path):
    store = VaultStore("shop", path, lib())
    put(store, "stack/A", "one")
    put(store, "stack/B", "two")
    some = VaultStore("shop", path, lib(), wanted={"stack/B"})
    kept, _token = some.read()
    assert (kept.current("stack/A").value, kept.current("stack/B").value) == (None, "two")
    put(some, "stack/C", "three")
    assert sorted(store.read()[0].texts()) == ["one", "three", "two"]


def test_without_the_right_password(path):
    put(VaultStore("shop", path, lib()), "stack/A", "hunter2")
    assert error_of(VaultStore("shop", path, lib(b"second")).read).error_code == "vault_password_wrong"
    assert error_of(VaultStore("shop", path, lib(None)).read).error_code == "vault_password_missing"
    assert error_of(put, VaultStore("new", path, lib(None)), "stack/A", "x").error_code == "vault_password_missing"
    missing = VaultStore("new", path, lib(), "nobody")
    assert error_of(put, missing, "stack/A", "x").error_code == "vault_password_missing"
    assert VaultStore("shop", path, lib()).read()[0].current("stack/A").value == "hunter2"


def test_an_identity_stands_in_the_header(path):
    secrets = VaultLib([("dev", VaultSecret(b"d")), ("prod", VaultSecret(b"p"))])
    put(VaultStore("shop", path, secrets, "prod"), "stack/A", "x")
    with open(path, encoding="utf-8") as file:
        assert "$ANSIBLE_VAULT;1.2;AES256;prod\\n" in file.read()
    assert VaultStore("shop", path, lib(b"p", "prod")).read()[0].current("stack/A").value == "x"


@pytest.mark.parametrize(
    "content",
    [
        "hunter2: [",
        "hunter2",
        "stackwright_values: 3",
        "stackwright_values: {shop: 3}",
        "stackwright_values: {shop: {}}",
        "$ANSIBLE_VAULT;1.1;AES256\n3132\n",
        WHOLE % "hunter2",
        WHOLE % '!vault "hunter2"',
    ],
)
def test_a_damaged_file_is_an_error_and_stays(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    store = VaultStore("shop", path, lib())
    assert error_of(store.read).error_code == "store_damaged"
    assert error_of(put, store, "stack/B", "x").error_code == "store_damaged"
    with open(path, encoding="utf-8") as file:
        assert file.read() == content


def test_a_changed_ciphertext_does_not_open(path):
    put(VaultStore("shop", path, lib()), "stack/A", "hunter2")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('"}\n', '00"}\n'))
    assert error_of(VaultStore("shop", path, lib()).read).error_code in ("vault_password_wrong", "store_damaged")


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    store = VaultStore("shop", str(tmp_path / "file" / "values.yml"), lib())
    assert error_of(store.write, Kept("shop").added("a/b", "x", SET, "a", ""), None).error_code == "store_unwritable"


def test_where_it_is():
    assert vault_path("v.yml", "/inv", ["/inv/hosts"], "/play") == "/play/v.yml"
    assert vault_path("/v.yml", "/inv", [], "/play") == "/v.yml"
    assert vault_path(None, "/inv", ["/inv/hosts.yml"], "/play") == "/inv/stackwright_values.yml"
    # A folder that is an inventory would be parsed with everything in it.
    assert vault_path(None, "/a/inv", ["/a/inv/"], "/play") == "/a/stackwright_values.yml"
    assert vault_path(None, None, [], "/play") == "/play/stackwright_values.yml"


def test_a_run_hands_over_what_is_to_be_kept(path):
    store = VaultStore("shop", path, lib())
    runs = []

    def run(vaults, again):
        runs.append((again, vaults["made"]))
        kept = Kept.from_data(vaults["vault"]["kept"], "shop", "")
        if kept.empty:
            if len(runs) == 1:  # another play is faster
                put(VaultStore("shop", path, lib()), "stack/A", "theirs")
            data = kept.added("stack/A", "ours", SET, "bb", "now").as_data()
            return {
                "vault_writes": seal(vaults["key"], b"n" * 16, ["vault", data, False]),
                "vault_made": {"stack/A": "set"},
            }
        return {"value": kept.current("stack/A").value}

    assert with_vaults({"vault": store}, run) == {"value": "theirs"}
    assert runs == [(False, {}), (False, {})]
    os.unlink(path)
    assert with_vaults({"vault": store}, run) == {"value": "ours"}
    assert runs[-1] == (True, {"stack/A": "set"})


def test_the_file_is_yaml_with_one_line_a_version(path):
    put(VaultStore("shop", path, lib()), "stack/A", NASTY * 1000)
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if "!vault" in line]
    assert len(lines) == 1


# -- the file


def as_root():
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")


def test_a_link_under_a_name_that_was_foreseen_leads_nowhere(path, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    os.symlink(theirs, tmp_path / ".values.yml.new")
    put(VaultStore("shop", path, lib()), "stack/A", "x")
    assert theirs.read_text() == "theirs"
    assert sorted(os.listdir(tmp_path)) == [".values.yml.new", "theirs", "values.yml"]


@pytest.mark.parametrize(
    ("mode", "owner", "refused"),
    [(0o755, 0, False), (0o775, 0, False), (0o1777, 0, False), (0o777, 0, True), (0o755, 65534, True)],
)
def test_a_folder_in_which_anybody_could_swap_the_file_is_refused(tmp_path, mode, owner, refused):
    as_root()
    folder = tmp_path / "inventory"
    folder.mkdir()
    os.chmod(folder, mode)
    os.chown(folder, owner, owner)
    store = VaultStore("shop", str(folder / "values.yml"), lib())
    if not refused:
        put(store, "stack/A", "x")
        return
    error = error_of(put, store, "stack/A", "x")
    assert (error.error_code, str(folder) in error.message + error.hint) == ("store_permissions", True)
    assert os.listdir(folder) == []


def test_a_linked_vault_is_written_where_the_link_leads(path, tmp_path):
    (tmp_path / "shared").mkdir()
    os.symlink("shared/real.yml", path)
    put(VaultStore("shop", path, lib()), "stack/A", "one")
    put(VaultStore("shop", path, lib()), "stack/B", "two")
    assert os.readlink(path) == "shared/real.yml"
    assert sorted(VaultStore("shop", str(tmp_path / "shared" / "real.yml"), lib()).read()[0].texts()) == ["one", "two"]
    os.unlink(path)
    os.symlink("values.yml", path)  # leads to itself
    assert error_of(VaultStore("shop", path, lib()).read).error_code == "store_unreadable"


def test_mode_and_owner_stay(path):
    as_root()
    put(VaultStore("shop", path, lib()), "stack/A", "one")
    os.chmod(path, 0o640)
    os.chown(path, 65534, 12345)
    put(VaultStore("shop", path, lib()), "stack/B", "two")
    found = os.stat(path)
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 65534, 12345)


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_an_error_and_no_hang(path, plant):
    plant(path)
    assert error_of(VaultStore("shop", path, lib()).read).error_code == "store_unreadable"


class Impatient:
    def __init__(self):
        self.time = 0.0

    def now(self):
        self.time += 50
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def test_a_writer_that_hangs_is_named(path, tmp_path):
    import fcntl

    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        error = error_of(put, VaultStore("shop", path, lib(), clock=Impatient()), "stack/A", "x")
    finally:
        os.close(handle)
    assert (error.error_code, os.path.exists(path)) == ("store_locked", False)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "words"), [("size=64k", "No space left"), ("size=64k,ro", "Read-only")])
def test_a_full_and_a_read_only_disk(tmp_path, options, words):
    as_root()
    code = f"""
import subprocess, sys
sys.path[:0] = {sys.path!r}
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore
folder = {str(tmp_path)!r}
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
store = VaultStore("shop", folder + "/values.yml", VaultLib([("default", VaultSecret(b"p"))]))
update(store, lambda kept: kept.added("stack/A", "one", "set", "aa", "now"))
if "ro" in {options!r}:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
try:
    update(store, lambda kept: kept.added("stack/B", "x" * 50000, "set", "bb", "now"))
except ValueStoreError as error:
    print(error.error_code, error)
print(store.read()[0].current("stack/A").value, sorted(store.read()[0].entries))
"""
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("store_unwritable"), done.stdout
    assert words in done.stdout
    assert "encrypted: vault" in done.stdout
    assert done.stdout.endswith("one ['stack/A']\n")


# -- a section for each stack


STACKS = ("blog", "mail", "shop")


@pytest.fixture
def three(path):
    for stack in STACKS:
        put(VaultStore(stack, path, lib()), "stack/A", f"of {stack}")
    with open(path, "rb") as file:
        return file.read()


def cut(content):
    """Returns the file's bytes: the head, and the section of each stack."""
    parts = re.split(rb'(?m)^(?=  "(?:blog|mail|shop)":)', content)
    assert len(parts) == 4
    return [parts[0], dict(zip(STACKS, parts[1:]))]


DAMAGES = {
    "cut off": lambda text: text[: len(text) // 2] + b"\n",
    "quote lost": lambda text: text.replace(b'"\n', b"\n", 1),
    "quote never closed": lambda text: text.replace(b'!vault "$ANSIBLE', b'!vault "$ANSI"BLE'),
    "brace lost": lambda text: text.replace(b"- {", b"- "),
    "not UTF-8": lambda text: text.replace(b"created", b"cre\xff\xfeated"),
    "NULs": lambda text: text.replace(b"versions", b"\0" * 8),
    "a tab": lambda text: text.replace(b"    values", b"\tvalues"),
    "merge conflict": lambda text: text.replace(
        b"    counter: 1\n", b"<<<<<<< HEAD\n    counter: 1\n=======\n    counter: 2\n>>>>>>> theirs\n"
    ),
    "counter is text": lambda text: text.replace(b"counter: 1", b'counter: "1"'),
    "counter is NaN": lambda text: text.replace(b"counter: 1", b"counter: .nan"),
    "counter is endless": lambda text: text.replace(b"counter: 1", b"counter: .inf"),
    "values are a list": lambda text: re.sub(rb"values:\n(.*\n)*", b"values: [1, 2]\n", text),
    "no values": lambda text: re.sub(rb"    values:\n(.*\n)*", b"", text),
    "a key twice": lambda text: text + text.partition(b"\n")[2],
    "an alias": lambda text: text.replace(b"counter: 1", b"counter: &a 1\n    other: *a"),
    "deep": lambda text: text.replace(b"params: ", b"params: " + b"[" * 20_000),
    "a tag of python": lambda text: text.replace(b"counter: 1", b"counter: !!python/object/apply:os.system [id]"),
    "a wrong date": lambda text: text.replace(b"counter: 1", b"counter: !!timestamp x"),
    "not encrypted": lambda text: text.replace(b"!vault ", b""),
    "no ciphertext": lambda text: re.sub(rb'!vault "[^"]*"', b'!vault "hunter2"', text),
    "of another stack": lambda text: text.replace(b'stack: "mail"', b'stack: "shop"'),
    "name lost": lambda text: text.replace(b'  "mail":', b'  "mai'),
    "renamed": lambda text: text.replace(b'  "mail":', b'  "moil":'),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_section_stops_its_own_stack_and_no_other(path, three, damage):
    head, sections = cut(three)
    sections["mail"] = DAMAGES[damage](sections["mail"])
    broken = head + b"".join(sections.values())
    assert broken != three
    with open(path, "wb") as file:
        file.write(broken)
    for stack in ("shop", "blog"):
        store = VaultStore(stack, path, lib())
        assert store.read()[0].current("stack/A").value == f"of {stack}"
        put(store, "stack/B", "new")
        assert VaultStore(stack, path, lib()).read()[0].current("stack/B").value == "new"
    with open(path, "rb") as file:
        written = file.read()
    assert sections["mail"] in written
    mail = VaultStore("mail", path, lib())
    error = error_of(mail.read)
    assert error.error_code == "store_damaged"
    assert path in error.message
    assert "mail" in error.message
    assert error_of(put, mail, "stack/A", "never").error_code == "store_damaged"
    with open(path, "rb") as file:
        assert file.read() == written


def test_everything_else_stays_byte_for_byte(path, three):
    head, sections = cut(three)
    remarks = {stack: f"  # about {stack}\r\n\n".encode() for stack in STACKS}
    body = b"".join(remarks[stack] + sections[stack].replace(b"\n", b"\r\n") for stack in STACKS)
    tail = b"# mine\nother_variable: [1, 2]\n"
    with open(path, "wb") as file:
        file.write(b"# before\n" + head + body + tail)
    put(VaultStore("mail", path, lib()), "stack/B", "new")
    put(VaultStore("news", path, lib()), "stack/A", "new")
    with open(path, "rb") as file:
        text = file.read()
    assert text.startswith(b"# before\n" + head)
    assert text.endswith(tail)
    for stack in ("blog", "shop"):
        assert remarks[stack] + sections[stack].replace(b"\n", b"\r\n") in text
    assert remarks["mail"] in text
    assert list(re.findall(rb'(?m)^  "(\w+)":', text)) == [b"blog", b"mail", b"news", b"shop"]
    update(VaultStore("news", path, lib()), lambda kept: kept.without("stack/A"))
    update(VaultStore("mail", path, lib()), lambda kept: kept.without("stack/A").without("stack/B"))
    for stack in ("blog", "shop"):
        update(VaultStore(stack, path, lib()), lambda kept: kept.without("stack/A"))
    with open(path, "rb") as file:
        left = file.read()
    assert left.endswith(b"stackwright_values: {}\n" + tail)
    put(VaultStore("shop", path, lib()), "stack/A", "again")
    assert VaultStore("shop", path, lib()).read()[0].texts() == ["again"]


def test_other_styles_are_read(path):
    import yaml

    put(VaultStore("shop", path, lib()), "stack/A", NASTY)
    put(VaultStore("blog", path, lib()), "stack/A", "two")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    wide = re.sub(r"(?m)^( +)", lambda match: match.group(1) * 2, text)
    narrow = re.sub(r"(?m)^  ", " ", text)
    flow = yaml.safe_dump(yaml.safe_load(text.replace("!vault ", "")), default_flow_style=True)
    for other in (wide, narrow, flow.replace("value: ", "value: !vault "), text.replace("---\n", "")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(other)
        store = VaultStore("shop", path, lib())
        assert store.read()[0].texts() == [NASTY]
        put(store, "stack/B", "more")
        assert sorted(VaultStore("shop", path, lib()).read()[0].texts()) == sorted([NASTY, "more"])
        assert VaultStore("blog", path, lib()).read()[0].texts() == ["two"]


def test_what_comes_back_from_the_manager_is_checked(path):
    store = VaultStore("shop", path, lib())
    for sealed in ("", "x", "hunter2", seal("another key", b"n" * 16, ["vault", {}, False])):
        error = error_of(with_vaults, {"vault": store}, lambda vaults, again, sealed=sealed: {"vault_writes": sealed})
        assert error.error_code == "store_damaged"
    for data in (7, ["vault"], ["elsewhere", {}, False], ["vault", 7, False], ["vault", {"format": 1}, False]):
        error = error_of(
            with_vaults,
            {"vault": store},
            lambda vaults, again, data=data: {"vault_writes": seal(vaults["key"], b"n" * 16, data)},
        )
        assert error.error_code == "store_damaged"
    assert not os.path.exists(path)


def damages_of_lines(section):
    """Returns the section with one line indented differently, removed, doubled or cut."""
    lines = section.splitlines(keepends=True)
    for number, line in enumerate(lines):
        bare = line.lstrip(b" ")
        blanks = len(line) - len(bare)
        others = [b" " * blanks_ + bare for blanks_ in range(13) if blanks_ != blanks]
        others += [b"", line + line, line.rstrip()[:-3] + b"\n", b"\n", b"#" + line, bare.rstrip() + b" x\n"]
        for other in others:
            yield number, other, b"".join([*lines[:number], other, *lines[number + 1 :]])


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1, 2])
def test_no_damage_of_a_line_loses_a_value_in_silence(path, three, at):
    """For the damaged stack: an error, or all of its values unchanged. For the others: no change at all."""
    mine = STACKS[at]
    for name in ("db/B", "stack/C"):
        put(VaultStore(mine, path, lib()), name, "x")
    with open(path, "rb") as file:
        head, sections = cut(file.read())
    labels = {stack: labels_in(VaultStore(stack, path, lib(), wanted=())) for stack in STACKS}
    tried = 0
    for number, line, section in damages_of_lines(sections[mine]):
        with open(path, "wb") as file:
            file.write(head + b"".join({**sections, mine: section}.values()))
        for stack in STACKS:
            try:
                found = labels_in(VaultStore(stack, path, lib(), wanted=()))
            except ValueStoreError as error:
                assert error.error_code == "store_damaged"
                # Without its first line a section is none: it is the end of the one before.
                assert stack == mine or (number == 0 and at and stack == STACKS[at - 1]), (
                    number,
                    line,
                    stack,
                    str(error),
                )
                continue
            if stack == mine:
                tried += 1
            assert found == labels[stack], (number, line, stack)
    assert tried > 10


def labels_in(store):
    kept, _token = store.read()
    return {name: [version.label for version in entry.versions] for name, entry in kept.entries.items()}

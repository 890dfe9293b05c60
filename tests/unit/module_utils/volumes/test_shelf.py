"""Archives of volumes: equal content has equal digests, and a damaged archive is not a snapshot."""

import io
import json
import random
import tarfile

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.content import ROOT, scan
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import BEFORE, SNAPSHOT, opened


def packed(*entries, root=ROOT):
    """A tar stream as the Engine makes it: (name, content or None for a folder, more fields)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, *more in [("", None), *entries]:
            entry = tarfile.TarInfo(f"{root}/{name}".rstrip("/"))
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size, entry.mtime = len(content or b""), 1700000000
            for key, value in more[0].items() if more else ():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(content or b""))
    return file.getvalue()


def digest(data):
    return scan([data[start : start + 700] for start in range(0, len(data), 700)]).digest


FILES = (("a", b"one"), ("b", None), ("b/c", b"two" * 1000))
WHOLE = packed(*FILES)


def code_of(call, *given):
    with pytest.raises(StackwrightError) as raised:
        call(*given)
    return raised.value.error_code


CHANGES = {
    "content": {"a": (b"eno", {})},
    "mode": {"a": (b"one", {"mode": 0o600})},
    "owner": {"a": (b"one", {"uid": 999})},
    "group": {"b": (None, {"gid": 999})},
    "time of a file": {"a": (b"one", {"mtime": 1})},
    "a link": {"a": (b"", {"type": tarfile.SYMTYPE, "linkname": "b"})},
    "a hard link": {"a": (b"", {"type": tarfile.LNKTYPE, "linkname": f"{ROOT}/b/c"})},
    "a pipe": {"a": (b"", {"type": tarfile.FIFOTYPE})},
    "an attribute": {"a": (b"one", {"pax_headers": {"SCHILY.xattr.security.capability": "x"}})},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_digest_tells_whatever_differs(what):
    changed = CHANGES[what]
    other = packed(*((name, *changed.get(name, (content,))) for name, content in FILES))
    assert digest(other) != digest(WHOLE)


def test_a_digest_is_that_of_the_content():
    later = packed(*((name, content, {"mtime": 1} if content is None else {}) for name, content in FILES))
    assert digest(later) == digest(WHOLE)  # a folder's time is not content
    found = scan([WHOLE])
    assert (found.entries, found.size, found.length) == (4, 3003, len(WHOLE))


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 1024, 1536, 2000, 5000, 6144], ids=str)
def test_a_stream_that_ends_too_early_is_damaged(kept):
    end = len(WHOLE.rstrip(b"\0"))
    assert code_of(digest, WHOLE[: min(kept, end)]) == "snapshot_damaged"


@pytest.mark.parametrize(
    "entry",
    [
        ("../../etc/passwd", b"x"),
        ("a/../../x", b"x"),
        ("a", b"", {"type": tarfile.LNKTYPE, "linkname": "etc/passwd"}),
    ],
    ids=["up", "up later", "hard link"],
)
def test_an_entry_outside_of_the_volume_is_damaged(entry):
    assert code_of(digest, packed(entry)) == "snapshot_damaged"
    assert code_of(digest, packed(("a", b"x"), root="other")) == "snapshot_damaged"


def filled(shelf, name, taken, kind=SNAPSHOT):
    content = shelf.write(name, [WHOLE])
    meta = {"format": 1, "kind": kind, "volume": "data", "id": name, "taken": taken, "content": content._asdict()}
    shelf.describe(meta)
    return meta


def test_two_hundred_alterations_are_refused(tmp_path):
    chance = random.Random(19)
    with opened(str(tmp_path / "s"), ["data"]) as (shelf,):
        filled(shelf, "one", "1")
        paths = [tmp_path / "s" / "data" / f"one{end}" for end in (".tar", ".json")]
        good = {path: path.read_bytes() for path in paths}

        def look():
            shelf.verify(shelf.meta("one"))

        look()
        for number in range(200):
            path = paths[number % 2]
            data = bytearray(good[path])
            place = chance.randrange(len(data))
            if number % 3 == 0:
                del data[place : place + chance.randrange(1, 600)]
            else:
                data[place] ^= chance.randrange(1, 256)
            path.write_bytes(data)
            # The text of a description may have lost a space only.
            if path.suffix == ".tar" or loaded(data) != json.loads(good[path]):
                assert code_of(look) == "snapshot_damaged", (number, place)
            path.write_bytes(good[path])
        look()
        paths[0].unlink()
        assert code_of(look) == "snapshot_damaged"


def loaded(data):
    try:
        return json.loads(data.decode())
    except ValueError:
        return None


def test_old_snapshots_go_and_halves_are_none(tmp_path):
    dest = str(tmp_path / "new" / "s")
    with opened(dest, ["data"]) as (shelf,):
        for number in range(5):
            filled(shelf, f"s{number}", str(number))
        filled(shelf, "b", "9", BEFORE)
        assert shelf.retain(0) == [] and shelf.retain(2) == ["s0", "s1", "s2"]
        assert [one["id"] for one in shelf.all()] == ["s3", "s4"] and [one["id"] for one in shelf.all(BEFORE)] == ["b"]
        shelf.write("half", [WHOLE])
        assert code_of(shelf.meta, "half") == "no_snapshot" and code_of(shelf.meta, "../x") == "invalid_options"
        with pytest.raises(StackwrightError) as raised, opened(dest, ["data"]):
            pass
        assert raised.value.error_code == "snapshot_busy"
        with pytest.raises(StackwrightError):
            shelf.write("torn", [WHOLE[:600]])
    with opened(dest, ["data"]):
        names = sorted(path.name for path in (tmp_path / "new" / "s" / "data").iterdir())
    assert names == sorted(f"{name}{end}" for name in ("b", "s3", "s4") for end in (".json", ".tar"))


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StackwrightError) as raised, opened(str(tmp_path / "file"), ["data"]):
        pass
    assert raised.value.error_code == "snapshot_unwritable"


def test_an_endless_time_is_damage():
    data = packed(("a", b"one", {"pax_headers": {"mtime": "inf"}}))
    assert code_of(scan, [data]) == "snapshot_damaged"

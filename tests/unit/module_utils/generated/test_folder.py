"""Several hosts of a play write the same files to one folder of the controller at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ansible_collections.stackwright.swarm.plugins.module_utils.generated.folder import (
    FolderError,
    digest,
    look,
    packed,
    unpacked,
    write,
)

FILES = {f"stacks/{number}/compose.yml": f"services: {number}".encode() for number in range(8)}


def test_of_many_that_write_at_once_one_writes_and_the_others_are_told(tmp_path):
    start = Barrier(4)

    def result(dest):
        seen = {path: digest(None) for path in FILES}
        start.wait()
        try:
            return write(dest, {path: packed(content) for path, content in FILES.items()}, (), seen)[0]
        except FolderError as error:
            return error.error_code

    with ThreadPoolExecutor(4) as threads:
        for number in range(25):
            dest = str(tmp_path / str(number))
            results = [each.result() for each in [threads.submit(result, dest) for _host in range(4)]]
            assert sorted(results, key=str) == [list(FILES), *["conflict"] * 3]
            found = look(dest, "", list(FILES))["files"]
            assert {path: unpacked(content) for path, content in found.items()} == FILES

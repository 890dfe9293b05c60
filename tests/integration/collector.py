"""A collector for tests: receives Fluentd's forward protocol on a unix socket, and writes a line of JSON per message.

Run as a process, so that a test can kill or stop it: ``python collector.py SOCKET FILE``.
"""

import json
import os
import socketserver
import struct
import sys
from pathlib import Path
from typing import BinaryIO

#: Lengths and numbers of msgpack by their first byte: struct's format.
STRINGS = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i"}
NUMBERS[0xD3] = ">q"
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def unpack(source: BinaryIO) -> object:
    """The next msgpack value of ``source``.

    Raises EOFError at its end, ValueError for a type that the protocol does not use.
    """

    def take(count: int) -> bytes:
        data = source.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def number(form: str) -> float:
        return struct.unpack(form, take(struct.calcsize(form)))[0]

    first = take(1)[0]
    if first < 0x80:
        return first
    if first >= 0xE0:
        return first - 0x100
    if first in CONSTANTS:
        return CONSTANTS[first]
    if first in NUMBERS:
        return number(NUMBERS[first])
    if first in STRINGS or 0xA0 <= first < 0xC0:
        size = number(STRINGS[first]) if first in STRINGS else first & 0x1F
        return take(int(size)).decode("utf-8", "replace")
    if first < 0x90 or first in (0xDE, 0xDF):
        size = first & 0x0F if first < 0x90 else int(number(">H" if first == 0xDE else ">I"))
        return {str(unpack(source)): unpack(source) for _ in range(size)}
    if first < 0xA0 or first in (0xDC, 0xDD):
        size = first & 0x0F if first < 0xA0 else int(number(">H" if first == 0xDC else ">I"))
        return [unpack(source) for _ in range(size)]
    if first == 0xD7:  # a time with nanoseconds
        kind, seconds, nanoseconds = struct.unpack(">bII", take(9))
        return seconds + nanoseconds / 1e9
    raise ValueError(f"msgpack type {first:#x}")


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            while True:
                tag, time, record, *_ = unpack(self.rfile)
                self.server.file.write(json.dumps({"tag": tag, "time": time, "record": record}) + "\n")
                self.server.file.flush()
        except EOFError:
            pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    path, lines = sys.argv[1:]
    Path(path).unlink(missing_ok=True)
    with Server(path, Handler) as server, open(lines, "a") as server.file:
        os.chmod(path, 0o600)
        server.serve_forever()

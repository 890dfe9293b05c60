"""The event source under trouble: python tests/benchmark/events.py [MINUTES]

ansible-rulebook watches a Swarm of three managers. Configs come, change and go all the time, 100 changes a minute. In
turns, the Engine that is watched and the one that leads are killed and started again. At the end:

* every config that lasted has been told once when it came, and once when it went;
* nothing was told twice; the events of gaps are marked as recovered;
* the memory of ansible-rulebook (with its Java) at the end, against that after the first quarter.
"""

import itertools
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "integration")]

from rulebook import Rulebook
from testbed import Bed
from testbed.paths import BedError

ROUND = 10  # seconds
MANY = 8  # configs of a round: created in it, changed in the next, removed in the one after
EVERY = 6  # rounds between two kills
FLAT = 1.2  # times as much memory as after the first quarter
LINE = re.compile(r"told (\S+) (\S*) (True|False)")


def alive(bed):
    """A manager whose Swarm answers, and the name of the leader."""
    while True:
        for node in bed.nodes.values():
            try:
                nodes = node.api("GET", "/nodes", timeout=20)
            except (OSError, BedError):
                continue
            lead = [one for one in nodes if (one.get("ManagerStatus") or {}).get("Leader")]
            if lead:
                return node, lead[0]["Description"]["Hostname"]
        threading.Event().wait(0.5)


def patiently(bed, work):
    """``work(node)``, again by another manager if one fails. Work that was done already counts as done."""
    while True:
        try:
            return work(alive(bed)[0])
        except (OSError, BedError) as error:
            if "409" in str(error) or "already exists" in str(error) or "not found" in str(error):
                return None


def relabel(node, name):
    (found,) = node.api("GET", f'/configs?filters={{"name":["{name}"]}}')
    body = {**found["Spec"], "Labels": {"changed": "yes"}}
    node.api("POST", f"/configs/{found['ID']}/update?version={found['Version']['Index']}", body)


def memory(process):
    """KiB that the process and its children have in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def main(minutes):
    with Bed.up("bench-events", managers=3) as bed, tempfile.TemporaryDirectory() as folder:
        hosts = [node.docker_host for node in bed.nodes.values()]
        rule = {
            "name": "All",
            "condition": "event.type is defined",
            "action": {"debug": {"msg": "told {{ event.type }} {{ event.name }} {{ event.recovered }}"}},
        }
        source = {"name": "swarm", "stackwright.swarm.swarm_events": {"managers": hosts, "interval": 2, "timeout": 20}}
        book = Rulebook(Path(folder), [{"name": "b", "hosts": "all", "sources": [source], "rules": [rule]}])
        try:
            for number in itertools.count():
                body = {"Name": f"probe-{number}", "Data": "eA=="}
                patiently(bed, lambda node, body=body: node.api("POST", "/configs/create", body))
                if book.saw(r"told config_created probe", 1):
                    break
            run(bed, book, minutes)
        finally:
            book.end()


def run(bed, book, minutes):
    end, used, kills, downs = time.monotonic() + minutes * 60, [], Counter(), []
    number = 0
    while time.monotonic() < end or number % EVERY:
        began = time.monotonic()
        names = {age: [f"r{number - age}-{index}" for index in range(MANY)] for age in range(3)}
        for name in names[0]:
            patiently(bed, lambda node, name=name: node.api("POST", "/configs/create", {"Name": name, "Data": "eA=="}))
        for name in names[1] if number > 0 else ():
            patiently(bed, lambda node, name=name: relabel(node, name))
        for name in names[2] if number > 1 else ():
            patiently(bed, lambda node, name=name: node.api("DELETE", f"/configs/{name}"))
        if number % EVERY == 2 and not downs:
            # The one that is watched is the first that answers; then the one that leads.
            which = "m1" if (number // EVERY) % 2 == 0 else alive(bed)[1]
            kills["watched" if which == "m1" else "leader"] += 1
            bed.kill(which)
            downs.append(which)
        elif downs and number % EVERY == 3:
            bed.start(downs.pop())
            bed.wait_ready()
        used.append(memory(book.process))
        number += 1
        threading.Event().wait(max(0.0, ROUND - (time.monotonic() - began)))
        if number % 30 == 0:
            print(f"{number} rounds, {sum('told ' in line for line in book.lines)} events, {used[-1]} KiB", flush=True)
    last = {"Name": "last", "Data": "eA=="}
    patiently(bed, lambda node: node.api("POST", "/configs/create", last))
    book.until(r"told config_created last ")
    told = [match.groups() for match in map(LINE.search, list(book.lines)) if match]
    counts = Counter((kind, name) for kind, name, _recovered in told if name.startswith("r"))
    lasting = [f"r{one}-{index}" for one in range(number - 2) for index in range(MANY)]
    missing = [
        (kind, name) for name in lasting for kind in ("config_created", "config_removed") if not counts[kind, name]
    ]
    doubled = [key for key, count in counts.items() if count > 1]
    quarter = sorted(used[len(used) // 4 : len(used) // 2])
    late = sorted(used[-len(used) // 4 :])
    ratio = late[len(late) // 2] / quarter[len(quarter) // 2]
    result = {
        "minutes": minutes,
        "kills": dict(kills),
        "events": len(told),
        "kinds": dict(Counter(kind for kind, _name, _recovered in told)),
        "recovered": sum(recovered == "True" for _kind, _name, recovered in told),
        "missing": missing,
        "doubled": doubled,
        "memory_ratio": round(ratio, 3),
        "memory_mib": [round(one / 1024) for one in (used[0], quarter[len(quarter) // 2], late[len(late) // 2])],
    }
    print(json.dumps(result, indent=1))
    assert not missing and not doubled and ratio <= FLAT and result["recovered"]
    # Nobody touches the networks; a new leader must not look like it.
    assert not any(kind.startswith("network_") for kind, _name, _recovered in told)
    assert not any("Traceback" in line for line in book.lines)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30)

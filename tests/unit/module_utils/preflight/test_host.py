"""The findings from texts of /proc and responses to /info."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.preflight import host
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.node_questions import port_findings, unchecked
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import meets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = HEAD + (
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n"
    "   1: 0100007F:0050 0200007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10\n"
    "   2: 0100007F:0051 0200007F:C001 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n"
)
UDP6 = (
    HEAD
    + "  77: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 0:0 00:0 0 0 0 99 2 0 0\n"
)


def test_only_sockets_that_listen_hold_a_port():
    assert host.listening(TCP, "tcp") == {8080: "4711"}
    assert host.listening(UDP6, "udp") == {53: "99"}
    assert host.listening("", "tcp") == host.listening(HEAD + "half a li", "tcp") == {}


@pytest.mark.parametrize(
    ("loaded", "builtin", "files", "in_sys", "has"),
    [
        ("ip_vs 180224 0 - Live 0x0\n", None, None, False, True),
        ("ip_vs_rr 16384 0 - Live 0x0\n", None, "", False, False),
        ("", "kernel/net/netfilter/ipvs/ip_vs.ko\n", "", False, True),
        ("", "", "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/lib/libcrc32c.ko.xz\n", False, True),
        ("", "", "kernel/net/netfilter/ipvs/ip_vs_rr.ko: kernel/net/netfilter/ipvs/ip_vs.ko\n", False, False),
        ("", None, None, True, True),
        ("", None, None, False, None),
        ("", "", None, False, None),
    ],
)
def test_whether_a_kernel_has_a_module(loaded, builtin, files, in_sys, has):
    assert host.kernel_has("ip_vs", loaded, builtin, files, in_sys) is has


def told(findings):
    return [(item["level"], item["code"]) for item in findings]


def test_a_kernel_without_overlay_is_an_error_and_one_without_ipvs_matters_to_virtual_addresses_only():
    assert told(host.kernel_findings("n", {"vxlan": True, "ip_vs": True}, True)) == []
    assert told(host.kernel_findings("n", {"vxlan": False, "ip_vs": False}, False)) == [("error", "no_overlay")]
    assert told(host.kernel_findings("n", {"vxlan": None, "ip_vs": None}, True)) == [
        ("warning", "no_overlay"),
        ("warning", "no_ipvs"),
    ]
    (found,) = host.kernel_findings("n", {"vxlan": True, "ip_vs": False}, True)
    assert "do not work" in found["message"] and "dnsrr" in found["hint"] and "mode: host" in found["hint"]


@pytest.mark.parametrize(
    ("free", "inodes", "codes"),
    [
        (10_000, 0.5, []),
        (4_999, None, [("warning", "disk_space")]),
        (999, None, [("error", "disk_space")]),
        (10_000, 0.01, [("warning", "inodes")]),
    ],
)
def test_disk_space(free, inodes, codes):
    disk = host.Disk("/var/lib/docker", free * host.MIB, inodes)
    assert told(host.disk_findings("n", disk, 1000, 5000)) == codes


def test_the_limit_that_counts_is_told():
    (found,) = host.disk_findings("n", host.Disk("/d", 10 * host.MIB, None), 1000, 0)
    assert found["message"].endswith("; 1000 are required.")
    assert told(host.disk_findings("n", host.Disk("/d", 1000 * host.MIB, None), 1000, 0)) == []


def test_storage_drivers():
    assert told(host.storage_findings("n", {"Driver": "overlay2"}, True)) == []
    (found,) = host.storage_findings("n", {"Driver": "vfs"}, False)
    assert "the kernel has no overlay file system" in found["message"]


def test_who_has_a_port():
    about = {"service": "web", "where": "", "level": "error"}
    facts = {
        "ports": [{**about, "port": [80, "tcp"], "mode": "host"}, {**about, "port": [53, "udp"], "mode": "ingress"}]
    }
    found = list(port_findings("n", facts, {(80, "tcp"): "", (53, "udp"): "container dns", (54, "udp"): "x"}))
    assert [item["code"] for item in found] == ["port_in_use", "ingress_port_in_use"]
    assert "in use by a process" in found[0]["message"] and "in use by container dns" in found[1]["message"]


def test_nodes_that_nobody_looked_at():
    asked = {"ports": [{}], "binds": []}
    facts = {"1": {"name": "b", **asked}, "2": {"name": "a", **asked}, "3": {"name": "c", "ports": [], "binds": []}}
    assert unchecked(facts, ["1", ""]) == ["a"]
    assert unchecked(facts, []) == ["a", "b"]


@pytest.mark.parametrize(
    ("constraint", "meets_it"),
    [
        ("node.ip == 10.0.1.12", True),
        ("node.ip==10.0.1.0/24", True),
        ("node.ip!=10.0.1.0/24", False),
        ("node.ip != 10.0.2.0/24", True),
        ("node.ip != fd00::/8", True),
        ("node.ip == nonsense", False),
        ("node.ip != nonsense", False),
    ],
)
def test_constraints_by_address(constraint, meets_it):
    assert meets({"Status": {"Addr": "10.0.1.12"}}, constraint) is meets_it

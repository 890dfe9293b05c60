# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks one host from texts of /proc and the Engine's response to /info. Pure."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)

MIB = 1024 * 1024
#: States in /proc/net: a listening TCP socket, a bound UDP socket.
LISTENS, BOUND = "0A", "07"
FEW_INODES = 0.02
SLOW = ("vfs", "devicemapper")


class Disk(NamedTuple):
    """The free space of a file system: bytes, and the share of free inodes (None if it does not count them)."""

    path: str
    free: int
    inodes: Optional[float]


def listening(text: str, protocol: str) -> Dict[int, str]:
    """Returns the inode of the socket of each used port, from the text of /proc/net/tcp, tcp6, udp or udp6."""
    wanted, found = (BOUND if protocol == "udp" else LISTENS), {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == wanted:
            found[int(fields[1].rpartition(":")[2], 16)] = fields[9]
    return found


def kernel_has(name: str, loaded: str, builtin: Optional[str], files: Optional[str], in_sys: bool) -> Optional[bool]:
    """Whether the kernel has a module, or can load it; None if that is unknown.

    ``loaded`` is /proc/modules; ``builtin`` and ``files`` are modules.builtin and modules.dep, None if unreadable.
    """
    if in_sys or any(line.split(" ", 1)[0] == name for line in loaded.splitlines()):
        return True
    for text in (builtin, files):
        for line in (text or "").splitlines():
            file = line.split(":", 1)[0].rpartition("/")[2]
            if file.split(".", 1)[0].replace("-", "_") == name:
                return True
    return None if files is None else False


def kernel_findings(node: str, has: Mapping[str, Optional[bool]], vips: bool) -> Iterator[Finding]:
    """Finds missing modules. ``has`` are the results of ``kernel_has``; ``vips``: whether virtual IPs are needed."""
    if has["vxlan"] is not True:
        unknown = has["vxlan"] is None
        message = "the kernel has no vxlan" + (" loaded, and its modules can't be listed" if unknown else "")
        hint = "Install the kernel's modules (on Debian and Ubuntu linux-modules-extra or a full kernel)."
        level = WARNING if unknown else ERROR
        yield finding(level, "no_overlay", f"{message}: overlay networks do not work.", hint, node=node)
    if vips and has["ip_vs"] is not True:
        unknown = has["ip_vs"] is None
        message = "the kernel has no IPVS" + (" loaded, and its modules can't be listed" if unknown else "")
        hint = "Load ip_vs, or use endpoint_mode: dnsrr and ports with mode: host."
        yield finding(
            WARNING, "no_ipvs", f"{message}: virtual IPs and the ingress network do not work.", hint, node=node
        )


def storage_findings(node: str, info: Mapping[str, object], overlay: bool) -> Iterator[Finding]:
    """Finds a slow storage driver. ``overlay``: whether /proc/filesystems has overlay."""
    driver = str(info.get("Driver") or "")
    if driver in SLOW:
        message = f"the Engine stores images with {driver}, which is slow and uses much disk space"
        why = "." if overlay else "; the kernel has no overlay file system."
        yield finding(WARNING, "storage_driver", message + why, "Use the storage driver overlay2.", node=node)


def disk_findings(node: str, disk: Disk, least: int, enough: int) -> Iterator[Finding]:
    """Finds full disks: fewer than ``least`` MiB free is an error, fewer than ``enough`` a warning."""
    free = disk.free // MIB
    if free < max(least, enough):
        limit = least if free < least else enough
        message = (
            f"{free} MiB are free in {disk.path}, where the Engine keeps images and volumes; {limit} are required."
        )
        hint = "Free disk space (see `docker system df`), or lower the limit."
        yield finding(ERROR if free < least else WARNING, "disk_space", message, hint, node=node)
    if disk.inodes is not None and disk.inodes < FEW_INODES:
        message = f"{disk.inodes:.1%} of the inodes are free in {disk.path}."
        yield finding(WARNING, "inodes", message, "Remove small files there, or unused images.", node=node)

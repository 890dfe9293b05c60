# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the validity of a Swarm's certificates, with the necessary parts of PEM and DER only."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from typing import Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso

DAY = 86400.0
AHEAD = 30 * DAY  # seconds before its end at which a certificate needs a warning
SHARE = 1 / 3  # of its time: the limit for a certificate that is valid for less than 90 days
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)
SEQUENCE, UTC_TIME, TIME, VERSION = 0x30, 0x17, 0x18, 0xA0


class Validity(NamedTuple):
    """The validity of a certificate, in seconds since 1970."""

    begins: float
    ends: float

    def days_left(self, now: float) -> int:
        """Returns whole days until its end; negative afterwards."""
        return int((self.ends - now) // DAY)

    def is_due(self, now: float) -> bool:
        """Whether it ends in less than 30 days, or a third of its time if that is less."""
        return self.ends - now < min(AHEAD, (self.ends - self.begins) * SHARE)

    @property
    def text(self) -> str:
        """Its end as ``2036-11-26T10:00:00Z``."""
        return iso(self.ends)

    @property
    def issued(self) -> str:
        """Its beginning, as ``text``."""
        return iso(self.begins)


def validities(text: str) -> List[Validity]:
    """Returns the validity of each certificate in a PEM text, without unreadable ones."""
    found = []
    for block in BLOCK.findall(text):
        try:
            found.append(_validity(base64.b64decode("".join(block.split()), validate=True)))
        except (binascii.Error, ValueError, IndexError, OverflowError, OSError):
            continue
    return found


def first_to_end(text: str) -> Optional[Validity]:
    """Returns the validity of the certificate that ends first; None if none can be read."""
    return min(validities(text), key=lambda validity: validity.ends, default=None)


def _validity(der: bytes) -> Validity:
    """Reads Certificate → TBSCertificate → version (optional), serial, algorithm, issuer, validity."""
    certificate = list(_parts(der))[0][1]
    signed = list(_parts(certificate))[0][1]
    fields = [part for part in _parts(signed) if part[0] != VERSION]
    tag, validity = fields[3]
    if tag != SEQUENCE:
        raise ValueError("no validity")
    begins, ends = (_time(*part) for part in _parts(validity))
    return Validity(begins, ends)


def _parts(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """Yields the elements of a DER structure: tag and content."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()

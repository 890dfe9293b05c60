# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate expires. Pure: the little of X.509 that this needs, so that no library is."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from typing import List, Optional, Tuple

PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
SEQUENCE, EXPLICIT, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
FORMATS = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


def expires(text: str) -> Optional[float]:
    """Seconds since 1970 at which the first certificate of a PEM text expires; None if there is none that is one."""
    found = PEM.search(text)
    if not found:
        return None
    try:
        data = base64.b64decode("".join(found.group(1).split()), validate=True)
        # Certificate > TBSCertificate > [version], serial number, signature, issuer, validity > not before, not after
        fields = _parts(_parts(_parts(data)[0][1])[0][1])
        fields = fields[1:] if fields[0][0] == EXPLICIT else fields
        kind, end = _parts(fields[3][1])[1]
        return datetime.strptime(end.decode("ascii"), FORMATS[kind]).replace(tzinfo=timezone.utc).timestamp()
    except (binascii.Error, IndexError, KeyError, ValueError):
        return None


def _parts(data: bytes) -> List[Tuple[int, bytes]]:
    """The elements of DER data, each with its tag."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        at += length
    return found

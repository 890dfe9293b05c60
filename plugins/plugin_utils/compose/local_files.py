# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the machine that runs this: the only place of the compiler that opens any."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

# One byte more than the YAML reader takes (it then says so); also bounds configs and secrets,
# which Swarm takes only up to 1,024,000 bytes.
LONGEST = 10_000_001


class LocalFiles:
    """Reads regular files, at most ``LONGEST`` bytes of each. A device or pipe, which might never end, is refused."""

    def read(self, path: str) -> bytes:
        file = Path(path)
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        with file.open("rb") as stream:
            return stream.read(LONGEST)

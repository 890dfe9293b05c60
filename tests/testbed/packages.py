"""Debian packages of any release, unpacked beside the system.

apt runs with sources, state and caches of its own, so the machine's package lists and installed
packages stay as they are. The mirror is the one that the machine's own apt is set up with.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from .commands import run
from .paths import PACKAGES, BedError, locked

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: What Debian's /usr-merge makes links, before any package is unpacked.
MERGED = ("bin", "sbin", "lib", "lib64")


class Release:
    """One Debian release ("bookworm", "trixie", "sid") to take packages from."""

    def __init__(self, name: str, cache: Path = PACKAGES) -> None:
        self.name = name
        self.folder = cache / name

    def download(self, names: Sequence[str], with_dependencies: bool = False) -> list[Path]:
        """Fetch packages (and all that they depend on) and give back the .deb files.

        Raises BedError if the mirror does not have them.
        """
        with locked(PACKAGES / "lock"):
            self._prepare()
            before = ["install", "--download-only", "--no-install-recommends", "-y"]
            if not with_dependencies:
                before = ["download"]
            # An empty cache, since apt does not name what it has already.
            planned = self._apt_get(
                "-o", f"Dir::Cache::archives={self.folder / 'empty'}", *before, "--print-uris", *names
            )
            files = re.findall(r"^'[^']+' (\S+) \d+", planned, re.M)
            if not files:
                raise BedError(f"Debian {self.name} offers none of {', '.join(names)}")
            self._apt_get(*before, *names, cwd=self.archives)
            return [self.archives / file for file in sorted(files)]

    @property
    def archives(self) -> Path:
        return self.folder / "cache" / "archives"

    def _prepare(self) -> None:
        sources = self.folder / "sources.list"
        if sources.exists():
            return
        for path in (
            self.archives / "partial",
            self.folder / "empty" / "partial",
            self.folder / "state" / "lists" / "partial",
        ):
            path.mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.part").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {self.name} main\n")
        self._apt_get("update", sources=self.folder / "sources.part")
        (self.folder / "sources.part").rename(sources)

    def _apt_get(self, *argv: str, sources: Path | None = None, cwd: Path | None = None) -> str:
        settings = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": sources or self.folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": "-",
            "APT::Sandbox::User": "root",
            "APT::Keep-Downloaded-Packages": "true",
            "Debug::NoLocking": "true",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return run(["apt-get", "-qq", *options, *argv], timeout=900, cwd=cwd).stdout


def _mirror() -> str:
    form = "$(REPO_URI) $(COMPONENT)"
    for line in run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).stdout.splitlines():
        uri, _, component = line.partition(" ")
        if component == "main" and re.search(r"/debian/?$", uri):
            return uri
    raise BedError("apt on this machine has no Debian mirror set up (see /etc/apt/sources.list.d)")


def unpack(archives: Iterable[Path], root: Path, leave_out: Sequence[str] = ()) -> None:
    """Unpack .deb files into the folder ``root`` as on a merged-/usr system; runs none of their scripts.

    ``leave_out`` names packages whose files are not wanted (patterns of re.fullmatch).
    """
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for archive in archives:
        if any(re.fullmatch(pattern, archive.name.split("_")[0]) for pattern in leave_out):
            continue
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as source:
            tar = ["tar", "-C", str(root), "-x", "--keep-directory-symlink", "--exclude=./usr/share/doc/*"]
            done = subprocess.run([*tar, "--exclude=./usr/share/man/*", "-f", "-"], stdin=source.stdout)
        if done.returncode or source.returncode:
            raise BedError(f"could not unpack {archive}")

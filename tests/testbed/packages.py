"""Debian packages of any release, unpacked beside the system.

apt runs with separate sources, state and caches, so the machine's package lists and installed packages
stay unchanged. The mirror is that of the machine's own apt.
"""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path

from .commands import run
from .paths import PACKAGES, BedError, locked

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: Folders that Debian's /usr-merge replaces by links, before any package is unpacked.
MERGED = ("bin", "sbin", "lib", "lib64")


class Release:
    """One Debian release ("bookworm", "trixie", "sid") to take packages from."""

    def __init__(self, name: str, cache: Path = PACKAGES) -> None:
        self.name = name
        self.folder = cache / name

    def download(
        self, names: Sequence[str], with_dependencies: bool = False, leave_out: Sequence[str] = ()
    ) -> list[Path]:
        """Fetches packages, with their dependencies on request. Returns the .deb files.

        ``leave_out`` names dependencies to omit (patterns of re.fullmatch). Raises BedError if the mirror does not have
        the packages.
        """
        with locked(PACKAGES / "lock"):
            self._prepare()
            wanted = [
                archive
                for archive in self._resolve(names, with_dependencies)
                if not any(re.fullmatch(pattern, archive.split("_")[0]) for pattern in leave_out)
            ]
            missing = [archive for archive in wanted if not (self.archives / archive).exists()]
            if missing:
                self._fetch(missing)
            return [self.archives / archive for archive in wanted]

    def _resolve(self, names: Sequence[str], with_dependencies: bool) -> list[str]:
        """Returns the file names of the packages, sorted."""
        command = ["install", "-y", "--no-install-recommends"] if with_dependencies else ["download"]
        planned = self._apt_get(*command, "--print-uris", *names)
        files = sorted(re.findall(r"^'[^']+' (\S+) \d+", planned, re.M))
        if not files:
            raise BedError(f"Debian {self.name} offers none of {', '.join(names)}")
        return files

    def _fetch(self, archives: Sequence[str]) -> None:
        self.archives.mkdir(parents=True, exist_ok=True)
        exact = ["=".join(urllib.parse.unquote(archive).split("_")[:2]) for archive in archives]
        try:
            self._apt_get("download", *exact, cwd=self.archives)
        except BedError as error:
            # The lists may be older than the mirror's packages; the next run reads them again.
            (self.folder / "sources.list").unlink()
            raise BedError(f"{error}\nThe package lists may be older than the mirror: run it again.") from error

    @property
    def archives(self) -> Path:
        return self.folder / "archives"

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
    raise BedError("apt on this machine has no Debian mirror (see /etc/apt/sources.list.d)")


def unpack(archives: Iterable[Path], root: Path) -> None:
    """Unpacks .deb files into the folder ``root`` as on a merged-/usr system, without their scripts."""
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for archive in archives:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as source:
            tar = ["tar", "-C", str(root), "-x", "--keep-directory-symlink", "--exclude=./usr/share/doc/*"]
            done = subprocess.run([*tar, "--exclude=./usr/share/man/*", "-f", "-"], stdin=source.stdout)
        if done.returncode or source.returncode:
            raise BedError(f"could not unpack {archive}")

"""Images in the folder layout of Debian's docker-registry: written directly, and served unchanged.

An image has one layer here. All files of a store have the SHA-256 of their content as name, so images are copied
between stores by links.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .paths import BedError

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Store:
    """A folder of images (``docker/registry/v2`` below it is the registry's own layout)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.top = folder / "docker" / "registry" / "v2"

    def blob(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return self.top / "blobs" / algorithm / name[:2] / name / "data"

    def tag(self, image: str) -> Path:
        name, tag = split(image)
        return self.top / "repositories" / name / "_manifests" / "tags" / tag / "current" / "link"

    def has(self, image: str) -> bool:
        return self.tag(image).exists()

    def digest(self, image: str) -> str:
        """Returns the manifest's digest. Raises BedError if the image is not in the store."""
        try:
            return self.tag(image).read_text()
        except OSError as error:
            raise BedError(f"no image {image} in {self.folder}") from error

    def manifest(self, image: str) -> dict:
        return json.loads(self.blob(self.digest(image)).read_bytes())

    def add(self, image: str, root: Path, config: Mapping[str, object], owners: Mapping[str, int]) -> str:
        """Creates an image of the folder ``root``. Returns its digest.

        ``config`` is the container configuration as in ``docker inspect`` (Cmd, Env, ...). The owner of all files is
        root, except for the paths in ``owners`` and the files below them, which have that uid and gid.
        """
        self.top.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            layer = Path(scratch) / "layer"
            diff_id = _pack(root, layer, owners)
            layer_entry = self._keep(layer, LAYER)
        body = {
            "architecture": architecture(),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "the test bed"}],
        }
        return self._publish(image, self._keep_json(body, CONFIG), [layer_entry])

    def copy(self, image: str, source: Store, new: str = "") -> None:
        """Copies an image from another store on the same file system, as ``new`` if given."""
        manifest = source.manifest(image)
        digests = [entry["digest"] for entry in (manifest["config"], *manifest["layers"])]
        for digest in (*digests, source.digest(image)):
            target = self.blob(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(source.blob(digest), target)
        self._link(new or image, source.digest(image), manifest)

    def archive(self, image: str, target: Path, names: list[str]) -> None:
        """Writes the image for ``docker load``, under ``names``."""
        manifest = self.manifest(image)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            files = {"config.json": manifest["config"]["digest"], "layer.tar.gz": manifest["layers"][0]["digest"]}
            for name, digest in files.items():
                shutil.copyfile(self.blob(digest), Path(scratch) / name)
            index = [{"Config": "config.json", "RepoTags": names, "Layers": ["layer.tar.gz"]}]
            (Path(scratch) / "manifest.json").write_text(json.dumps(index))
            subprocess.run(["tar", "-C", scratch, "-cf", str(target), "manifest.json", *files], check=True)

    def _publish(self, image: str, config: dict, layers: list[dict]) -> str:
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        digest = self._keep_json(manifest, MANIFEST)["digest"]
        self._link(image, digest, manifest)
        return digest

    def _link(self, image: str, digest: str, manifest: Mapping) -> None:
        name, tag = split(image)
        repository = self.top / "repositories" / name
        manifests = repository / "_manifests"
        links = [(repository / "_layers", entry["digest"]) for entry in (manifest["config"], *manifest["layers"])]
        links += [(manifests / "revisions", digest), (manifests / "tags" / tag / "index", digest)]
        for folder, linked in links:
            _write(folder / linked.replace(":", "/") / "link", linked)
        _write(manifests / "tags" / tag / "current" / "link", digest)

    def _keep_json(self, body: Mapping[str, object], media_type: str) -> dict:
        with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as part:
            json.dump(body, part, sort_keys=True)
        return self._keep(Path(part.name), media_type)

    def _keep(self, part: Path, media_type: str) -> dict:
        with part.open("rb") as content:
            digest = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
        entry = {"mediaType": media_type, "size": part.stat().st_size, "digest": digest}
        target = self.blob(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o644)
        part.rename(target)
        return entry


def split(image: str) -> tuple[str, str]:
    """Splits NAME:TAG into ("name", "tag"); the tag is "latest" if there is none."""
    name, _, tag = image.partition(":")
    return name, tag or "latest"


def architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name("part")
    part.write_text(content)
    part.rename(path)


def _pack(root: Path, target: Path, owners: Mapping[str, int]) -> str:
    """Packs the folder into a gzipped tar that depends only on its content. Returns the digest of the plain tar."""
    plain = target.with_suffix(".tar")
    common = ["tar", "-C", str(root), "--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"]
    excluded = [f"--exclude=./{path.strip('/')}" for path in owners]
    subprocess.run([*common, "--owner=0", "--group=0", *excluded, "-cf", str(plain), "."], check=True)
    for path, owner in sorted(owners.items()):
        own = [f"--owner={owner}", f"--group={owner}"]
        subprocess.run([*common, *own, "-rf", str(plain), f"./{path.strip('/')}"], check=True)
    with plain.open("rb") as content:
        digest = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        with target.open("wb") as output:
            # -n: no name and time in the header, so the same content has the same digest.
            subprocess.run(["gzip", "-n", "-1"], stdin=content, stdout=output, check=True)
    plain.unlink()
    return digest

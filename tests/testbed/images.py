"""Images of the bed, built from Debian packages and folders, and stored under a key of their content."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .caddies import caddy
from .packages import unpack
from .paths import IMAGES, BedError, locked
from .recipes import RECIPES, Recipe
from .store import Store

#: The store of all built images; beds link the ones that they use.
BUILT = Store(IMAGES)


def build(name: str) -> str:
    """Builds the image of a recipe unless it exists. Returns its NAME:TAG in ``BUILT``.

    The tag is a key of the recipe and its files, so a changed recipe is another image.
    """
    if name not in RECIPES:
        raise BedError(f"unknown image {name}: choose one of {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]
    image = f"{name}:{_key(recipe)}"
    with locked(IMAGES / f"{name}.lock"):
        if not BUILT.has(image):
            with tempfile.TemporaryDirectory(dir=IMAGES, prefix="part-") as scratch:
                root = Path(scratch) / "root"
                lay_out(recipe, root)
                BUILT.add(image, root, recipe.config, recipe.owners)
    return image


def build_folder(folder: Path, image: str, config: Mapping[str, object], base: str = "", into: str = "") -> str:
    """Builds an image of a folder, on top of a recipe's image if ``base`` is set. Returns its NAME:TAG in ``BUILT``.

    ``into`` is the path of the folder's content in the image; ``config`` adds to the recipe's.
    """
    digest = hashlib.sha256(repr((sorted(config.items()), into, base and _key(RECIPES[base]))).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_mode}\0".encode() + path.read_bytes())
    name = image.partition(":")[0]
    key = f"{name}:{digest.hexdigest()[:16]}"
    with locked(IMAGES / f"{name.replace('/', '-')}.lock"):
        if not BUILT.has(key):
            with tempfile.TemporaryDirectory(dir=IMAGES, prefix="part-") as scratch:
                root = Path(scratch) / "root"
                merged = dict(config)
                if base:
                    lay_out(RECIPES[base], root)
                    merged = {**RECIPES[base].config, **merged}
                shutil.copytree(folder, root / into.strip("/"), symlinks=True, dirs_exist_ok=True)
                BUILT.add(key, root, merged, RECIPES[base].owners if base else {})
    return key


def lay_out(recipe: Recipe, root: Path) -> None:
    """Creates the recipe's file tree in ``root``."""
    unpack(recipe.archives(), root)
    for pattern in recipe.drop:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for folder in ("etc", "tmp", "proc", "sys", "dev", "run", "var", "usr/bin", *recipe.folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    users = ["root:x:0:0:root:/root:/bin/sh", *(f"{name}:x:{uid}:{uid}::/:/bin/sh" for name, uid in recipe.users)]
    groups = ["root:x:0:", *(f"{name}:x:{uid}:" for name, uid in recipe.users)]
    (root / "etc/passwd").write_text("\n".join(users) + "\n")
    (root / "etc/group").write_text("\n".join(groups) + "\n")
    for target, source in recipe.files:
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / target)
        (root / target).chmod(0o755)
    if recipe.caddy:
        shutil.copy(caddy(recipe.caddy), root / "usr/bin/caddy")
    for target, link in recipe.links:
        if not (root / link).exists() and not (root / link).is_symlink():
            (root / link).symlink_to(target)


def _key(recipe: Recipe) -> str:
    digest = hashlib.sha256(repr(recipe).encode())
    for _, source in recipe.files:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]

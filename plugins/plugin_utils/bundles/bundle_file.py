# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles on the controller: an encrypted file and a readable manifest, with protection against damage."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.contents import Content
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.backup_file import MANIFEST, Cipher, put_both

#: The format of new bundles.
FORMAT = 1
SUFFIX, KIND = ".bundle", "bundle"
#: Converters of a content from a format to the next one. Empty as long as there is only one format.
UPGRADES: dict[int, Callable[[Content], Content]] = {}


def write(folder: str, facts: Mapping[str, object], content: Content, cipher: Cipher) -> dict[str, Any]:
    """Writes the bundle, then its manifest. Returns the manifest with the path of the bundle.

    :param facts: the readable fields, with ``cluster_id`` and ``created``.
    :raises StackwrightError: ``backup_not_encrypted``, ``backup_unwritable``.
    """
    facts = {"format": FORMAT, **facts}
    encrypted = cipher.encrypt(json.dumps({"facts": facts, "content": content}).encode())
    return put_both(folder, KIND, SUFFIX, encrypted, cipher.name, facts, _text)


def read(path: str, cipher: Cipher) -> tuple[dict[str, Any], Content]:
    """Returns the manifest and the content of a bundle, after it has checked that no byte was changed.

    :raises StackwrightError: ``damaged_backup``, ``bundle_format``, ``backup_not_decrypted``.
    """
    base = path[: -len(SUFFIX)] if path.endswith(SUFFIX) else path
    manifest_path = base + MANIFEST
    try:
        with open(manifest_path, "rb") as source:
            text = source.read()
        with open(base + SUFFIX, "rb") as source:
            encrypted = source.read()
    except OSError as error:
        raise StackwrightError(
            f"{error.filename} can't be read: {error.strerror}.",
            "damaged_backup",
            "A bundle is a file and its manifest. A bundle without a manifest is incomplete. Nothing was changed.",
        ) from None
    manifest = _parsed(text, manifest_path)
    if manifest.get("format") not in (*UPGRADES, FORMAT):
        raise StackwrightError(
            f"{manifest_path} has the format {manifest.get('format')!r:.20}. This version of the collection reads"
            f" {', '.join(str(number) for number in (*UPGRADES, FORMAT))}.",
            "bundle_format",
            f"Use the version that wrote it: {manifest.get('collection')!s:.40}. Nothing was changed.",
        )
    if hashlib.sha256(encrypted).hexdigest() != manifest.get("sha256") or len(encrypted) != manifest.get("bytes"):
        raise _damaged(base + SUFFIX, "its checksum differs from the manifest")
    try:
        found = json.loads(cipher.decrypt(encrypted))
        facts, content = dict(found["facts"]), found["content"]
        same = set(facts["stacks"]) == set(content["stacks"])
    except (ValueError, KeyError, TypeError):
        raise _damaged(base + SUFFIX, "it is not a bundle") from None
    # Anyone can compute a new checksum, but not change the encrypted facts.
    own = {"file": os.path.basename(base) + SUFFIX, "sha256": 0, "bytes": 0, "encryption": 0, "digest": 0}
    if {**manifest, **facts} != manifest or set(manifest) != {*facts, *own} or manifest["file"] != own["file"]:
        raise _damaged(manifest_path, "it is not the manifest of this bundle")
    if not same:
        raise _damaged(base + SUFFIX, "stacks are missing in it")
    for number in range(manifest["format"], FORMAT):
        content = UPGRADES[number](content)
    return {name: item for name, item in manifest.items() if name not in ("file", "digest")}, content


def _parsed(text: bytes, path: str) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        plain = {name: item for name, item in manifest.items() if name != "digest"}
        same = _text(plain) == text
    except (ValueError, AttributeError, RecursionError):
        raise _damaged(path, "it is not the manifest of a bundle") from None
    if not same:
        raise _damaged(path, "its digest is not that of its lines")
    return dict(manifest)


def _text(manifest: Mapping[str, object]) -> bytes:
    """Returns the bytes of a manifest. Its last field is a digest of the others."""
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**manifest, "digest": digest}, indent=2) + "\n").encode()


def _damaged(path: str, why: str) -> StackwrightError:
    return StackwrightError(
        f"{path} was changed or is incomplete: {why}.",
        "damaged_backup",
        "Use another copy or another bundle. Nothing was changed.",
    )

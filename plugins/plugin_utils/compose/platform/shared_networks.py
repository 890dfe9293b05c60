# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that the services of many stacks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import hashed_name, host_name
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import texts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.attachments import PREDEFINED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


def shared_networks(desired: Desired, _project: Project, options: Mapping[str, object]) -> None:
    """Attaches every service to the shared networks, where its only names are HASH_SERVICE and HASH-SERVICE.

    On the stack's own networks, the names in the file still resolve. A shared network never gets the plain name, even
    if the file attaches the service to it: two stacks with a ``db`` would answer for each other. Aliases in the file
    stay. A service on a predefined network, such as the host's, joins none.
    """
    names = list(dict.fromkeys(texts(options, "shared_networks", ()) or ()))
    if not names:
        return
    digest = desired["stack"]["hash"]
    _check_host_names(desired, digest)
    for service in desired["services"]:
        task = service["spec"]["TaskTemplate"]
        attachments = {attachment["Target"]: attachment for attachment in task.get("Networks") or ()}
        if set(attachments) & set(PREDEFINED):
            continue
        for name in names:
            attachment = attachments.setdefault(name, {"Target": name})
            _hash(attachment, service["key"], digest)
        task["Networks"] = [attachments[name] for name in sorted(attachments)]
    present = {network["name"] for network in desired["networks"]}
    added = [{"key": name, "name": name, "external": True, "spec": None} for name in names if name not in present]
    desired["networks"] = sorted([*desired["networks"], *added], key=lambda network: network["name"])


def hash_aliases(desired: Desired, _project: Project, options: Mapping[str, object]) -> None:
    """Gives services on these external networks of the file the same names as on a shared one. No further ones join.

    A network is named by its key in the file, or by its name in the Swarm. Raises Invalid for any other network.
    """
    given = list(dict.fromkeys(texts(options, "hash_aliases", ("platform",)) or ()))
    if not given:
        return
    by_word = {word: network for network in desired["networks"] for word in (network["name"], network["key"])}
    for word in given:
        network = by_word.get(word)
        if network is None or not network["external"]:
            what = "is the stack's own, where the names in the file must resolve" if network else "is not in the file"
            external = sorted(entry["name"] for entry in desired["networks"] if entry["external"])
            hint = (
                f"The external networks are {', '.join(external)}."
                if external
                else "The file has no external networks."
            )
            raise Invalid(f"the network {word!r} {what}", ("platform", "hash_aliases"), hint=hint, code="network")
    digest = desired["stack"]["hash"]
    _check_host_names(desired, digest)
    names = {by_word[word]["name"] for word in given}
    for service in desired["services"]:
        for attachment in service["spec"]["TaskTemplate"].get("Networks") or ():
            if attachment["Target"] in names:
                _hash(attachment, service["key"], digest)


def _hash(attachment: dict[str, list[str]], key: str, digest: str) -> None:
    given = [alias for alias in attachment.get("Aliases") or () if alias != key]
    own = [hashed_name(key, digest), host_name(key, digest)]
    attachment["Aliases"] = [*(alias for alias in given if alias not in own), *own]


def _check_host_names(desired: Desired, digest: str) -> None:
    """Raises Invalid if two services would have one host name, such as ``my_db`` and ``my-db``."""
    taken: dict[str, str] = {}
    for service in desired["services"]:
        other = taken.setdefault(host_name(service["key"], digest), service["key"])
        if other != service["key"]:
            raise Invalid(
                f"{other!r} and {service['key']!r} have the same host name on shared networks",
                ("services", service["key"]),
                hint="Rename one of them.",
                code="duplicate",
            )

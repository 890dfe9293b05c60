# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a registry, through the Engine, for the digests of images (``GET /distribution/IMAGE/json``), and whether it
accepts credentials (``POST /auth``).

As in Docker's CLI, a missing answer is not an error: the image is used by its name, with a notice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import registry_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Answer

PATIENCE = 30.0  # seconds for one image

# (text in lower case, error code): the registry's messages in the Engine's answer, which mostly has status 500.
REFUSALS = (
    ("no basic auth credentials", "registry_auth"),
    ("unauthorized", "registry_auth"),
    ("authentication required", "registry_auth"),
    ("denied", "registry_auth"),
    ("manifest unknown", "image_not_found"),
    ("name unknown", "image_not_found"),
)
UNREACHABLE = "registry_unreachable"
#: A proxy in front of the Engine, or one of its plugins, blocks the call.
NOT_ASKED = (403, 404, 405)
NO_LOGIN = re.compile(r"unauthorized|authentication required|denied|failed with status: 40[13]", re.IGNORECASE)
FATAL = ("daemon_unreachable", "permission_denied", "no_quorum")


def ask_registry(
    client: EngineClient, images: Sequence[str], header: Callable[[str], Optional[str]]
) -> Dict[str, Answer]:
    """Returns digest and platforms by image, or ``refused``: an error code, ``registry_unreachable`` without an answer.

    ``header`` returns the X-Registry-Auth for an image, or None. A registry that did not answer is not asked again.
    Raises EngineError if the Engine itself fails.
    """
    answers: Dict[str, Answer] = {}
    silent: Set[str] = set()
    for image in images:
        registry = registry_of(image)
        if registry in silent:
            answers[image] = {"refused": UNREACHABLE}
            continue
        auth = header(image)
        try:
            found = client.get(
                f"/distribution/{image}/json", headers={"X-Registry-Auth": auth} if auth else None, timeout=PATIENCE
            )
        except EngineError as error:
            if error.error_code in FATAL:
                raise
            refused = _refused(error)
            answers[image] = {"refused": refused or UNREACHABLE}
            if not refused:
                silent.add(registry)
            continue
        answer = _pinned(image, found or {})
        if answer:
            answers[image] = answer
    return answers


def asked_as_well(
    client: EngineClient,
    error: DeployError,
    images: Mapping[str, Mapping[str, object]],
    header: Callable[[str], Optional[str]],
) -> Dict[str, Mapping[str, Any]]:
    """Returns ``images``, with those that could not be pulled because their registry does not answer.

    A node reports a missing image in this case as well.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import wanted_in

    try:
        answers = ask_registry(client, wanted_in(error, images), header)
    except EngineError:
        return dict(images)
    return {**images, **{image: found for image, found in answers.items() if found.get("refused") == UNREACHABLE}}


def refused_logins(client: EngineClient, images: Iterable[str], auth: RegistryAuth) -> Dict[str, str]:
    """Returns the error codes of the registries that refuse the credentials, or don't answer.

    Makes one call for each registry of ``images`` with credentials. Raises EngineError.
    """
    found: Dict[str, str] = {}
    for registry in sorted({registry_of(image) for image in images} - {""}):
        account = auth.account(registry)
        if account is None:
            continue
        try:
            client.post("/auth", body=account, timeout=PATIENCE)
        except EngineError as error:
            if error.error_code in FATAL:
                raise
            if error.status not in NOT_ASKED:
                taken = error.status != 401 and not NO_LOGIN.search(error.message)
                found[registry] = UNREACHABLE if taken else "registry_auth"
    return found


def _refused(error: EngineError) -> str:
    text = error.message.lower()
    by_text = next((code for part, code in REFUSALS if part in text), "")
    return by_text or {401: "registry_auth", 403: "registry_auth", 404: "image_not_found"}.get(error.status, "")


def _pinned(image: str, found: Dict[str, Any]) -> Optional[Answer]:
    digest = (found.get("Descriptor") or {}).get("digest")
    if not digest:
        return None
    platforms: List[Any] = []
    for platform in found.get("Platforms") or []:
        # Nodes report their arm variants in several ways, so Docker's CLI omits the architecture too.
        architecture = platform.get("architecture") or platform.get("Architecture") or ""
        one: Any = {
            "Architecture": "" if architecture == "arm" else architecture,
            "OS": platform.get("os") or platform.get("OS") or "",
        }
        platforms.append({key: value for key, value in one.items() if value})
    return {"image": f"{image}@{digest}", "platforms": platforms}

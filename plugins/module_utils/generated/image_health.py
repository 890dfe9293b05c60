# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks registries whether images have a HEALTHCHECK: reads manifest, configuration, ``Healthcheck``.

If a registry can't be reached, or requires credentials, nothing is known about its images.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import parse

#: Seconds for one call, bytes of one answer, parallel calls.
PATIENCE, LARGEST, AT_ONCE = 10.0, 4_000_000, 8
HUB = "docker.io"
_INDEX = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFEST = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = {"Accept": ", ".join((*_INDEX, *_MANIFEST))}
_FIELD = re.compile(r'(\w+)="([^"]*)"')

Fetch = Callable[[str, Mapping[str, str]], Tuple[int, Mapping[str, str], bytes]]


def fetch(url: str, headers: Mapping[str, str]) -> Tuple[int, Mapping[str, str], bytes]:
    """Returns status, headers (in lower case) and body of a GET. Raises OSError and http.client.HTTPException."""
    request = urllib.request.Request(url)
    for name, value in headers.items():
        # Registries redirect to storage on another host: the token is not for that.
        add = request.add_unredirected_header if name == "Authorization" else request.add_header
        add(name, value)
    try:
        with urllib.request.build_opener().open(request, timeout=PATIENCE) as answer:  # https or http, see _base
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read(LARGEST)
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, b""


def health_checks(images: List[str], get: Fetch = fetch) -> Dict[str, bool]:
    """Returns whether each image has a health check, without images for which this is unknown."""
    if not images:
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda image: _known(image, get), images))
    return {image: has for image, has in zip(images, found) if has is not None}


def _known(image: str, get: Fetch) -> Optional[bool]:
    try:
        name = parse(image)
        host = "registry-1.docker.io" if name.registry in ("", HUB) else name.registry
        path = f"library/{name.path}" if name.registry in ("", HUB) and "/" not in name.path else name.path
        ask = _Repository(host, path, get)
        manifest = ask.read(f"manifests/{name.digest or name.tag or 'latest'}")
        if "manifests" in manifest:
            manifest = ask.read(f"manifests/{_first(manifest['manifests'])}")
        config = ask.read(f"blobs/{manifest['config']['digest']}")
        check = (config.get("config") or {}).get("Healthcheck") or {}
        return bool(check.get("Test")) and check["Test"] != ["NONE"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _first(manifests: List[Dict[str, Any]]) -> str:
    """Returns the digest of an image in an index: one for amd64, else the first that is not an attestation."""
    real = [m for m in manifests if (m.get("platform") or {}).get("os") != "unknown"] or manifests
    wanted = [m for m in real if (m.get("platform") or {}).get("architecture") == "amd64"]
    return str((wanted or real)[0]["digest"])


class _Repository:
    def __init__(self, host: str, path: str, get: Fetch) -> None:
        self.host, self.path, self.get = host, path, get
        self.scheme = "https"
        self.headers = dict(_ACCEPT)

    def read(self, what: str) -> Dict[str, Any]:
        status, headers, body = self.ask(what)
        if status == 401 and "Authorization" not in self.headers:
            token = self.token(headers.get("www-authenticate", ""))
            self.headers["Authorization"] = f"Bearer {token}"
            status, headers, body = self.ask(what)
        if status != 200:
            raise ValueError(f"status {status}")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found

    def ask(self, what: str) -> Tuple[int, Mapping[str, str], bytes]:
        try:
            return self.get(f"{self.scheme}://{self.host}/v2/{self.path}/{what}", self.headers)
        except OSError:
            # As an Engine does with insecure registries. A token is never sent this way.
            if self.scheme == "http" or "Authorization" in self.headers or self.host.endswith(HUB):
                raise
            self.scheme = "http"
            return self.get(f"http://{self.host}/v2/{self.path}/{what}", self.headers)

    def token(self, challenge: str) -> str:
        """Returns an anonymous token, from the address that the registry names."""
        kind, _blank, rest = challenge.partition(" ")
        fields = dict(_FIELD.findall(rest))
        if kind.lower() != "bearer" or not fields.get("realm", "").startswith("https://") or self.scheme != "https":
            raise ValueError("wants credentials")
        asked = {"service": fields.get("service", ""), "scope": f"repository:{self.path}:pull"}
        status, _headers, body = self.get(f"{fields['realm']}?{urllib.parse.urlencode(asked)}", {})
        answer = json.loads(body) if status == 200 else {}
        return str(answer.get("token") or answer["access_token"])

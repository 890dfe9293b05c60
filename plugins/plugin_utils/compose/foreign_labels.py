# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels that don't define routes, although users meant them to: typos in the prefix, and labels of other proxies."""

from __future__ import annotations

import difflib
import re
from typing import Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import starts

#: The shape of our labels, with any prefix.
_SHAPE = re.compile(r"(?P<head>.+?)\.(?P<rest>port|routes?\.\d+\..+)\Z")
_ALIKE = 0.8

_TRAEFIK_HOST = re.compile(r"Host\(([^()]*)\)", re.IGNORECASE)
_TRAEFIK_PATH = re.compile(r"PathPrefix\(\s*[`'\"]([^`'\"]+)[`'\"]")
_QUOTED = re.compile(r"[`'\"]([^`'\"]+)[`'\"]")
_TRAEFIK_RULE = re.compile(r"traefik\.http\.routers\.[^.]+\.rule\Z", re.IGNORECASE)
_TRAEFIK_PORT = re.compile(r"traefik\.http\.services\.[^.]+\.loadbalancer\.server\.port\Z", re.IGNORECASE)
_CADDY_SITE = re.compile(r"caddy(_\d+)?\Z")
_CADDY_TO = re.compile(r"caddy(_\d+)?\.(.*\.)?reverse_proxy\Z")
_CADDY_PATH = re.compile(r"caddy(_\d+)?\.(\d+_)?handle_path(_\d+)?\Z|caddy(_\d+)?\.(\d+_)?handle(_\d+)?\Z")
_PORT = re.compile(r"(?::|\s)(\d{1,5})\b")


def near_misses(labels: Mapping[str, str], prefix: str) -> Dict[str, str]:
    """Returns the labels with almost our prefix, and the correct label for each."""
    heads = [start[:-1] for start in starts(prefix)]
    found: Dict[str, str] = {}
    for label in labels:
        match = _SHAPE.match(label.strip().lower())
        if not match or label.startswith(starts(prefix)):
            continue
        head = match.group("head")
        alike = difflib.get_close_matches(head, heads, n=1, cutoff=_ALIKE)
        if head in [one.rpartition(".")[0] for one in heads] or head == "http":
            alike = heads[:1]  # a part is missing
        if alike:
            found[label] = f"{heads[0]}.{match.group('rest')}"
    return found


def of_other_proxies(labels: Mapping[str, str], prefix: str) -> Tuple[str, str, str]:
    """Returns the first label of another proxy, that proxy's name, and a hint with our labels; "" for none."""
    traefik = sorted(label for label in labels if label.lower().startswith("traefik."))
    caddy = sorted(label for label in labels if re.match(r"caddy(_\d+)?(\.|\Z)", label))
    disabled = any(
        label.lower() == "traefik.enable" and str(labels[label]).strip().lower() == "false" for label in traefik
    )
    if traefik and not disabled:
        return traefik[0], "Traefik", _hint(*_of_traefik(labels, traefik), prefix)
    if caddy:
        return caddy[0], "caddy-docker-proxy", _hint(*_of_caddy(labels, caddy), prefix)
    return "", "", ""


Pairs = List[Tuple[str, str]]


def _of_traefik(labels: Mapping[str, str], own: List[str]) -> Tuple[Pairs, str]:
    pairs: Pairs = []
    for label in own:
        if _TRAEFIK_RULE.match(label):
            paths = _TRAEFIK_PATH.findall(labels[label]) or [""]
            hosts = [host for group in _TRAEFIK_HOST.findall(labels[label]) for host in _QUOTED.findall(group)]
            pairs += [(host, path) for host in hosts for path in paths]
    return pairs, next((str(labels[label]) for label in own if _TRAEFIK_PORT.match(label)), "")


def _of_caddy(labels: Mapping[str, str], own: List[str]) -> Tuple[Pairs, str]:
    pairs: Pairs = []
    port = path = ""
    for label in own:
        if _CADDY_PATH.match(label) and not path:
            path = str(labels[label]).strip().rstrip("*").rstrip("/")
        match = _PORT.search(str(labels[label])) if _CADDY_TO.match(label) else None
        port = port or (match.group(1) if match else "")
    for label in own:
        if _CADDY_SITE.match(label):
            sites = re.split(r"[\s,]+", str(labels[label]).strip())
            pairs += [(re.sub(r"\Ahttps?://|:\d+\Z", "", site), path) for site in sites if site]
    return pairs, port


def _hint(pairs: Pairs, port: str, prefix: str) -> str:
    lines = [f"{prefix}.http.port: {port or 'PORT'}"]
    for number, (host, path) in enumerate(dict.fromkeys(pairs) or [("DOMAIN", "")]):
        lines.append(f"{prefix}.http.routes.{number}.domain: {host}")
        if path.startswith("/") and path != "/":
            lines.append(f"{prefix}.http.routes.{number}.base_path: {path}")
    return "here they would be " + ", ".join(lines)

# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page that needs nothing else. The same report gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report import charts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.attention import evidence
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.figures import when

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        Report,
    )

FOLDER = Path(__file__).with_name("templates")
TONES = {
    "good": "healthy complete asleep ready active running reachable yes HEALTHY completed",
    "bad": "failed degraded down FAILED rejected orphaned disconnected unreachable bad paused",
    "warn": "progressing unknown drain pause UNHEALTHY DEPLOYING updating rollback_completed rollback_paused "
    "rollback_started warn pending starting preparing",
}
#: Before the page is laid out: only one part of it is shown at a time.
FIRST = 'document.documentElement.classList.add("js");'
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}


def page(report: Report) -> str:
    """The text of the page. Everything that comes from the Swarm is escaped by the template engine."""
    css, js = (_dense((FOLDER / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    environment = Environment(
        loader=FileSystemLoader(str(FOLDER)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ago=partial(ago, report["time"]),
        anchor=anchor,
        breakable=breakable,
        bytes=amount,
        duration=duration,
        moment=moment,
        percent=percent,
        tone=tone,
    )
    environment.globals.update(charts=charts, evidence=evidence)
    # Nothing is loaded, sent or run except these three texts.
    scripts = f"'{_digest(FIRST)}' '{_digest(js)}'"
    policy = (
        f"default-src 'none'; style-src '{_digest(css)}'; script-src {scripts}; base-uri 'none'; form-action 'none'"
    )
    text = environment.get_template("report.html").render(
        report=report, css=Markup(css), first=Markup(FIRST), js=Markup(js), policy=policy
    )
    return _dense(text)


def _dense(text: str) -> str:
    """Without empty lines and indentation, of which templates leave many."""
    return re.sub(r"\n\s+", "\n", text)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def anchor(name: object) -> str:
    """A name as a part of an id and of an address."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"~{ord(match.group()):x}", str(name))


def breakable(image: object) -> Markup:
    """The name of an image, which lines may break after its host, folders and name, and nowhere else."""
    return Markup("<wbr>").join(re.findall(r"[^/:]+[/:]?|[/:]", str(image)))


def tone(word: object) -> str:
    return TONE_OF.get(str(word), "note")


def moment(at: object) -> str:
    """``2026-11-29 12:00`` of a time in UTC."""
    return str(at or "")[:16].replace("T", " ")


def ago(now: str, at: object) -> str:
    """How long before the time of the report something was."""
    then, current = when(at), when(now)
    if then is None or current is None:
        return str(at or "")
    seconds = (current - then).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds >= 0 else "later"


def duration(seconds: object) -> str:
    """Seconds in the unit that suits them; empty if there are none."""
    if not isinstance(seconds, (int, float)):
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def percent(share: object) -> str:
    return f"{share:.0%}" if isinstance(share, (int, float)) else "–"


def amount(number: object) -> str:
    """Bytes in the unit that suits them."""
    size = float(number) if isinstance(number, (int, float)) else 0.0
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"

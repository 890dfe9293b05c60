# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one self-contained HTML page. The same report gives the same bytes."""

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
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import moment

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
#: Runs before the layout, because with JavaScript only one part of the page is shown at a time.
FIRST = 'document.documentElement.classList.add("js");'
TONE_OF = {status: tone for tone, statuses in TONES.items() for status in statuses.split()}


def page(report: Report) -> str:
    """Returns the HTML text. The template engine escapes everything that comes from the Swarm."""
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
    # The browser applies and runs only these three texts, and loads and sends nothing.
    scripts = f"'{_digest(FIRST)}' '{_digest(js)}'"
    policy = (
        f"default-src 'none'; style-src '{_digest(css)}'; script-src {scripts}; base-uri 'none'; form-action 'none'"
    )
    text = environment.get_template("report.html").render(
        report=report, css=Markup(css), first=Markup(FIRST), js=Markup(js), policy=policy
    )
    return _dense(text)


def _dense(text: str) -> str:
    """Removes the empty lines and the indentation that templates leave."""
    return re.sub(r"\n\s+", "\n", text)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def anchor(name: object) -> str:
    """Returns a name in a form that is valid in an id and in a URL."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"~{ord(match.group()):x}", str(name))


def breakable(image: object) -> Markup:
    """Returns an image's name with possible line breaks after its host, folders and name only."""
    return Markup("<wbr>").join(re.findall(r"[^/:]+[/:]?|[/:]", str(image)))


def tone(status: object) -> str:
    """Returns the class of a status: good, bad, warn or note."""
    return TONE_OF.get(str(status), "note")


def ago(now: str, at: object) -> str:
    """Returns the time between ``at`` and the report, such as ``3 d ago``."""
    then, current = when(at), when(now)
    if then is None or current is None:
        return str(at or "")
    seconds = (current - then).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds >= 0 else "later"


def duration(seconds: object) -> str:
    """Returns seconds in a suitable unit; empty for None."""
    if not isinstance(seconds, (int, float)):
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def percent(share: object) -> str:
    return f"{share:.0%}" if isinstance(share, (int, float)) else "–"


def amount(number: object) -> str:
    """Returns bytes in a suitable unit."""
    size = float(number) if isinstance(number, (int, float)) else 0.0
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"

"""Opens a report in Debian's chromium: what it asks of the network and says on its console is a fault."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / ".cache" / "browser"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
#: The rules of WCAG 2.1 AA, and nothing that is only a matter of taste.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def axe() -> Path | None:
    return next(iter(sorted((ROOT / ".cache" / "tools").glob("axe-*.js"))), None)


def missing() -> str:
    """What there is not; empty if all is there."""
    if find_spec("playwright") is None:
        return "playwright is not installed"
    if shutil.which("chromium") is None:
        return "there is no chromium"
    return "" if axe() else "there is no axe-core"


@contextmanager
def browser() -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Without a user of its own it has no sandbox; it opens nothing but our own page.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield opened
        opened.close()


class Visit:
    """A page in a context of its own; ``faults`` are console errors and requests beside the page itself."""

    def __init__(self, browser, path: Path, **context) -> None:
        # What the page may not run is ours to run in it.
        self.context = browser.new_context(**{"viewport": DESK, "bypass_csp": False, **context})
        self.page = self.context.new_page()
        self.path, self.faults = path, []
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda asked: self._asked(asked.url))
        self.go("")

    def _asked(self, url: str) -> None:
        if url.partition("#")[0] not in (self.path.as_uri(), "about:blank"):
            self.faults.append(f"request {url}")

    def go(self, place: str) -> None:
        self.page.goto(f"{self.path.as_uri()}{place}")

    def shown(self) -> str:
        """The heading of the page that is shown."""
        return self.page.locator(".view.current h1").first.inner_text()

    def rows(self, table: str) -> list[str]:
        """The first cells of the rows that are shown."""
        return self.page.locator(f"#{table} tbody tr:not([hidden]) th").all_inner_texts()

    def violations(self) -> list[str]:
        """What axe-core finds on the page as it is now."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(axe().read_text())
        found = self.page.evaluate(
            "async rules => (await axe.run(document, {runOnly: {type: 'tag', values: rules}})).violations", RULES
        )
        return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]

    def processor(self) -> Callable[[], float]:
        """Gives the seconds that the processor has spent on the page since."""
        session = self.context.new_cdp_session(self.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            return metrics["TaskDuration"]

        before = spent()
        return lambda: spent() - before

    def shoot(self, name: str) -> Path:
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def close(self) -> None:
        self.context.close()

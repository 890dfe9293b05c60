# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents of secrets: a container may write its own to its log, and an error shows the log's last lines."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError

Data = Mapping[str, Any]


def contents(desired: Data) -> List[str]:
    """The contents of the secrets of a DesiredState, as text."""
    import base64

    found = [entry.get("data") for entry in desired["secrets"]]
    return [base64.b64decode(data).decode("utf-8", "surrogateescape") for data in found if data]


def scrubbed(error: StackwrightError, scrub: Callable[[Any], Any]) -> StackwrightError:
    """The error without what ``scrub`` takes out of texts and plain data."""
    error.message, error.hint, error.details = scrub(error.message), scrub(error.hint), scrub(error.details)
    error.args = (error.message,)
    return error


def with_secrets(
    story: Callable[..., Dict[str, Any]],
    client: Any,
    clock: Any,
    desired: Data,
    options: Data,
) -> Dict[str, Any]:
    """Runs ``story(client, clock, desired, options)`` for a stack without kept values.

    Errors and lines of progress come out without the contents of its secrets; a plan has none in the first place.
    """
    progress = options.get("progress")

    def scrub(data: Any) -> Any:
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.scrub import scrubber

        return scrubber(contents(desired))(data)

    given = {**options, "binder": None, "scrub": scrub, "progress": progress and (lambda line: progress(scrub(line)))}
    try:
        return story(client, clock, desired, given)
    except StackwrightError as error:
        raise scrubbed(error, scrub) from None

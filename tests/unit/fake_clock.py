"""A clock for tests: module_utils/core/clock.py's protocol, without waiting."""


class Clock:
    """A clock that advances only by ``sleep``; ``started`` is its first Unix time."""

    def __init__(self, started=1_700_000_000.0):
        self.time, self.started, self.slept = 0.0, started, []

    def now(self):
        return self.time

    def wall(self):
        return self.started + self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

"""One case: a run that is disturbed at one call, and what has to be true afterwards."""

from __future__ import annotations

from collections import Counter

import stage as staging
from proxy import GONE, HANGS, Fault, Proxy
from stage import Ended, Stage

AT_ONCE, AS_BEFORE, MENDED = "as desired at once", "as before", "mended by the next run"
HANG = 0.5  # seconds that a client waits in a case that hangs; the proxy keeps it waiting for longer
#: What an error may be called after a fault: never the nameless ones.
NAMELESS = ("", "error")


class Cases:
    """Disturbs generation after generation of a stage; ``ends`` counts how the cases ended.

    ``broken``: the disturbed runs can't succeed, so that what puts the stack back is disturbed too.
    """

    def __init__(self, stage: Stage, proxy: Proxy, broken: bool = False) -> None:
        self.stage, self.proxy, self.broken = stage, proxy, broken
        self.generation = 0
        self.ends: Counter[str] = Counter()
        self.references: dict[int, list[str]] = {}
        for _turn in range(3):
            self.undisturbed()

    def undisturbed(self) -> None:
        self.generation += 1
        ended = self.stage.deploy(self.generation)
        assert ended.error is None, ended.error
        self.references[self.generation % 2] = self.stage.alike(self.generation)

    def measure(self) -> list:
        """The calls of a run without faults."""
        self.generation += 1
        self.proxy.plan()
        ended = self.stage.deploy(self.generation, self.proxy.docker_host, broken=self.broken)
        assert (ended.error is not None) == self.broken, ended.told
        calls = list(self.proxy.calls)
        if self.broken:
            self.next_run()
        return calls

    def disturb(self, fault: Fault) -> bool:
        """Tries one case; False where the run had ended before the fault's call came."""
        self.generation += 1
        before = self.stage.state()
        ended = self._disturbed(fault)
        what = f"{fault.kind} at {fault.hit}"
        if fault.hit is None:
            assert (ended.error is not None) == self.broken, ended.told
            if self.broken:
                self.next_run()
            return False
        way = self.judge(ended, before, what)
        if way != AT_ONCE or self.stage.locks():
            if self.broken and ended.was_killed and fault.hit.number % 3 == 0:
                self._same_again(before, what)
            self.next_run(what)
        self.is_clean(what)
        self.ends[way] += 1
        return True

    def _disturbed(self, fault: Fault) -> Ended:
        self.proxy.plan(fault)
        patience = {"timeout": 10.0, "patience": 3.0}
        if fault.kind == HANGS:
            patience["timeout"], fault.seconds = HANG, 2 * HANG
        if fault.kind == GONE:
            patience["patience"] = 0.1
        # As a module runs: in a process of its own, whose end others on this machine can see.
        ended = self.stage.deploy(self.generation, self.proxy.docker_host, child=True, broken=self.broken, **patience)
        assert staging.SECRET not in ended.told, f"{fault.kind} at {fault.hit} gives a secret away"
        return ended

    def judge(self, ended: Ended, before: dict[str, str], what: str) -> str:
        """How the disturbed run has left the stack."""
        if ended.result is not None:
            assert not self.broken, f"{what}: a run that can't succeed says that it did"
            self.is_desired(what)
            stays = self.stage.locks() and not what.startswith(GONE)  # nobody can give back what can't be reached
            assert not stays, f"{what}: a lock stays after a run that ended well"
            return AT_ONCE
        if ended.error is not None:
            assert ended.error["code"] not in NAMELESS, (what, ended.error)
            assert "Traceback" not in ended.told
        return AS_BEFORE if self.stage.state() == before else MENDED

    def _same_again(self, before: dict[str, str], what: str) -> None:
        """Running again what can't succeed fails again, and leaves what was before the run that died."""
        again = self.stage.deploy(self.generation, broken=True)
        assert again.error is not None, f"{what}: a run that can't succeed says that it did, after one that died"
        left = differences(before, self.stage.state())
        assert left == [], (what, left)

    def next_run(self, what: str = "") -> None:
        """The next run, through the unbroken socket, brings the stack where it should be in one go."""
        ended = self.stage.deploy(self.generation)
        assert ended.error is None, f"{what}: the next run does not mend it: {ended.error}"
        self.is_desired(what)

    def is_desired(self, what: str) -> None:
        alike, wanted = self.stage.alike(self.generation), self.references[self.generation % 2]
        assert alike == wanted, (what, [entry for entry in alike if entry not in wanted], "instead of", wanted)
        assert self.stage.asleep_or_running() == [], what

    def is_clean(self, what: str) -> None:
        """No lock, no orphan, no lost history, no drift; and one more run, or healing, finds nothing to do."""
        assert self.stage.locks() == [], f"{what}: a lock stays"
        assert self.stage.orphans() == [], f"{what}: orphans"
        revisions = self.stage.revisions()
        assert not [r for r in revisions if r.damaged], f"{what}: {[r.shown() for r in revisions if r.damaged]}"
        assert not [r for r in revisions if r.status in ("QUEUED", "DEPLOYING")], f"{what}: not settled"
        again = self.stage.deploy(self.generation)
        assert again.result is not None and not again.result["changed"], (what, again.told)
        self.stage.is_calm(what)


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(
        f"{key}: {before.get(key)} → {after.get(key)}" for key in before | after if before.get(key) != after.get(key)
    )

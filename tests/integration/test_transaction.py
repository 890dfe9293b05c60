"""A change of a stack as one transaction: what fails is undone as a whole, and what died is settled."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST, Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core import retry
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"
BAD = "sh -c 'echo no such table; exit 3'"


class Died(BaseException):
    """In place of SIGKILL: nothing of the run's own code is carried out after it."""


class Impatient(Core):
    """The first failure of a task is enough: Swarm waits for 5 s before it starts another.

    What ends at once counts as stable only if a busy machine takes longer than 3 s to say so.
    """

    def deploy(self, text, **options):
        patience = {"stable_for": 3} if BAD in text else {}
        return super().deploy(text, **{"max_restarts": 0, **patience, **options})


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Impatient(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def service(bed):
    """One service of a Compose file."""

    def render(key, command=QUIET, more="", deploy=""):
        update = "update_config: {parallelism: 0, monitor: 10ms}"
        return f"""
  {key}:
    image: {bed.images["busybox"]}
    command: {command}
    stop_grace_period: 1s
    deploy: {{{", ".join(part for part in (update, deploy) if part)}}}
{more}"""

    return render


def asleep(key, more=""):
    return f"\n  {key}: {{image: nothing, deploy: {{replicas: 0}}{', ' + more if more else ''}}}"


def held(swarm):
    """What the stack has: names by kind."""
    kinds = ("services", "networks", "configs", "secrets")
    return {kind: [entry.get("Name") or entry["Spec"]["Name"] for entry in swarm.objects(kind)] for kind in kinds}


NOTHING = {"services": [], "networks": [], "configs": [], "secrets": []}


def specs(swarm):
    return {entry["Spec"]["Name"]: entry["Spec"] for entry in swarm.objects("services")}


def running(swarm):
    return sorted((task["ID"], task["ServiceID"]) for task in swarm.tasks() if task["Status"]["State"] == "running")


def history(core):
    """Status and number of the revisions, the oldest first."""
    found = History(core.client, SystemClock, core.stack).read()
    return [(revision.number, revision.status) for revision in reversed(found)]


def latest(core):
    return History(core.client, SystemClock, core.stack).read()[0]


def is_free(swarm):
    return not [config for config in swarm.bookkeeping() if config["Spec"]["Name"].startswith("stackwright.lock.")]


SERVICES = f"{ON_HOST}services:"
FIRST = "configs: {page: {content: one}}\n"


def first(service, command):
    text = "services:" + service("db") + service("web", command, "    depends_on: [db]\n    configs: [page]\n")
    return text + "configs: {page: {content: one}}\n"


def test_a_first_deploy_that_fails_leaves_nothing_and_the_next_run_tries_again(core, swarm, service):
    for number in (1, 2):
        with pytest.raises(DeployError) as failed:
            core.deploy(first(service, BAD))
        error = failed.value
        assert error.error_code == "health_gate_failed"
        assert "no such table" in str(error)
        assert "Rolled back: 2 new services, 1 new network and 1 new config removed." in str(error)
        assert error.details["outcome"]["rollback"] == "done"
        assert len(error.details["outcome"]["restored"]) == 4
        assert held(swarm) == NOTHING
        assert history(core) == [(n, "FAILED") for n in range(1, number + 1)]
        assert latest(core).restored == "done"
    assert is_free(swarm)
    done = core.deploy(first(service, QUIET))
    assert (done["changed"], done["status"], done["revision"]) == (True, "healthy", 3)
    assert history(core)[-1] == (3, "HEALTHY")
    assert not core.deploy(first(service, QUIET))["changed"]


def test_a_first_deploy_that_fails_can_be_kept(core, swarm, service):
    with pytest.raises(DeployError) as failed:
        core.deploy(first(service, BAD), on_failure="keep")
    assert failed.value.error_code == "health_gate_failed"
    assert failed.value.details["outcome"]["rollback"] == "none"
    assert "on_failure: keep" in str(failed.value)
    assert held(swarm)["services"] == [f"{core.stack}_db", f"{core.stack}_web"]
    assert (history(core), latest(core).restored) == ([(1, "FAILED")], "none")
    # It runs for a moment each time: that is no success of a run that changes nothing.
    with pytest.raises(DeployError) as failed:
        core.deploy(first(service, BAD))
    assert "no such table" in str(failed.value)
    assert "Nothing was changed" in str(failed.value)
    done = core.deploy(first(service, QUIET))
    assert (done["status"], history(core)[-1]) == ("healthy", (2, "HEALTHY"))


def test_a_first_deploy_that_fails_can_be_stopped_for_a_look(core, swarm, service):
    with pytest.raises(DeployError) as failed:
        core.deploy(first(service, BAD), on_failure="stop")
    assert "2 new services stopped" in str(failed.value)
    assert [spec["Mode"] for spec in specs(swarm).values()] == [{"Replicated": {"Replicas": 0}}] * 2
    assert held(swarm)["configs"] == [f"{core.stack}_page"]
    done = core.deploy(first(service, QUIET))
    assert {service["name"]: service["running"] for service in done["services"]} == {
        f"{core.stack}_db": 1,
        f"{core.stack}_web": 1,
    }


def whole(service, tmp_path, version, command=QUIET):
    """Two waves with a config and a secret; version 2 has another network, and no ``old`` any more."""
    (tmp_path / "secret").write_text(f"secret {version}")
    db = service("db", more=f"    environment: {{VERSION: '{version}'}}\n    configs: [page]\n    secrets: [key]\n")
    web = service("web", command, f"    environment: {{VERSION: '{version}'}}\n    depends_on: [db]\n")
    aside = service("aside")
    last = asleep("old") if version == 1 else asleep("new", "networks: [more]")
    networks = "" if version == 1 else "networks: {more: {}}\n"
    return (
        f"services:{db}{web}{aside}{last}\n{networks}"
        f"configs: {{page: {{content: 'page {version}'}}}}\nsecrets: {{key: {{file: secret}}}}\n"
    )


def test_an_update_that_fails_in_the_second_wave_is_undone_as_a_whole(core, swarm, service, tmp_path):
    core.deploy(whole(service, tmp_path, 1))
    was, objects, tasks = specs(swarm), held(swarm), {s: t for t, s in running(swarm)}
    aside = next(s["ID"] for s in swarm.objects("services") if s["Spec"]["Name"] == f"{core.stack}_aside")
    with pytest.raises(DeployError) as failed:
        core.deploy(whole(service, tmp_path, 2, BAD))
    assert failed.value.error_code == "health_gate_failed"
    assert f"{core.stack}_web" in str(failed.value)
    new = "1 new service, 1 new network, 1 new config and 1 new secret removed"
    assert f"Rolled back: 2 services restored, {new}, 2 other services unchanged." in str(failed.value)
    assert specs(swarm) == was
    assert held(swarm) == objects
    after = {s: t for t, s in running(swarm)}
    assert set(after) == set(tasks)
    assert after[aside] == tasks[aside], "a service that nobody touched was restarted"
    assert history(core) == [(1, "HEALTHY"), (2, "FAILED")]

    again = core.deploy(whole(service, tmp_path, 2, BAD), check=True)
    assert again["changed"]
    with pytest.raises(DeployError) as failed:
        core.deploy(whole(service, tmp_path, 2, BAD))
    assert failed.value.error_code == "health_gate_failed"
    assert specs(swarm) == was
    # What was there is found again, and nothing is to do.
    assert not core.deploy(whole(service, tmp_path, 1))["changed"]
    done = core.deploy(whole(service, tmp_path, 2))
    assert done["status"] == "healthy"
    assert f"{core.stack}_old" not in held(swarm)["services"]
    assert history(core)[-1] == (4, "HEALTHY")
    assert is_free(swarm)


def test_what_left_the_file_is_removed_only_after_the_gate(core, swarm, service):
    core.deploy(SERVICES + service("web") + asleep("old"))
    seen = []

    def look(method, path):
        if path == "/tasks":
            seen.append(f"{core.stack}_old" in held(swarm)["services"])

    core.transport.before = look
    core.deploy(SERVICES + service("web", more="    environment: {A: b}\n"))
    core.transport.before = lambda method, path: None
    assert seen
    assert all(seen)
    assert f"{core.stack}_old" not in held(swarm)["services"]


def test_swarms_own_rollback_and_ours_end_well(core, swarm, service):
    careful = "update_config: {failure_action: rollback, monitor: 2s}, rollback_config: {monitor: 10ms}, replicas: 2"

    def text(command, value):
        web = service("web", command).replace("update_config: {parallelism: 0, monitor: 10ms}", careful)
        return SERVICES + web + service("api", more=f"    environment: {{A: '{value}'}}\n")

    core.deploy(text(QUIET, 1))
    was = specs(swarm)
    with pytest.raises(DeployError) as failed:
        core.deploy(text(BAD, 2))
    assert failed.value.error_code == "health_gate_failed"
    assert "Rolled back: 2 services restored." in str(failed.value)
    assert specs(swarm) == was
    assert len(running(swarm)) == 3
    again = core.deploy(text(QUIET, 1))
    assert (again["changed"], again["status"]) == (False, "healthy")


def test_a_replaced_service_comes_back(core, swarm, service):
    core.deploy(SERVICES + service("web"))
    was = specs(swarm)
    with pytest.raises(DeployError) as failed:
        core.deploy(SERVICES + service("web", BAD, deploy="mode: global"), recreate=True)
    assert "Rolled back: 1 service recreated." in str(failed.value)
    assert specs(swarm) == was
    assert len(running(swarm)) == 1


def test_what_can_not_be_put_back_is_told_with_both_causes(core, swarm, service, monkeypatch):
    monkeypatch.setattr(retry, "BEAR_WITH", 1.0)
    core.deploy(SERVICES + service("web"))
    (web,) = swarm.objects("services")

    def refuse(method, path):
        if path == f"/services/{web['ID']}/update":
            refuse.count += 1
            if refuse.count > 1:
                raise ConnectionRefusedError(111, "Connection refused")

    refuse.count = 0
    core.transport.before = refuse
    with pytest.raises(DeployError) as failed:
        core.deploy(SERVICES + service("web", BAD))
    core.transport.before = lambda method, path: None
    error = failed.value
    assert error.error_code == "rollback_failed"
    assert error.details["cause"]["error_code"] == "health_gate_failed"
    assert error.details["rollback_error"]["error_code"] == "daemon_unreachable"
    assert error.details["outcome"]["rollback"] == "failed"
    assert "no such table" in str(error)
    assert (history(core)[-1], latest(core).restored) == ((2, "FAILED"), "failed")
    assert core.deploy(SERVICES + service("web"))["status"] == "healthy"
    assert is_free(swarm)


def test_a_plan_is_bound_to_what_was_seen_and_wanted(core, swarm, bed):
    text = "services:" + asleep("web") + asleep("api")
    announced = core.deploy(text, check=True)
    assert core.deploy(text, check=True, plan_id=announced["plan_id"])["plan_id"] == announced["plan_id"]
    with pytest.raises(PlanError) as refused:
        core.deploy("services:" + asleep("web"), plan_id=announced["plan_id"])
    assert refused.value.error_code == "plan_stale"
    assert "the desired state" in str(refused.value)
    assert core.writes == []
    done = core.deploy(text, plan_id=announced["plan_id"])
    assert (done["changed"], done["plan_id"], done["plan"]) == (True, announced["plan_id"], announced["plan"])

    other = text.replace("nothing", "other")
    announced = core.deploy(other, check=True)
    bed.node("m1").cli(["docker", "service", "update", "-d", "--label-add", "x=1", f"{core.stack}_web"])
    with pytest.raises(PlanError) as refused:
        core.deploy(other, plan_id=announced["plan_id"])
    assert refused.value.error_code == "plan_stale"
    assert "the stack in the Swarm changed" in str(refused.value)
    foreign = "aaaaaaaa" + announced["plan_id"][8:]
    for given in (foreign, "nonsense"):
        with pytest.raises(PlanError) as refused:
            core.deploy(other, plan_id=given)
        assert refused.value.error_code == "plan_of_another_stack"
    assert core.writes == []

    stopped = core.stop(check=True)
    with pytest.raises(PlanError) as refused:
        core.remove(plan_id=stopped["plan_id"])
    assert refused.value.error_code == "plan_stale"
    announced = core.remove(check=True)
    assert core.remove(plan_id=announced["plan_id"])["changed"]


def test_a_plan_is_looked_at_again_under_the_lock(core, swarm, bed):
    text = "services:" + asleep("web")
    core.deploy(text)
    changed = text.replace("nothing", "other")
    announced = core.deploy(changed, check=True)

    def meddle(method, path):
        if (method, path) == ("POST", "/configs/create"):
            core.transport.before = lambda method, path: None
            bed.node("m1").cli(["docker", "service", "update", "-d", "--label-add", "x=1", f"{core.stack}_web"])

    core.transport.before = meddle
    with pytest.raises(PlanError) as refused:
        core.deploy(changed, plan_id=announced["plan_id"])
    assert refused.value.error_code == "plan_stale"
    assert specs(swarm)[f"{core.stack}_web"]["TaskTemplate"]["ContainerSpec"]["Image"].startswith("nothing")
    assert (history(core), is_free(swarm)) == ([(1, "HEALTHY")], True)


def test_a_lock_of_somebody_else_is_waited_for(core, swarm):
    other = EngineClient(core.connection)
    lock = Lock(other, SystemClock, core.stack, {"who": "ann", "operation": "deploy"})
    lock.acquire(1)
    with pytest.raises(DeployError) as refused:
        core.deploy("services:" + asleep("web"), lock_timeout=0.3)
    assert refused.value.error_code == "locked"
    assert "ann" in str(refused.value)
    assert (held(swarm), history(core)) == (NOTHING, [(1, "CANCELLED")])
    for story in (core.stop, core.remove):
        with pytest.raises(DeployError) as refused:
            story(lock_timeout=0.1)
        assert refused.value.error_code == "locked"

    threading.Timer(0.5, lock.release).start()
    lines = []
    done = core.deploy("services:" + asleep("web"), lock_timeout=20, progress=lines.append)
    assert done["changed"]
    assert any("held by ann" in line for line in lines)
    statuses = [status for _number, status in history(core)]
    assert statuses.count("HEALTHY") == 1
    assert set(statuses) == {"CANCELLED", "HEALTHY"}
    assert is_free(swarm)
    other.close()


def dies(core, text, monkeypatch, number, **options):
    """A run that is gone after ``number`` writes to services: no rollback, no release."""
    count = [0]

    def kill(method, path):
        if method != "GET" and path.startswith("/services"):
            count[0] += 1
            if count[0] == number:
                core.transport.before = die
                raise Died

    def die(method, path):
        raise Died

    core.transport.after = kill
    with pytest.raises(Died):
        core.deploy(text, this_run=dead, **options)
    core.transport.before = core.transport.after = lambda method, path: None
    core.client._transport = core.transport


def dead(operation, message, since, who):
    return {"operation": operation, "message": message, "since": since, "who": "bob", "pid": 1, "host": "gone"}


def gone(holder):
    return holder.get("host") == "gone"


def test_a_run_that_died_is_settled_and_completed_by_the_next(core, swarm, monkeypatch):
    text = "services:" + asleep("one") + asleep("two")
    dies(core, text, monkeypatch, 1)
    assert (history(core), is_free(swarm)) == ([(1, "DEPLOYING")], False)
    assert held(swarm)["services"] == [f"{core.stack}_one"]
    done = core.deploy(text, is_gone=gone)
    assert [op["name"] for op in done["plan"]] == [f"{core.stack}_two"]
    assert history(core) == [(1, "FAILED"), (2, "HEALTHY")]
    settled = History(core.client, SystemClock, core.stack).read()[1]
    assert "interrupted" in settled.reason
    assert "bob" in settled.reason
    assert is_free(swarm)


def test_a_run_that_died_is_settled_also_where_nothing_is_left_to_do(core, swarm, monkeypatch):
    text = "services:" + asleep("one") + asleep("two")
    dies(core, text, monkeypatch, 2)
    done = core.deploy(text, is_gone=gone)
    assert done["changed"] is False
    # What is there runs, and is what counts from now on: healing must not put back what was before it.
    assert (history(core), is_free(swarm)) == ([(1, "FAILED"), (2, "HEALTHY")], True)
    assert done["revision"] == 2


def test_after_a_run_that_died_a_failure_goes_back_to_what_was_before_it(core, swarm, service, monkeypatch):
    before = SERVICES + service("web") + asleep("api") + "\nconfigs: {page: {content: one}}\n"
    core.deploy(before)
    was, objects = specs(swarm), held(swarm)
    web = service("web", more="    environment: {A: b}\n    configs: [page]\n")
    half = SERVICES + web + asleep("api") + asleep("new") + "\nconfigs: {page: {content: two}}\n"
    dies(core, half, monkeypatch, 2)
    assert specs(swarm) != was
    with pytest.raises(DeployError) as failed:
        core.deploy(half.replace(QUIET, BAD), is_gone=gone)
    assert failed.value.error_code == "health_gate_failed"
    assert specs(swarm) == was
    assert held(swarm) == objects
    assert history(core) == [(1, "HEALTHY"), (2, "FAILED"), (3, "FAILED")]


def test_absent_ends_with_a_revision_and_keeps_the_history(core, swarm):
    core.deploy("services:" + asleep("web"))
    core.stop()
    removed = core.remove()
    assert (removed["changed"], removed["revision"]) == (True, 2)
    assert (held(swarm), history(core)) == (NOTHING, [(1, "HEALTHY"), (2, "REMOVED")])
    assert not core.remove()["changed"]
    assert len(history(core)) == 2
    assert is_free(swarm)


def test_a_run_without_changes_writes_nothing_and_asks_nothing_of_the_history(core, swarm, service):
    text = "services:" + service("web")
    core.deploy(text)
    again = core.deploy(text)
    assert (again["changed"], again["calls"], core.writes) == (False, 5, [])
    assert again["plan_id"]


def test_fast_waits_for_nothing_between_and_keeps_what_fails(core, swarm, service):
    with pytest.raises(DeployError) as failed:
        core.deploy(first(service, "/absent"), mode="fast")  # never runs: it can not be taken for well
    assert failed.value.details["outcome"]["rollback"] == "none"
    assert held(swarm)["services"] == [f"{core.stack}_db", f"{core.stack}_web"]
    assert core.deploy(first(service, QUIET), mode="fast")["status"] == "healthy"


def test_a_stack_that_docker_has_just_removed_can_be_deployed_at_once(core, swarm, service, bed):
    """The node shows its network, and holds its name, until the last task has ended."""
    stubborn = """["sh", "-c", "trap : TERM; while true; do sleep 1; done"]"""
    text = "services:" + service("web", stubborn).replace("stop_grace_period: 1s", "stop_grace_period: 4s")
    core.deploy(text)
    bed.node("m1").cli(["docker", "stack", "rm", core.stack])
    checked = core.deploy(text, check=True)
    assert ("create", "network") in [(operation["action"], operation["kind"]) for operation in checked["plan"]]
    assert core.deploy(text)["status"] == "healthy"


def test_an_old_migration_is_not_run_again(core, swarm, service):
    def files(migration, web):
        order = "    depends_on: {migrate: {condition: service_completed_successfully}}\n"
        job = service("migrate", migration).replace("update_config: {parallelism: 0, monitor: 10ms}", "")
        return SERVICES + job + service("web", web, order)

    def runs():
        found = swarm.objects("services")
        return [entry["JobStatus"]["JobIteration"].get("Index", 0) for entry in found if "JobStatus" in entry]

    core.deploy(files("echo one", QUIET))
    (first,) = runs()
    was = specs(swarm)
    with pytest.raises(DeployError) as failed:
        core.deploy(files("echo two", BAD))
    assert f"Rolled back: 1 service restored, the job {core.stack}_migrate was not restored" in str(failed.value)
    assert "restoring the old one would run it again" in failed.value.details["outcome"]["restored"][-1]
    (second,) = runs()
    assert second == first + 1
    assert specs(swarm)[f"{core.stack}_web"] == was[f"{core.stack}_web"]
    # What it did is done: the next try needs it no more.
    core.deploy(files("echo two", "sh -c 'trap exit TERM; sleep 2d & wait'"))
    assert runs() == [second]
    with pytest.raises(DeployError):
        core.deploy(files("sh -c 'exit 3'", QUIET), stable_for=5)
    assert runs() == []
    assert core.deploy(files("echo three", QUIET))["changed"]
    assert len(runs()) == 1


def test_a_service_of_ten_that_is_rejected_is_undone_within_three_seconds(core, swarm, service, bed):
    """From the rejection of the task to the error, without the time that Swarm takes to start tasks again."""
    keys = [f"s{number}" for number in range(10)]
    core.deploy(SERVICES + "".join(service(key) for key in keys))
    tasks = running(swarm)
    bad = service("s4").replace(bed.images["busybox"], bed.images["busybox"].rpartition(":")[0] + ":absent")
    changed = SERVICES + "".join(bad if key == "s4" else service(key) for key in keys)
    with pytest.raises(DeployError) as failed:
        core.deploy(changed)
    ended = time.time()
    assert failed.value.error_code == "image_not_found"
    assert "Rolled back: 1 service restored, 9 other services unchanged." in str(failed.value)
    every = swarm.tasks("")
    rejected = min(_time(task["Status"]["Timestamp"]) for task in every if task["Status"]["State"] == "rejected")
    started = max(_time(task["Status"]["Timestamp"]) for task in every if task["Status"]["State"] == "running")
    print(f"rejected to error: {ended - rejected:.2f} s; last task running to error: {ended - started:.2f} s")
    assert len(set(running(swarm)) & set(tasks)) == 9
    assert ended - rejected < 3 + 2


def _time(text):
    from datetime import datetime, timezone

    return datetime.fromisoformat(text[:26].rstrip("Z").ljust(26, "0")).replace(tzinfo=timezone.utc).timestamp()


def test_the_tasks_of_before_are_no_proof_to_a_run_that_takes_over(core, swarm, service, monkeypatch):
    """The Engine counts those that are still stopping. What the run that died has done is undone."""
    slow = service("web", "sh -c 'trap true TERM; while :; do sleep 1; done'").replace("period: 1s", "period: 1h")
    core.deploy(SERVICES + slow)
    (old,) = swarm.wait_running(1)

    def end(line="rolling the stack back"):
        if line == "rolling the stack back":
            swarm.node.cli(["docker", "kill", old["Status"]["ContainerStatus"]["ContainerID"]], check=False)

    swarm.node.cli(["docker", "service", "scale", "--detach", f"{core.stack}_web=0"])
    was = specs(swarm)
    bad = SERVICES + service("web", BAD)
    try:
        dies(core, bad, monkeypatch, 1)
        with pytest.raises(DeployError) as failed:
            core.deploy(bad, is_gone=gone, progress=end)
    finally:
        end()
    assert failed.value.error_code == "health_gate_failed"
    assert (failed.value.details["outcome"]["rollback"], specs(swarm)) == ("done", was)
    assert history(core) == [(1, "HEALTHY"), (2, "FAILED"), (3, "FAILED")]


def test_a_service_that_a_dead_run_has_broken_fails_the_run_that_takes_over(core, swarm, service, monkeypatch):
    """Also where that run has other work: the service is one of its changes."""
    core.deploy(SERVICES + service("api") + asleep("web"))
    was = specs(swarm)
    bad = SERVICES + service("api", BAD) + asleep("web", "labels: {a: b}")
    dies(core, bad, monkeypatch, 1)
    assert [name for name, spec in specs(swarm).items() if spec != was[name]] == [f"{core.stack}_api"]
    swarm.wait("a failed task", lambda: any(t["Status"]["State"] == "failed" for t in swarm.tasks("")))
    with pytest.raises(DeployError) as failed:
        core.deploy(bad, is_gone=gone)
    assert failed.value.error_code == "health_gate_failed"
    assert (failed.value.details["outcome"]["rollback"], specs(swarm)) == ("done", was)


def test_after_two_runs_that_died_the_third_goes_back_to_what_was_before_both(core, swarm, service, monkeypatch):
    core.deploy(SERVICES + asleep("api") + asleep("one") + service("two"))
    was = specs(swarm)
    bad = SERVICES + asleep("api", "labels: {a: b}") + asleep("one", "labels: {a: b}") + service("two", BAD)
    dies(core, bad, monkeypatch, 1)
    dies(core, bad, monkeypatch, 1, is_gone=gone)
    changed = [name for name, spec in specs(swarm).items() if spec != was[name]]
    assert len(changed) == 2, "each of both has changed one service"
    with pytest.raises(DeployError) as failed:
        core.deploy(bad, is_gone=gone)
    assert failed.value.error_code == "health_gate_failed"
    assert (failed.value.details["outcome"]["rollback"], specs(swarm)) == ("done", was)
    assert history(core) == [(1, "HEALTHY"), (2, "FAILED"), (3, "FAILED"), (4, "FAILED")]

"""The folder of a job, which a worker writes and a follower reads."""

import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.detached import follow, zip_importer
from ansible_collections.stackwright.swarm.plugins.module_utils.detached import job_folder as jobs
from ansible_collections.stackwright.swarm.plugins.module_utils.detached import process as worker


class Clock:
    """A clock that moves only during sleeps; ``at`` maps times to events."""

    def __init__(self, at=()):
        self.time, self.at = 0.0, dict(at)

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
        for moment in [moment for moment in self.at if moment <= self.time]:
            self.at.pop(moment)()


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "tmp" / "stackwright-0")


@pytest.fixture
def job(root):
    made = jobs.create(root)
    yield made
    made.let_go()


def test_nobody_else_may_look_into_it(job, root):
    job.say("a line")
    job.finish({"changed": True})
    assert {os.stat(path).st_mode & 0o777 for path in (root, job.folder)} == {0o700}
    assert {os.stat(os.path.join(job.folder, name)).st_mode & 0o777 for name in os.listdir(job.folder)} == {0o600}


def test_lines_are_read_from_where_one_was(job):
    job.say("one")
    lines, seen = job.lines(0)
    assert lines == ["one"]
    job.say("two with ü")
    assert job.lines(seen)[0] == ["two with ü"]
    assert job.lines(job.lines(0)[1]) == ([], job.lines(0)[1])


def test_a_line_that_is_being_written_is_left_for_later(job):
    with open(os.path.join(job.folder, "lines"), "w") as file:
        file.write("whole\nhal")
    assert job.lines(0) == (["whole"], 6)


def test_no_line_moves_the_cursor(job):
    job.say("bad \x1b[2J\r\nline")
    assert job.lines(0)[0] == ["bad \\nline"]


def test_a_full_disk_does_not_stop_the_work(job, monkeypatch):
    monkeypatch.setattr(os, "write", lambda *a: (_ for _ in ()).throw(OSError(28, "no space")))
    job.say("lost")
    monkeypatch.undo()
    assert job.lines(0)[0] == []


def test_it_is_alive_as_long_as_it_is_held(job):
    assert job.alive
    job.let_go()
    assert not job.alive


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "0" * 32, "0" * 31 + "\n", "nonsense"])
def test_an_unknown_job_is_a_clear_error(root, job, name):
    with pytest.raises(StackwrightError) as caught:
        jobs.find(root, name)
    assert caught.value.error_code == "job_unknown"
    assert "Run the task again" in str(caught.value)


def test_a_folder_that_others_may_write_is_not_trusted(root, job):
    os.chmod(root, 0o777)
    with pytest.raises(OSError, match="other users can write to this folder"):
        jobs.create(root)
    with pytest.raises(StackwrightError):
        jobs.find(root, job.id)


def test_nor_is_a_link(tmp_path, root):
    os.makedirs(os.path.dirname(root))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    os.symlink(tmp_path / "elsewhere", root)
    with pytest.raises(OSError, match="other users can write to this folder"):
        jobs.create(root)


def test_old_jobs_are_cleared_away_but_not_live_ones(root, job):
    old = jobs.create(root)
    old.let_go()
    young = jobs.create(root)
    young.let_go()
    for each in (old, job):
        os.utime(each.folder, (1, 1))
    jobs.create(root).let_go()
    assert (old.exists, young.exists, job.exists) == (False, True, True)


# -- following


def test_a_follower_gets_the_result_at_once(job):
    clock = Clock({0.5: lambda: job.finish({"changed": True})})
    told = follow.follow(job, 0, clock)
    assert told["changed"] is True
    assert told["progress"] == {"job": job.id, "seen": 0, "lines": [], "done": True}
    assert clock.time < 0.6
    assert job.taken


def test_lines_are_gathered_for_a_second(job):
    clock = Clock({0.3: lambda: job.say("one"), 0.6: lambda: job.say("two")})
    told = follow.follow(job, 0, clock)
    assert told["progress"]["lines"] == ["one", "two"]
    assert told["progress"]["done"] is False
    assert 1.0 <= clock.time < 1.1
    assert not job.taken


def test_a_result_that_follows_a_line_needs_no_other_question(job):
    clock = Clock({1.5: lambda: job.say("3/3 running"), 1.7: lambda: job.finish({"changed": True})})
    told = follow.follow(job, 0, clock)
    assert (told["progress"]["lines"], told["progress"]["done"]) == (["3/3 running"], True)


def test_without_news_a_follower_returns_after_a_while(job):
    clock = Clock()
    assert follow.follow(job, 0, clock)["progress"]["lines"] == []
    assert follow.LONGEST <= clock.time < follow.LONGEST + 1


def test_a_dead_worker_is_a_failure_that_says_where_it_was(job):
    job.say("create service shop_web")
    told = follow.follow(job, 0, Clock({0.5: job.let_go}))
    assert (told["failed"], told["error_code"]) == (True, "worker_died")
    assert "create service shop_web" in told["msg"]
    assert told["progress"]["lines"] == ["create service shop_web"]


def test_a_result_counts_although_the_worker_has_ended(job):
    job.finish({"changed": True})
    job.let_go()
    assert follow.look(job, 0)["changed"] is True


QUESTION = {"number": 1, "checks": []}


def test_a_question_is_handed_over_at_once_and_until_somebody_answers(job):
    told = follow.follow(job, 0, Clock({0.2: lambda: job.ask(QUESTION)}))["progress"]
    assert (told["question"], told["done"], job.heard) == (QUESTION, False, True)
    assert follow.look(job, 0)["progress"]["question"] == QUESTION  # the answer to that may have been lost
    job.tell({"number": 1, "checks": {"c": "404"}})
    assert "question" not in follow.look(job, 0)["progress"]
    assert job.answer(1) == {"number": 1, "checks": {"c": "404"}}


def test_of_a_question_that_is_over_nothing_stays(job):
    job.ask(QUESTION)
    follow.look(job, 0)
    job.tell({"number": 1})
    job.unask()
    job.tell({"number": 1})
    assert os.listdir(job.folder) == ["alive"] and not job.heard
    job.ask({**QUESTION, "number": 2})
    job.tell({"number": 1})
    assert job.answer(2) is None and job.question()["number"] == 2


# -- the worker, forked from this process


def forked(root, work, foreground=20.0, secrets=()):
    """Returns the result in the foreground while the worker does ``work(worker)``."""
    try:
        made = worker.start(root, secrets, foreground)
    except worker.Foreground as foreground_only:
        return foreground_only.result
    try:
        work(made)
    except BaseException as error:
        made.fail(error)
    finally:
        os._exit(3)


def test_a_quick_worker_is_waited_for_and_leaves_nothing(root):
    start = time.monotonic()
    told = forked(root, lambda made: made.finish({"changed": True, "pid": os.getpid(), "session": os.getsid(0)}))
    assert time.monotonic() - start < 10
    assert told["changed"] is True
    assert told["pid"] == told["session"] != os.getpid()
    assert os.listdir(root) == []


def test_a_slow_worker_is_left_alone(root):
    told = forked(root, lambda made: (made.say("begun"), time.sleep(60)), foreground=0.5)
    assert told["progress"]["done"] is False
    job = jobs.find(root, told["progress"]["job"])
    assert job.alive
    assert job.lines(0)[0] == ["begun"]
    _kill(job)
    assert follow.follow(job, 0, time)["error_code"] == "worker_died"


def test_a_question_wakes_who_waits_for_a_quick_end(root):
    def work(made):
        made.finish({"answers": [made.ask({"of": "c1"}), made.ask({"of": "c2"})]})

    told = forked(root, work)
    answers, job = [], jobs.find(root, told["progress"]["job"])
    while not told["progress"]["done"]:
        question = told["progress"].get("question")
        if question:
            answers.append({"number": question["number"], "said": question["of"]})
            job.tell(answers[-1])
        told = follow.follow(job, 0, time)
    assert told["answers"] == answers == [{"number": 1, "said": "c1"}, {"number": 2, "said": "c2"}]


@pytest.mark.slow
@pytest.mark.parametrize("heard", [False, True])
def test_a_question_that_nobody_answers_does_not_stop_the_work(root, monkeypatch, heard):
    """Whether the follower has ended, or is kept busy."""
    monkeypatch.setattr(worker, "HEARD", 0.1)
    monkeypatch.setattr(worker, "ANSWERED", 0.3)

    def work(made):
        if heard:
            monkeypatch.setattr(
                made._job, "ask", lambda question, ask=made._job.ask: (ask(question), made._job.question())
            )
        made.finish({"answer": made.ask({"of": "c1"})})

    told = forked(root, work)
    job = jobs.find(root, told["progress"]["job"])
    while not told["progress"]["done"]:
        told = follow.follow(job, 0, time)
    assert told["answer"] == {}


@pytest.mark.slow
def test_a_long_answer_is_waited_for_as_long_as_somebody_follows(root, monkeypatch):
    monkeypatch.setattr(worker, "LEFT", 0.5)

    def work(made):
        kept = []
        first = made.ask_patiently({"of": "v1"}, lambda: kept.append(1))
        made.finish({"answers": [first, made.ask_patiently({"of": "v2"}, lambda: None)], "kept": bool(kept)})

    told = forked(root, work)
    job, start = jobs.find(root, told["progress"]["job"]), time.monotonic()
    while time.monotonic() - start < 1.5:  # three times as long as nobody may be silent
        assert told["progress"]["question"]["number"] == 1
        told = follow.follow(job, 0, time)
    job.tell({"number": 1, "before": "b"})
    while not job.result():  # nobody answers the second question, or reads it
        time.sleep(0.05)
    told = follow.follow(job, 0, time)
    assert told["answers"] == [{"number": 1, "before": "b"}, {}] and told["kept"]


def _kill(job):
    alive = os.path.join(job.folder, "alive")
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(f"/proc/{name}/fd/{fd}") == alive for fd in os.listdir(f"/proc/{name}/fd")):
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue


def test_secrets_are_hidden_in_lines_and_result(root):
    def work(made):
        made.say("the password is hunter2")
        made.finish({"text": "hunter2 it is", "progress_seen": True})

    told = forked(root, work, secrets={"hunter2"})
    assert "hunter2" not in str(told)
    assert told["progress"]["lines"]


def test_an_unexpected_error_says_where_but_not_what(root):
    def work(made):
        raise KeyError("hunter2")

    told = forked(root, work)
    assert (told["failed"], told["error_code"]) == (True, "unexpected")
    assert "KeyError" in told["msg"]
    assert "hunter2" not in str(told)


def test_the_worker_keeps_no_file_of_the_caller_open(root):
    reading, writing = os.pipe()

    def work(made):
        time.sleep(60)

    told = forked(root, work, foreground=0.2)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"", "whoever reads this waits for the worker"
    finally:
        os.close(reading)
        _kill(jobs.find(root, told["progress"]["job"]))


def test_without_a_place_for_the_job_there_is_no_worker(tmp_path):
    (tmp_path / "file").write_text("")
    assert worker.start(str(tmp_path / "file" / "x"), ()) is None


def test_nor_without_fork(root, monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert worker.start(root, ()) is None
    assert os.listdir(root) == []


# -- the code in a zip file


SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stackwright.swarm.plugins.module_utils.detached import zip_importer
zip_importer.keep()
os.unlink(sys.argv[1])
from ansible_collections.stackwright.swarm.plugins.module_utils.gate import evidence
import wave  # and what is Python's own is found as ever
print(evidence.__file__.startswith(sys.argv[1]), evidence.evidence.__module__)
"""


def test_code_is_found_after_its_zip_file_is_gone(tmp_path):
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(jobs.__file__))))
    archive = tmp_path / "payload.zip"
    base = "ansible_collections/stackwright/swarm/plugins"
    with zipfile.ZipFile(archive, "w") as file:
        for part in ("ansible_collections", "ansible_collections/stackwright", "ansible_collections/stackwright/swarm"):
            file.writestr(f"{part}/__init__.py", "")
        file.writestr(f"{base}/__init__.py", "")
        for folder, _folders, names in os.walk(os.path.join(source, "plugins", "module_utils")):
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    file.write(path, os.path.join(base, os.path.relpath(path, os.path.join(source, "plugins"))))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(archive)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "True", done.stdout


def test_code_that_lies_in_files_needs_nothing(monkeypatch):
    before = list(sys.meta_path)
    zip_importer.keep()
    assert sys.meta_path == before

"""A service whose lines go to a collector does not notice that the collector is dead or hangs."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import wait_for
from playbook import Player

METRICS = ("prometheus", "node_exporter", "alertmanager", "blackbox_exporter")
#: Each hundredth number is in the file when its line was written.
APPLICATION = """\
n=0
while :; do
  n=$$((n+1)); echo "line $$n of a text that is about as long as those of an access log, one hundred bytes or so"
  if [ $$((n % 100)) = 0 ]; then echo $$n > /out/part; mv /out/part /out/n; sleep 0.01; fi
done
"""


class Collector:
    """The collector's process on ``socket``, and the lines that it has received."""

    def __init__(self, folder):
        self.socket, self.file = folder / "forward.sock", folder / "lines.jsonl"
        self.file.touch()
        self.process = None

    def start(self):
        program = Path(__file__).with_name("collector.py")
        self.process = subprocess.Popen([sys.executable, str(program), str(self.socket), str(self.file)])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def received(self):
        """The lines; without the one that is being written."""
        return self.file.read_text().split("\n")[:-1]


@pytest.fixture
def collector(tmp_path):
    made = Collector(tmp_path)
    made.start()
    yield made
    made.kill()


def test_a_service_goes_on_when_its_collector_hangs_and_dies(bed, swarm, tmp_path, collector):
    player = Player(tmp_path, {"m1": bed.docker_host})
    (tmp_path / "out").mkdir()

    def written():
        path = tmp_path / "out" / "n"
        return int(path.read_text()) if path.exists() else 0

    def goes_on(lines, what):
        least = written() + lines
        wait_for(lambda: written() >= least, what, 120)

    service = {
        "image": bed.images["busybox"],
        "command": ["sh", "-c", APPLICATION],
        "volumes": [f"{tmp_path}/out:/out"],
        "stop_grace_period": "1s",
    }
    # The preset's options, but a smaller buffer, so that it is full sooner.
    options = {"fluentd-address": f"unix://{collector.socket}", "fluentd-buffer-limit": "1024"}
    stack = {
        "name": swarm.name,
        "definition": {"services": {"web": service}},
        "platform": {"preset": "logs", "logging": {"options": options}},
    }
    run = player.play({"compose_stack": stack})
    assert run.code == 0, run.output
    wait_for(collector.received, "lines at the collector")
    first = json.loads(collector.received()[0])
    record = first["record"]
    assert first["tag"] == f"{swarm.name}.web"
    assert record["com.docker.stack.namespace"] == swarm.name
    assert record["com.docker.swarm.service.name"] == f"{swarm.name}_web"
    assert record["log"].startswith("line 1 of")

    # It hangs: the buffer fills, and what does not fit is dropped instead of kept in the Engine's memory.
    collector.signal(signal.SIGSTOP)
    goes_on(20_000, "the service beside a collector that hangs")
    last = written()
    collector.signal(signal.SIGCONT)
    wait_for(lambda: number_of(collector.received()[-1]) > last, "lines after the collector goes on")
    lines = collector.received()
    assert len(lines) < number_of(lines[-1]) - 10_000

    # It is killed: the lines since then are in the Engine's own copy.
    collector.kill()
    goes_on(5_000, "the service without a collector")
    last = written()
    run = player.play({"stack_logs": {"name": swarm.name, "tail": 5}}, {"compose_stack": stack})
    assert run.code == 0, run.output
    logs, again = run.of()
    assert number_of(logs["lines"][-1]["text"]) >= last
    assert again["changed"] is False

    # A new task starts without a collector, and one that comes back gets its lines.
    changed = {**stack, "definition": {"services": {"web": {**service, "environment": {"NEW": "1"}}}}}
    run = player.play({"compose_stack": changed})
    assert run.code == 0, run.output
    goes_on(1_000, "the new task without a collector")
    collector.file.write_text("")
    collector.start()
    wait_for(collector.received, "lines at the collector that came back", 120)


def number_of(line):
    return int(re.search(r"line (\d+) of", line)[1])


def test_the_role_plans_its_optional_stacks(bed, swarm, tmp_path):
    player = Player(tmp_path, {"m1": bed.docker_host})
    image = bed.images["busybox"]
    role = {
        "ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"},
        "vars": {
            "swarm_platform_stack": f"{swarm.name}-p",
            "swarm_platform_network": f"{swarm.name}-net",
            "swarm_platform_folder": str(tmp_path / "admin"),
            "swarm_platform_image": image,
            "swarm_platform_logs": True,
            "swarm_platform_logs_images": dict.fromkeys(["fluent_bit", "loki", "grafana"], image),
            "swarm_platform_logs_stack": f"{swarm.name}-l",
            "swarm_platform_logs_folder": str(tmp_path / "logs"),
            "swarm_platform_logs_domain": "logs.example.com",
            "swarm_platform_metrics": "yes",
            "swarm_platform_metrics_images": dict.fromkeys(METRICS, image),
            "swarm_platform_metrics_stack": f"{swarm.name}-m",
            "swarm_platform_metrics_network": f"{swarm.name}-metrics",
        },
    }
    run = player.play(role, check=True)
    assert run.code == 0, run.output
    planned = {result["stack"]: result for result in run.of() if "plan" in result}
    logs, metrics = planned[f"{swarm.name}-l"], planned[f"{swarm.name}-m"]

    def created(result):
        return {step["name"].rpartition("_")[2] for step in result["plan"] if step["kind"] == "service"}

    assert created(logs) == {"collector", "loki", "grafana"}
    assert created(metrics) == {"prometheus", "alertmanager", "node", "blackbox", "proxy"}
    assert not metrics.get("notices")
    # The network of the proxy is not there yet.
    assert all("shares no network with the proxy" in notice["message"] for notice in logs.get("notices") or ())

"""The autoscaler under a step load: python tests/benchmark/autoscale.py [MINUTES]

A web service answers real requests, each of which costs CPU; a task may use a tenth of a CPU. Visitors come all at
once and stay. Each waits for its answer before it asks again, so that never more than VISITORS requests are on their
way, and all containers have limits of CPU and processes: the machine may be shared. ansible-rulebook runs the rulebook
autoscale. In the middle, a new release of the web service is deployed. At the end the visitors leave.

It shows each move, and fails if the service needs more than three moves after the step, if a move ever goes the other
way, or if the deployment changes the number.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "integration")]

from core import Core
from rulebook import Rulebook
from testbed import Bed

STACK, VISITORS, MOVES = "crowd", 4, 3
FILE = r"""services:
  web:
    image: {image}
    command: httpd -f -p 8000 -h /www
    environment: {{EDITION: "{edition}"}}
    stop_grace_period: 1s
    configs: [{{source: work, target: /www/cgi-bin/work, mode: 0555}}]
    networks: [front]
    deploy:
      endpoint_mode: dnsrr
      replicas: 1
      labels: {{stackwright.autoscale: "1-5"}}
      resources: {{limits: {{cpus: "0.1", pids: 16}}}}
      update_config: {{order: start-first}}
  visitor:
    image: {image}
    # wget of a static busybox can't be used: it looks names up.
    command:
      - sh
      - -c
      - |
        while :; do
          to=$$(nslookup web | grep -o '10[.0-9]*$$' | shuf -n 1)
          [ "$$to" ] && printf 'GET /cgi-bin/work HTTP/1.0\r\n\r\n' | nc $$to 8000 > /dev/null
          sleep 0.4
        done
    stop_grace_period: 1s
    networks: [front]
    deploy:
      replicas: 0
      labels: {{stackwright.leave: replicas}}
      resources: {{limits: {{cpus: "0.05", pids: 16}}}}
networks: {{front: {{}}}}
configs:
  work:
    content: |
      #!/bin/sh
      i=0; while [ $$i -lt 16000 ]; do i=$$((i+1)); done
      printf 'Content-Type: text/plain\n\ndone\n'
"""


class Watch(threading.Thread):
    """Notes each change of the number of replicas."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.moves, self.end, self.began = node, [], threading.Event(), time.monotonic()

    def replicas(self):
        (found,) = self.node.api("GET", f'/services?filters={{"name":["{STACK}_web"]}}')
        return found["Spec"]["Mode"]["Replicated"]["Replicas"]

    def run(self):
        now = self.replicas()
        while not self.end.wait(0.5):
            new = self.replicas()
            if new != now:
                self.moves.append((round(time.monotonic() - self.began), now, new))
                print(f"{self.moves[-1][0]} s: {now} -> {new}", flush=True)
                now = new


def main(minutes):
    with Bed.up("bench-autoscale") as bed, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        node = bed.node("m1")
        core = Core(node.docker_host, STACK, folder)
        core.deploy(FILE.format(image=bed.images["busybox"], edition=1))
        inventory = folder / "inventory.yml"
        host = {"m1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
        inventory.write_text(json.dumps({"swarm_managers": {"hosts": host}}))
        variables = {"autoscale_stack": STACK, "autoscale_every": 20, "autoscale_up_after": 15}
        variables.update(autoscale_down_after=90, autoscale_hosts="swarm_managers")
        book = Rulebook(folder, "stackwright.swarm.autoscale", inventory, variables, DOCKER_HOST=node.docker_host)
        watch = Watch(node)
        try:
            book.until("PLAY RECAP")
            watch.start()
            node.cli(["docker", "service", "scale", "-d", f"{STACK}_visitor={VISITORS}"])
            watch.end.wait(minutes * 30)
            up, number = list(watch.moves), watch.replicas()
            core.deploy(FILE.format(image=bed.images["busybox"], edition=2))
            kept = watch.replicas() == number
            print(f"deployed at {round(time.monotonic() - watch.began)} s with {watch.replicas()} replicas", flush=True)
            watch.end.wait(minutes * 30)
            steady = list(watch.moves)
            node.cli(["docker", "service", "scale", "-d", f"{STACK}_visitor=0"])
            for _number in range(600):
                if watch.moves[-1:] and watch.moves[-1][2] == 1 or watch.end.wait(1):
                    break
        finally:
            watch.end.set()
            book.end()
            core.client.close()
        decided = [line for line in book.lines if f'"msg": "{STACK}_web' in line]
        print("\n".join(decided[:3] + decided[-3:]))
        print(json.dumps({"minutes": minutes, "moves": watch.moves, "before the deployment": len(up), "kept": kept}))
        assert up and len(steady) <= MOVES and all(new > old for _time, old, new in steady), "it is not steady"
        assert kept and watch.moves[-1][2] == 1


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 15)

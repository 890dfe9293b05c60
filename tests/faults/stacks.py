"""The stacks that are disturbed. From generation to generation services, configs, secrets, networks come and go."""

from __future__ import annotations

SLEEP = "command: [sleep, 1d], stop_signal: SIGKILL"


def writer(image: str, awake: bool, taken_port: int = 30000):
    """``write(generation, broken)`` gives a Compose text.

    Asleep, no service has tasks, so a run takes little time. What is broken: awake, an image that does not exist;
    asleep, a port that another stack's service has, which the Engine rejects.
    """

    # Swarm's own watch over an update's tasks, five seconds each, would be most of the time that a run takes.
    replicas = f"replicas: {1 if awake else 0}, update_config: {{monitor: 10ms}}"

    def write(generation: int, broken: bool = False) -> str:
        side = "odd" if generation % 2 else "even"
        bad_image = image.replace("busybox", "nothing") if broken and awake else image
        ports = f", ports: ['{taken_port}:80']" if broken and not awake else ""
        return f"""
services:
  db:
    {{image: {image}, {SLEEP}, deploy: {{{replicas}}}, networks: [base], configs: [shared], secrets: [password],
      environment: {{MARK: generation-{generation}}}}}
  {side}:
    {{image: {image}, {SLEEP}, deploy: {{{replicas}}}, networks: [{side}], configs: [{side}], depends_on: [db]}}
  still: {{image: {image}, {SLEEP}, deploy: {{replicas: 0}}, networks: [base]}}
  web:
    {{image: {bad_image}, {SLEEP}, deploy: {{{replicas}}}, networks: [base, {side}], secrets: [password],
      depends_on: [{side}], labels: {{mark: generation-{generation}}}{ports}}}
  worker:
    {{image: {image}, {SLEEP}, deploy: {{replicas: 0, labels: {{mark: generation-{generation}}}}}, depends_on: [web]}}
networks: {{base: {{}}, {side}: {{}}}}
configs:
  shared: {{content: generation-{generation}}}
  {side}: {{content: only {side}}}
secrets:
  password: {{file: secret}}
"""

    return write


def slow_writer(image: str):
    """A stack whose first service takes a few seconds to become healthy, and another follows it."""

    def write(generation: int, broken: bool = False) -> str:
        del broken
        side = "odd" if generation % 2 else "even"
        return f"""
services:
  db:
    image: {image}
    command: [sh, -c, "sleep 3; touch /ready; exec sleep 1d"]
    stop_signal: SIGKILL
    healthcheck: {{test: [CMD, test, -e, /ready], interval: 300ms, retries: 100}}
    environment: {{MARK: generation-{generation}}}
    configs: [shared]
    secrets: [password]
    deploy: {{replicas: 1}}
  {side}:
    {{image: {image}, {SLEEP}, deploy: {{replicas: 1}}, configs: [{side}],
      depends_on: {{db: {{condition: service_healthy}}}}}}
configs:
  shared: {{content: generation-{generation}}}
  {side}: {{content: only {side}}}
secrets:
  password: {{file: secret}}
"""

    return write


def one_by_one(image: str):
    """A stack for changes of one service at a time; none has a task that runs, and ``stuck`` has one that can't."""

    def write(generation: int, broken: bool = False) -> str:
        del broken
        return f"""
services:
  db: {{image: {image}, {SLEEP}, deploy: {{replicas: 0}}, networks: [base], configs: [shared], secrets: [password]}}
  stuck: {{image: {image}, {SLEEP}, deploy: {{replicas: 1, placement: {{constraints: [node.labels.none == x]}}}}}}
  web:
    {{image: {image}, {SLEEP}, deploy: {{replicas: 0, update_config: {{monitor: 10ms}}}}, networks: [base],
      environment: {{MARK: generation-{generation}}}}}
  worker: {{image: {image}, {SLEEP}, deploy: {{replicas: 0}}, configs: [shared]}}
networks: {{base: {{}}}}
configs:
  shared: {{content: generation-{generation}}}
secrets:
  password: {{file: secret}}
"""

    return write

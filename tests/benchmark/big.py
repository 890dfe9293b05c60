"""A Compose file with as many services as wanted, each of a usual size."""

SERVICE = """\
  svc{n:04d}:
    image: {image}
    command: ["sleep", "infinity"]
    environment:
      NUMBER: "{n}"
      LEVEL: ${{LEVEL:-info}}
      PEER: http://svc{peer:04d}:8080/
    labels:
      team: shop
    networks: [front]
    volumes:
      - data:/data/{n}
    healthcheck:
      test: ["CMD", "true"]
      interval: 10s
    deploy:
      replicas: {replicas}
      resources:
        limits: {{cpus: "0.5", memory: 64M}}
"""
TAIL = "networks:\n  front: {}\nvolumes:\n  data: {}\n"


def compose(count: int, image: str = "nginx:1.27", replicas: int = 0) -> str:
    services = (
        SERVICE.format(n=number, peer=(number + 1) % count, image=image, replicas=replicas) for number in range(count)
    )
    return "services:\n" + "".join(services) + TAIL

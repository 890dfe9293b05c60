"""The test bed keeps its promises."""

from __future__ import annotations


def test_a_deployed_stack_runs(bed, swarm):
    image = bed.images["busybox"]
    swarm.deploy(
        f"services: {{web: {{image: '{image}', command: sleep 1000, deploy: {{replicas: 2}}}}}}\nversion: '3.8'\n"
    )

    assert len(swarm.wait_running(2)) == 2

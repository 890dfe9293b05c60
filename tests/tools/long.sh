#!/bin/sh
# Runs the integration tests on three managers and on the newer Engines, and the long tests of a stack's second day: all,
# or those named as ENGINE:NODES, or second-day.
set -eu
cd "$(dirname "$0")/../.."
# Tests that depend on the Engine or on the number of nodes; make test has run the others on one node.
tests="tests/integration/test_compose_stack.py tests/integration/test_deploy_core.py tests/integration/test_sight.py
    tests/integration/test_platform.py tests/integration/test_rules_against_engine.py tests/integration/test_engine_29.py
    tests/integration/test_swarm_cluster.py"
# Killed runs, lost nodes and leaders, waits that a file declares, and a whole story.
second_day() {
    echo "long: the second day, on one node and on three managers and two workers"
    STACKWRIGHT_LONG=1 .cache/venv/bin/python -m pytest -q tests/integration/test_killed.py \
        tests/integration/test_declared_waits.py tests/integration/test_nodes_down.py \
        tests/integration/test_swarm_cluster.py tests/integration/test_swarm_cluster_killed.py
    STACKWRIGHT_LONG=1 STACKWRIGHT_TEST_NODES=5 .cache/venv/bin/python -m pytest -q tests/integration/test_story.py \
        tests/integration/test_killed.py tests/faults/test_leaders.py
    echo "long: the tutorial, the example stacks, and a report of three managers in a browser"
    STACKWRIGHT_LONG=1 .cache/venv/bin/python -m pytest -q tests/integration/test_tutorial.py \
        tests/integration/test_example_stacks.py
    STACKWRIGHT_LONG=1 STACKWRIGHT_TEST_NODES=3 .cache/venv/bin/python -m pytest -q tests/integration/test_report.py
}

for bed in ${*:-20.10:3 26.1:1 28.5:1 second-day}; do
    if [ "$bed" = second-day ]; then
        second_day
        continue
    fi
    echo "long: engine ${bed%:*}, ${bed#*:} node(s)"
    STACKWRIGHT_TEST_ENGINE=${bed%:*} STACKWRIGHT_TEST_NODES=${bed#*:} \
        sh tests/tools/run_tests.sh $tests -n 2 --dist loadfile
    # One bed for these: they kill its nodes, and run twenty deployments at once.
    STACKWRIGHT_TEST_ENGINE=${bed%:*} STACKWRIGHT_TEST_NODES=${bed#*:} \
        sh tests/tools/run_tests.sh tests/faults/test_chaos.py tests/faults/test_concurrency.py
done

#!/bin/sh
# The integration tests on three managers, and on the newer engines.
set -eu
cd "$(dirname "$0")/../.."
for bed in "20.10 3" "26.1 1" "28.5 1"; do
    engine=${bed% *} nodes=${bed#* }
    echo "long: engine $engine, $nodes node(s)"
    STACKWRIGHT_TEST_ENGINE=$engine STACKWRIGHT_TEST_NODES=$nodes .cache/venv/bin/python -m pytest -q tests/integration "$@"
done

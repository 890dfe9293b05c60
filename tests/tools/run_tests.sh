#!/bin/sh
# Runs tests: run_tests.sh FOLDER-OR-FILE PYTEST-ARGUMENT... Runs a few failed tests once more, alone: Engines on a busy
# machine are late. Names those that then pass at the end: a test that passes only sometimes still has a fault.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
shift
most=40
# Tests without an Engine have little reason to fail only sometimes.
[ "$folder" != tests/unit ] || most=3
# Several of these scripts may run at once, each with its own Swarms.
name=$(basename "$folder")${STACKWRIGHT_TEST_BED:+-$STACKWRIGHT_TEST_BED}
pytest="$(pwd)/.cache/venv/bin/python -m pytest -q -o cache_dir=.cache/pytest-$name"
code=0
$pytest "$@" "$folder" || code=$?
[ "$code" -ne 0 ] || exit 0
failed=.cache/pytest-$name/v/cache/lastfailed
# 1: tests have failed. Any other code: they could not run.
[ "$code" -eq 1 ] && [ -s "$failed" ] || exit "$code"
count=$(grep -c '": true' "$failed" || true)
if [ "$count" -gt "$most" ]; then
    echo "tests: $count failed, too many to try them again"
    exit 1
fi
# pytest-xdist adds the group of a test, usually its file, to the name: "test_x.py::test_it[1]@test_x.py".
names=$(.cache/venv/bin/python -c 'import json, re, sys
for name in json.load(open(sys.argv[1])): print(re.sub(r"@[\w.]+$", "", name))' "$failed")
echo "tests: $count failed, and are tried once more:"
echo "$names" | sed 's/^/  /'
again=.cache/test-again-$name
echo "$names" >"$again"
$pytest "@$again" || exit 1
echo "tests: UNSTABLE, passed at the second try only:"
echo "$names" | sed "s/^/  /"

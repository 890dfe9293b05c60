#!/bin/sh
# Runs tests: run_tests.sh FOLDER-OR-FILE PYTEST-ARGUMENT... A few that fail are run once more, alone: a busy machine
# makes engines late. Those that pass then are named at the end: a test that passes only at times has a fault all the same.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
shift
most=40
# What needs no engine has little reason to fail at times.
[ "$folder" != tests/unit ] || most=3
# Several of these may run at once, each with its Swarms.
name=$(basename "$folder")${STACKWRIGHT_TEST_BED:+-$STACKWRIGHT_TEST_BED}
pytest="$(pwd)/.cache/venv/bin/python -m pytest -q -o cache_dir=.cache/pytest-$name"
code=0
$pytest "$@" "$folder" || code=$?
[ "$code" -ne 0 ] || exit 0
failed=.cache/pytest-$name/v/cache/lastfailed
# 1 says that tests have failed; anything else, that they could not be run.
[ "$code" -eq 1 ] && [ -s "$failed" ] || exit "$code"
count=$(grep -c '": true' "$failed" || true)
if [ "$count" -gt "$most" ]; then
    echo "tests: $count failed, too many to try them again"
    exit 1
fi
# pytest-xdist adds the group of a test, mostly its file, to the name: "test_x.py::test_it[1]@test_x.py".
names=$(.cache/venv/bin/python -c 'import json, re, sys
for name in json.load(open(sys.argv[1])): print(re.sub(r"@[\w.]+$", "", name))' "$failed")
echo "tests: $count failed, and are tried once more:"
echo "$names" | sed 's/^/  /'
again=.cache/test-again-$name
echo "$names" >"$again"
$pytest "@$again" || exit 1
echo "tests: UNSTABLE, passed at the second try only:"
echo "$names" | sed "s/^/  /"

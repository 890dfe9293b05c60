#!/bin/sh
# Plays all or the named Molecule scenarios of extensions/molecule on one Swarm, which is always removed at the end.
# The output of each is in .cache/molecule/NAME.log, and is shown if it fails. STACKWRIGHT_KEEP_BED=1 leaves the Swarm up.
set -eu
cd "$(dirname "$0")/../.."
sh tests/tools/bootstrap.sh run molecule
root=$(pwd)
work=$root/.cache/molecule
python=$root/.cache/venv/bin/python
export PATH="$root/.cache/venv/bin:$PATH" LC_ALL=C.UTF-8 NO_COLOR=1 STACKWRIGHT_TEST_BED="${STACKWRIGHT_TEST_BED:-molecule}"
# A separate state: that of an earlier run would show a Swarm that no longer exists.
export MOLECULE_EPHEMERAL_DIRECTORY="$work/state"
rm -rf "$work"
mkdir -p "$work"

# Molecule gets its own session, so that an interrupt ends all of its processes before the Swarm is removed.
running=''
take_down() {
    [ -z "$running" ] || { kill -s TERM -- "-$running" && wait "$running"; } 2>/dev/null || true
    [ "${STACKWRIGHT_KEEP_BED:-}" = 1 ] || "$python" tests/testbed down --prefix "$STACKWRIGHT_TEST_BED" >/dev/null
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

run() { # LOG COMMAND...
    log=$1
    shift
    setsid "$@" >"$log" 2>&1 </dev/null &
    running=$!
    status=0
    wait "$running" || status=$?
    running=''
    return "$status"
}
show() { # LOG
    sed 's/^/    /' "$1" | tail -n "${MOLECULE_LINES:-80}"
}

begin=$(date +%s)
if ! run "$work/create.log" molecule create --scenario-name default; then
    show "$work/create.log"
    echo "molecule: the Swarm could not be created"
    exit 1
fi
echo "molecule: a Swarm of three nodes is up, $(($(date +%s) - begin)) s"

[ $# -gt 0 ] || set -- $(cd extensions/molecule && for file in */molecule.yml; do dirname "$file"; done | grep -vx default)
failed=''
for scenario in "$@"; do
    start=$(date +%s)
    if run "$work/$scenario.log" molecule test --scenario-name "$scenario" --destroy never --no-command-borders; then
        result=passed
    else
        result=FAILED
        failed="$failed $scenario"
        show "$work/$scenario.log"
    fi
    echo "molecule: $scenario $result, $(($(date +%s) - start)) s"
done

if [ "${STACKWRIGHT_KEEP_BED:-}" != 1 ] && ! run "$work/destroy.log" molecule destroy --scenario-name default; then
    show "$work/destroy.log"
    failed="$failed destroy"
fi
echo "molecule: $# scenarios, failed:${failed:- none}; $(($(date +%s) - begin)) s in all"
[ -z "$failed" ]

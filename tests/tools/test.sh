#!/bin/sh
# `make test`: all tests except the longest. Tests on a Swarm wait half of the time, so the steps without a Swarm run
# beside them with lower priority. Reports the begin and end of each step. A failure stops no other step; the exit status is 1.
set -eu
cd "$(dirname "$0")/../.."
logs=$(pwd)/.cache/test
begin=${TEST_BEGIN:-$(date +%s)}
say() { echo "test: [$(printf '%4d' $(($(date +%s) - begin))) s] $*"; }

attempt() { # NAME
    { make --no-print-directory "$1" 2>&1 </dev/null && touch "$logs/$1.passed"; } | $show "$logs/$1.log" || true
    [ -e "$logs/$1.passed" ]
}
step() { # NAME: make NAME. The output is shown at once in the first lane, and in the second at the end if it fails
    start=$(date +%s)
    say "$1 begins"
    # Linters and documents fetch packages, which may fail on a busy machine. unit and slow repeat failed tests themselves.
    if ! attempt "$1" && [ "$show" = quietly ] && [ "$1" != unit ] && [ "$1" != slow ]; then
        say "$1 has failed after $(($(date +%s) - start)) s, and is tried once more"
        mv "$logs/$1.log" "$logs/$1.first.log"
        attempt "$1" && echo "$1.first" >>"$logs/unstable" || true
    fi
    if [ -e "$logs/$1.passed" ]; then
        say "$1 passed in $(($(date +%s) - start)) s: $(tail -n 1 "$logs/$1.log")"
    else
        say "$1 FAILED after $(($(date +%s) - start)) s; its output is in .cache/test/$1.log"
        echo "$1" >>"$logs/failed"
    fi
}
show_ends() { # FILE: shows the ends of the logs that the file names, last, where readers look first
    while read -r name; do
        say "the end of .cache/test/$name.log:"
        tail -n "${TEST_LINES:-80}" "$logs/$name.log" || true
    done <"$logs/$1"
}
quietly() { cat >"$1"; }

if [ "${1:-}" = beside ]; then
    show=quietly
    # If the kernel shares CPU time among sessions first, "nice" alone counts only within this session.
    { echo 10 >/proc/self/autogroup; } 2>/dev/null || true
    for name in unit slow differential lint docs package browser; do step "$name"; done
    exit 0
fi

rm -rf "$logs"
mkdir -p "$logs"
say "setting up the tests in .cache/"
sh tests/tools/bootstrap.sh run test docs browser
# Its own session, so that an interrupt ends all of its processes.
TEST_BEGIN=$begin setsid nice -n 10 sh "$0" beside &
beside=$!
trap '[ -z "$beside" ] || kill -s TERM -- "-$beside" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
show=tee
for name in integration faults; do step "$name"; done
say "waiting for the steps beside"
wait "$beside" || echo "the steps beside" >>"$logs/failed"
beside=''
if [ -e "$logs/unstable" ]; then
    say "UNSTABLE, passed at the second try only"
    show_ends unstable
fi
if [ -e "$logs/failed" ]; then
    show_ends failed
    say "FAILED: $(tr '\n' ' ' <"$logs/failed")"
    exit 1
fi
say "all passed"

#!/bin/sh
# Plays tests/integration/smoke.yml with every supported ansible-core, each in a separate virtual environment, on one Swarm.
# Names and skips a version whose Python this machine does not have.
set -eu
cd "$(dirname "$0")/../.."
sh tests/tools/bootstrap.sh
own=$(python3 -c 'import sys; print(sys.executable)')
prefix=${STACKWRIGHT_TEST_BED:-cores}
"$own" tests/testbed up --prefix "$prefix" >/dev/null
[ "${STACKWRIGHT_KEEP_BED:-}" = 1 ] || trap '"$own" tests/testbed down --prefix "$prefix" >/dev/null' EXIT
image=$("$own" tests/testbed image --prefix "$prefix" busybox)
docker_host=$("$own" tests/testbed status | sed -n "/ $prefix:/,/^bed/s/.*DOCKER_HOST=\(.*\)/\1/p" | head -n 1)
root=$(pwd)
passed='' failed='' missing=''

for pair in ${STACKWRIGHT_CORES:-2.16/3.11 2.17/3.11 2.18/3.11 2.19/3.11 2.20/3.12 2.20/3.13 2.21/3.12 2.21/3.13}; do
    core=${pair%/*} version=${pair#*/}
    venv=$(sh tests/tools/core_venv.sh "$pair") || { missing="$missing $pair"; continue; }
    log=$venv/smoke.log
    if ANSIBLE_COLLECTIONS_PATH=$root/.cache/collections ANSIBLE_HOME=$root/$venv/home ANSIBLE_DEPRECATION_WARNINGS=true \
        ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_NOCOLOR=1 LC_ALL=C.UTF-8 \
        "$venv/bin/ansible-playbook" -i localhost, -c local -e "ansible_python_interpreter=$root/$venv/bin/python" \
        -e "docker_host=$docker_host" -e "image=$image" -e "stack_name=core-$(echo "$pair" | tr ./ --)" \
        tests/integration/smoke.yml >"$log" 2>&1 && ! grep -E 'Traceback|DEPRECATION' "$log"; then
        passed="$passed $pair"
        echo "cores: ansible-core $("$venv/bin/ansible" --version | sed -n '1s/.*core \(.*\)]/\1/p') on Python $version passed"
    else
        failed="$failed $pair"
        echo "cores: ansible-core $core on Python $version failed ($log):"
        grep -v '^$' "$log" | tail -n 25
    fi
done
echo "cores: passed:$passed; failed:${failed:- none}; left out:${missing:- none}"
[ -z "$failed" ]

#!/bin/sh
# Runs ansible-test sanity over a copy of the tracked files: ansible-test wants a real path
# .../ansible_collections/stackwright/swarm and a git repository of its own.
set -eu
cd "$(dirname "$0")/../.."
root=$(pwd)
work=$root/.cache/sanity
copy=$work/ansible_collections/stackwright/swarm
rm -rf "$copy"
mkdir -p "$copy" "$work/home/.ansible/test/cache"
# Of tests/ only what ansible-test itself reads: the rest is data on purpose, and ruff's business.
git ls-files -z --cached --others --exclude-standard -- . ':!tests' tests/config.yml 'tests/sanity/*' |
    xargs -0 cp --parents -t "$copy" 2>/dev/null || true
# ansible-test would download pip's installer from a host that not every machine reaches.
python=$(python3 -c 'import sys; print(sys.executable)')
cat >"$work/home/.ansible/test/cache/get_pip_24_2.py" <<P
import os, subprocess, sys, tempfile
folder = tempfile.mkdtemp()
subprocess.check_call(["$python", "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "pip==24.2"])
wheel = os.path.join(folder, os.listdir(folder)[0])
sys.exit(subprocess.call([sys.executable, os.path.join(wheel, "pip"), "install", "-q", "--no-index", "--find-links", folder, "pip"]))
P
export HOME="$work/home" ANSIBLE_TEST_PREFER_PODMAN=0
# pyenv's shims confuse ansible-test's search for interpreters.
PATH=$root/.cache/venv/bin:$(printf %s "$PATH" | tr : '\n' | grep -v pyenv | paste -sd :)
export PATH
cd "$copy"
git init -q . && git add -A
log=$work/sanity.log
status=0
ansible-test sanity --python "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --color no "$@" >"$log" 2>&1 || status=$?
grep -E '^(ERROR|FATAL|WARNING: Unable|See documentation)' "$log" | tail -n 60 || true
if grep -q 'All targets skipped' "$log"; then
    echo "sanity: ansible-test found no targets" >&2
    exit 1
fi
[ "$status" -eq 0 ] && echo "sanity: passed"
exit "$status"

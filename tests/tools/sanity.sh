#!/bin/sh
# Runs ansible-test sanity over the built archive, as a user of the collection would: with our own ansible-core, or with
# those of STACKWRIGHT_CORES, such as "2.16/3.11 2.21/3.13". ansible-test needs a real path
# .../ansible_collections/stackwright/swarm and a separate git repository.
set -eu
cd "$(dirname "$0")/../.."
root=$(pwd)
work=$root/.cache/sanity
rm -rf "$work/source" "$work/build"
mkdir -p "$work/source" "$work/build"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/source" 2>/dev/null || true
"$root/.cache/venv/bin/ansible-galaxy" collection build "$work/source" --output-path "$work/build" >/dev/null

check() { # VENV NAME ARGUMENT...
    bin=$root/$1/bin home=$work/$2
    shift 2
    version=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    copy=$home/ansible_collections/stackwright/swarm
    rm -rf "$copy"
    mkdir -p "$copy" "$home/.ansible/test/cache"
    tar -xzf "$work"/build/*.tar.gz -C "$copy"
    # ansible-test creates an environment for each test, with an installer from a host that not every machine reaches.
    # uv replaces pip, and needs a tenth of its CPU time.
    # Garbage collection is off in these environments: it took a fifth of pylint's time.
    for pip in $(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$root/$venv"/lib/python*/site-packages/ansible_test/_internal/python_requirements.py); do
        cat >"$home/.ansible/test/cache/get_pip_$(echo "$pip" | tr . _).py" <<P
import pathlib, sysconfig
folder = pathlib.Path(sysconfig.get_path("purelib"), "pip")
folder.mkdir()
folder.with_suffix(".pth").write_text("import gc; gc.disable()")
(folder / "__init__.py").touch()
(folder / "__main__.py").write_text("""
import os, subprocess, sys
command, *rest = [word for word in sys.argv[1:] if word not in ("--disable-pip-version-check", "-y")]
if command != "-V":
    sys.exit(subprocess.call(
        ["$own", "-m", "uv", "pip", command, "--quiet", "--python", sys.executable, *rest],
        env={**os.environ, "PYTHONPATH": "$root/.cache/uv", "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy", "UV_CACHE_DIR": "$packages"}))
""")
P
    done
    log=$home/sanity.log
    status=0
    # pyenv's shims confuse ansible-test's search for interpreters.
    (cd "$copy" && git init -q . && git add -A &&
        HOME=$home ANSIBLE_TEST_PREFER_PODMAN=0 PATH=$bin:$(printf %s "$PATH" | tr : '\n' | grep -v pyenv | paste -sd :) \
            ansible-test sanity --python "$version" --color no "$@" >"$log" 2>&1) || status=$?
    grep -E '^(ERROR|FATAL|WARNING: Unable|See documentation)' "$log" | tail -n 60 || true
    if grep -q 'All targets skipped' "$log"; then
        echo "sanity: ansible-test found no targets" >&2
        return 1
    fi
    [ "$status" -eq 0 ] && echo "sanity: ansible-core $("$bin/python" -c 'from ansible.release import __version__; print(__version__)') passed"
    return "$status"
}

own=$(python3 -c 'import sys; print(sys.executable)')
packages=$(PYTHONPATH=.cache/uv "$own" -m uv cache dir)
failed=0
if [ -z "${STACKWRIGHT_CORES:-}" ]; then
    venv=.cache/venv
    check "$venv" own "$@" || failed=1
fi
for pair in ${STACKWRIGHT_CORES:-}; do
    venv=$(sh tests/tools/core_venv.sh "$pair") || continue
    check "$venv" "$(basename "$venv")" "$@" || failed=1
done
exit "$failed"

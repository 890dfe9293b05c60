#!/bin/sh
# core_venv.sh 2.16/3.11 creates .cache/cores/2.16-3.11, a virtual environment with the newest ansible-core 2.16, and prints its
# path. Ends with 3 and a reason if this machine has no such Python, or ansible-core can't be installed.
set -eu
cd "$(dirname "$0")/../.."
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
own=$(python3 -c 'import sys; print(sys.executable)')
uv() { PYTHONPATH=.cache/uv "$own" -m uv "$@"; }
core=${1%/*} version=${1#*/}
venv=.cache/cores/$core-$version
if [ ! -e "$venv/ready" ]; then
    # The interpreter itself, not one of pyenv's shims: they fail for a version that is not selected.
    python=''
    for found in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version" /usr/bin/"python$version" /usr/local/bin/"python$version"; do
        [ -x "$found" ] && python=$found && break
    done
    [ -n "$python" ] || { echo "ansible-core $core is left out: no Python $version here" >&2; exit 3; }
    uv venv --quiet --clear --python "$python" "$venv"
    if ! uv pip install --quiet --python "$venv/bin/python" "ansible-core==$core.*" PyYAML 2>"$venv/install.log"; then
        echo "ansible-core $core on Python $version is left out: it can't be installed" >&2
        tail -n 5 "$venv/install.log" >&2
        exit 3
    fi
    touch "$venv/ready"
fi
echo "$venv"

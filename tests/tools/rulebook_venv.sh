#!/bin/sh
# Creates .cache/rulebook, a virtual environment with ansible-rulebook, and prints its path. Ends with 3 and a reason if there is no Java, or
# ansible-rulebook can't be installed.
set -eu
cd "$(dirname "$0")/../.."
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
command -v java >/dev/null || { echo "ansible-rulebook is left out: no Java here" >&2; exit 3; }
venv=.cache/rulebook
if [ ! -e "$venv/ready" ]; then
    python=$(python3 -c 'import sys; print(sys.executable)')
    uv() { PYTHONPATH=.cache/uv "$python" -m uv "$@"; }
    uv venv --quiet --clear --python "$python" "$venv"
    if ! uv pip install --quiet --python "$venv/bin/python" "ansible-rulebook==1.3.2" "ansible-core==2.19.14" docker==7.2.0 2>"$venv/install.log"; then
        echo "ansible-rulebook is left out: it can't be installed" >&2
        tail -n 5 "$venv/install.log" >&2
        exit 3
    fi
    touch "$venv/ready"
fi
echo "$(pwd)/$venv"

#!/bin/sh
# Installs the dependency groups of pyproject.toml that are named as arguments (run, test, docs) into .cache/venv,
# and links this checkout as an installed collection. Skips everything that is done already.
set -eu
cd "$(dirname "$0")/../.."
UV_VERSION=0.13.8
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
# pyenv's shims confuse uv's search for interpreters: use the interpreter of python3.
python=$(python3 -c 'import sys; print(sys.executable)')

mkdir -p .cache/collections/ansible_collections/stackwright
[ -e .cache/collections/ansible_collections/stackwright/swarm ] ||
    ln -s ../../../.. .cache/collections/ansible_collections/stackwright/swarm

if [ ! -d .cache/uv ]; then
    echo "bootstrap: installing uv $UV_VERSION"
    "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
        --target .cache/uv.part "uv==$UV_VERSION"
    mv .cache/uv.part .cache/uv
fi
uv() { PYTHONPATH=.cache/uv "$python" -m uv "$@"; }
[ -x .cache/venv/bin/python ] || uv venv --quiet --python "$python" .cache/venv

stamp=.cache/venv/stackwright-groups
want=$(cat pyproject.toml tests/constraints.txt | cksum)
for group in "$@"; do
    grep -qsxF "$group $want" "$stamp" && continue
    echo "bootstrap: installing the dependency group '$group' into .cache/venv"
    uv pip install --quiet --python .cache/venv/bin/python --constraints tests/constraints.txt --group "$group"
    echo "$group $want" >>"$stamp"
done

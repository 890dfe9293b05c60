#!/bin/sh
# Creates .cache/compare: ansible-core with community.docker, for comparisons in the benchmark.
set -eu
cd "$(dirname "$0")/../.."
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
sh tests/tools/bootstrap.sh run
[ -e .cache/compare/ready ] && exit 0
python=$(python3 -c 'import sys; print(sys.executable)')
uv() { PYTHONPATH=.cache/uv "$python" -m uv "$@"; }
uv venv --quiet --clear --python "$python" .cache/compare
uv pip install --quiet --python .cache/compare/bin/python "ansible==12.3.0" "ansible-core==2.19.14" "docker==7.2.0" "jsondiff==2.2.1" jsonschema
touch .cache/compare/ready

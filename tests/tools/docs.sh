#!/bin/sh
# Builds the documentation site: guides, plugins, roles and playbooks, in .cache/docs/html. Any warning is an error.
set -eu
cd "$(dirname "$0")/../.."
sh tests/tools/bootstrap.sh run docs site
work=$(pwd)/.cache/docs
bin=$(pwd)/.cache/venv/bin
rm -rf "$work/source" "$work/html"
mkdir -p "$work/source/collections"
"$bin/python" tests/tools/docs_site.py "$work/source"
PATH=$bin:$PATH ANSIBLE_COLLECTIONS_PATH=$(pwd)/.cache/collections "$bin/antsibull-docs" collection --use-current \
    --squash-hierarchy --fail-on-error --dest-dir "$work/source/collections" stackwright.swarm >"$work/antsibull.log" 2>&1 ||
    { cat "$work/antsibull.log"; exit 1; }
"$bin/sphinx-build" -q -W --keep-going -b html "$work/source" "$work/html"
echo "docs: $(find "$work/html" -name '*.html' | wc -l) pages, see .cache/docs/html/index.html"

#!/bin/sh
# Checks that don't run the code. lint.sh quick: only the steps that take seconds.
set -eu
cd "$(dirname "$0")/../.."
sh tests/tools/bootstrap.sh run test docs
bin=$(pwd)/.cache/venv/bin
step() { echo "lint: $1"; }
step "ruff"
"$bin/ruff" check .
"$bin/ruff" format --check --quiet . || { "$bin/ruff" format --diff . | tail -n 40; exit 1; }
step "yamllint"
"$bin/yamllint" --strict .
step "changelog"
# Takes half of the time of the quick steps, so files that passed before are skipped.
passed=.cache/lint-changelog
files=$(find changelogs -type f -exec cksum {} + | sort)
if [ "${1:-}" != quick ] || [ "$files" != "$(cat "$passed" 2>/dev/null)" ]; then
    PATH=$bin:$PATH "$bin/antsibull-changelog" lint
    PATH=$bin:$PATH "$bin/antsibull-changelog" lint-changelog-yaml changelogs/changelog.yaml
    echo "$files" >"$passed"
fi
# Fragments are reStructuredText: markup of module documentation or Markdown would be shown unchanged.
if grep -rnE '(^|[^A-Za-z])(C|O|V|M|P|I|B|RV)\(|(^|[^`:])`[^`]+`([^`_]|$)' changelogs --include='*.y*ml'; then
    echo "lint: write code in double backticks in changelogs/"
    exit 1
fi
step "spelling"
git ls-files -z --cached --others --exclude-standard | xargs -0 "$bin/codespell"
step "mypy"
(cd .cache/collections && "$bin/mypy" --config-file ansible_collections/stackwright/swarm/pyproject.toml \
    -p ansible_collections.stackwright.swarm.plugins)
[ "${1:-}" != quick ] || exit 0
step "ansible-lint"
PATH=$bin:$PATH ANSIBLE_COLLECTIONS_PATH=$(pwd)/.cache/collections "$bin/python" tests/tools/ansible_lint.py --offline -q
step "documentation"
(cd .cache/collections/ansible_collections/stackwright/swarm &&
    PATH=$bin:$PATH ANSIBLE_COLLECTIONS_PATH=$(pwd)/../../.. "$bin/antsibull-docs" lint-collection-docs --plugin-docs --skip-rstcheck .)
sh tests/tools/sanity.sh

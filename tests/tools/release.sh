#!/bin/sh
# Prepares a release: sh tests/tools/release.sh VERSION. docs/release.md has the steps before and after.
set -eu
cd "$(dirname "$0")/../.."
version=${1:?usage: sh tests/tools/release.sh VERSION}
say() { echo "release: $*"; }
fail() { say "$*" >&2; exit 1; }

echo "$version" | grep -qE '^[0-9]+\.[0-9]+\.[0-9]+(-rc[0-9]+)?$' || fail "$version is not a version such as 1.2.3 or 1.2.3-rc1"
[ -z "$(git status --porcelain)" ] || fail "the working tree has changes; commit or stash them"
! grep -qxF "  $version:" changelogs/changelog.yaml || fail "$version is in changelogs/changelog.yaml already"
sh tests/tools/bootstrap.sh run docs
bin=$(pwd)/.cache/venv/bin
export PATH="$bin:$PATH"

sed -i "s/^version: .*/version: $version/" galaxy.yml
antsibull-changelog lint
# From the link in .cache: ansible-doc must find the collection by its name.
(cd .cache/collections/ansible_collections/stackwright/swarm && antsibull-changelog release --version "$version" --reload-plugins)
say "$version is in galaxy.yml and CHANGELOG.rst"

sh tests/tools/package.sh | tail -n 1
rm -rf .cache/release
mkdir -p .cache/release
cp .cache/package/build/*.tar.gz .cache/release/
(cd .cache/release && sha256sum ./*.tar.gz >SHA256SUMS)
for format in md rst; do # for the release's page, and for the tag
    antsibull-changelog generate --output ".cache/release/NOTES.$format" --output-format "$format" --only-latest "$version"
done
say "$(cd .cache/release && ls | tr '\n' ' ')are in .cache/release"
cat <<NEXT

Read git diff and CHANGELOG.rst. Then:
  git add -A && git commit -m "Release $version"
  git tag -a v$version -F .cache/release/NOTES.rst
  git push --follow-tags
Then publish the archive with NOTES.md, see docs/release.md.
NEXT

#!/bin/sh
# Puts Debian sid's docker-compose (the oracle for loading) into .cache/tools/docker-compose and prints its path.
# Needs apt; does not change the system's own sources and state. Skips everything that is done already.
set -eu
cd "$(dirname "$0")/../.."
tools=$PWD/.cache/tools
binary=$tools/docker-compose
if [ ! -x "$binary" ]; then
    apt=$tools/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/unpacked"
    # The mirror is the one this machine already uses.
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/*$' || true)
    [ -n "$mirror" ] || { echo "fetch_compose: this machine's apt knows no Debian mirror" >&2; exit 1; }
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] $mirror sid main" >"$apt/sources.list"
    scratch_apt() {
        apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
            -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
            -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
    }
    scratch_apt update >&2
    (cd "$apt" && scratch_apt download docker-compose >&2)
    dpkg -x "$apt"/docker-compose_*.deb "$apt/unpacked"
    found=$(find "$apt/unpacked" -type f -name docker-compose -perm -u+x | head -n 1)
    mv "$found" "$binary"
    rm -rf "$apt"
fi
echo "$binary"

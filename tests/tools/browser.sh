#!/bin/sh
# Installs the programs for the report's tests in a browser: Debian's chromium, playwright to control it, and axe-core for
# accessibility rules. Skips everything that is done already. Names what is not available; its tests are then skipped.
set -eu
cd "$(dirname "$0")/../.."
AXE_VERSION=4.14.1
sh tests/tools/bootstrap.sh run test browser
axe=.cache/tools/axe-$AXE_VERSION.js
if [ ! -e "$axe" ]; then
    mkdir -p .cache/tools/axe.part
    if (cd .cache/tools/axe.part && npm pack --silent "axe-core@$AXE_VERSION" >/dev/null && tar -xzf axe-core-*.tgz); then
        mv .cache/tools/axe.part/package/axe.min.js "$axe"
    else
        echo "browser: there is no axe-core: npm can't fetch it" >&2
    fi
    rm -rf .cache/tools/axe.part
fi
if ! command -v chromium >/dev/null; then
    echo "browser: installing chromium"
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; } ||
        echo "browser: there is no chromium: apt can't install it" >&2
fi

#!/bin/sh
# Lints docs/openapi.json by Spectral. It is installed into a folder of its own, since it would bring some 200 packages, 68 MB, into
# node_modules. Ends with 0 when all is well, 75 when it cannot be had.
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
npm install --prefix "$tools" --no-save --ignore-scripts --no-audit --no-fund --prefer-offline --silent @stoplight/spectral-cli@6.16.3 || exit 75
"$tools/node_modules/.bin/spectral" lint --fail-severity warn --ruleset .ci/spectral.yaml docs/openapi.json

#!/bin/sh
# Makes the gateway's database on a volume that was just formatted, under the storage key that was fetched.
set -eu

if [ "${1-}" = --help ]; then
  echo 'init-database.sh: runs quorate-gateway init where install-gateway.sh has left the file "new" beside QUORATE_DATABASE' && exit 0
fi
: "${QUORATE_DATABASE:?must be set}" "${QUORATE_STORAGE_KEY_FILE:?must be set}"
gateway=${QUORATE_GATEWAY_FOLDER:-/opt/quorate/gateway}
new=$(dirname "$QUORATE_DATABASE")/new
[ -e "$new" ] || exit 0
[ -s "$QUORATE_DATABASE" ] || "$gateway/node_modules/.bin/node" "$gateway/gateway/bin/quorate-gateway.js" init
rm -f "$new"

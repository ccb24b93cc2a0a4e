#!/bin/sh
# Puts the key of the gateway's database rows into memory (/run), where the gateway alone may read it.
set -eu

if [ "${1-}" = --help ]; then
  echo 'fetch-storage-key.sh: writes /run/quorate/storage.key from the secret STORAGE_KEY_SECRET in AWS_REGION' && exit 0
fi
: "${STORAGE_KEY_SECRET:?must be set}" "${AWS_REGION:?must be set}"
folder=${QUORATE_RUN_FOLDER:-/run/quorate}
umask 077
draft=$(mktemp "$folder/.storage.key.XXXXXX")
trap 'rm -f "$draft"' EXIT
aws secretsmanager get-secret-value --region "$AWS_REGION" --secret-id "$STORAGE_KEY_SECRET" \
  --query SecretString --output text >"$draft"
grep -Eqx '[0-9a-f]{64}' "$draft" || { echo 'fetch-storage-key.sh: the secret is not 32 bytes in hex' >&2; exit 1; }
chown "${QUORATE_USER:-quorate}" "$draft"
mv -f "$draft" "$folder/storage.key"

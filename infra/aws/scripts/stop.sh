#!/bin/sh
# Stops the enclave of this host. Its sealed root and shares are at the gateway; nothing is lost but what it was doing.
set -eu

usage() {
  cat <<'EOF'
Stops every enclave of this host.

  stop.sh

Nothing to stop is no error.
EOF
}
fail() { echo "stop.sh: $1" >&2; exit 1; }

case ${1-} in
  --help) usage; exit 0 ;;
  '') ;;
  *) fail "no such option: $1 (--help)" ;;
esac
command -v nitro-cli >/dev/null || fail 'nitro-cli is not installed'

here() { nitro-cli describe-enclaves | grep -c '"EnclaveID"' || true; }
if [ "$(here)" -eq 0 ]; then echo 'stop.sh: nothing runs'; exit 0; fi
nitro-cli terminate-enclave --all >/dev/null
[ "$(here)" -eq 0 ] || fail 'an enclave is still there'
echo 'stop.sh: stopped'

#!/bin/sh
# Runs the one enclave of this host, never in debug mode.
set -eu

usage() {
  cat <<'EOF'
Starts the enclave of this host, unless it runs already.

  run.sh --eif FILE [--cid 16] [--cpus 2] [--memory 1024] [--watch]

  --memory  MiB, within what allocator.yaml reserves
  --watch   stay, and end with 1 when the enclave is gone or is another: for systemd, which then starts it again

There is no debug mode here: its console is open to the host, and KMS gives it nothing.
EOF
}
fail() { echo "run.sh: $1" >&2; exit 1; }
number() { case $2 in '' | *[!0-9]*) fail "$1: not a number: $2" ;; esac }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
eif='' cid=16 cpus=2 memory=1024 watch=no
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --eif) eif=${2:?--eif needs a file}; shift 2 ;;
    --cid) cid=${2:?--cid needs a number}; shift 2 ;;
    --cpus) cpus=${2:?--cpus needs a number}; shift 2 ;;
    --memory) memory=${2:?--memory needs MiB}; shift 2 ;;
    --watch) watch=yes; shift ;;
    *) fail "no such option: $1 (--help)" ;;
  esac
done
[ -n "$eif" ] || fail 'give --eif (--help)'
[ -f "$eif" ] || fail "there is no $eif"
number --cid "$cid"
number --cpus "$cpus"
number --memory "$memory"
# 0 to 2 are the hypervisor, the loopback and the host; 3 is what an enclave calls its parent.
[ "$cid" -gt 3 ] || fail "--cid: 0 to 3 are taken"
command -v nitro-cli >/dev/null || fail 'nitro-cli is not installed'

wanted=$("$here/measure.sh" --eif "$eif" | sed -n 's/^ *"0": "\([0-9a-f]*\)".*/\1/p')
field() { nitro-cli describe-enclaves | tr ',{}' '[\n*]' | sed -n "s/^ *\"$1\" *: *\"\([^\"]*\)\" *$/\1/p"; }
# running: our image, not in debug mode · none · other
state() {
  ids=$(field EnclaveID | wc -l)
  if [ "$ids" -eq 0 ]; then echo none
  elif [ "$ids" -eq 1 ] && [ "$(field State)" = RUNNING ] && [ "$(field Flags)" = NONE ] && [ "$(field PCR0)" = "$wanted" ]
  then echo running
  else echo other; fi
}

case $(state) in
  running) echo 'run.sh: it runs already' ;;
  other) fail 'another enclave, or one that is not well, is on this host: stop.sh first' ;;
  none)
    nitro-cli run-enclave --eif-path "$eif" --enclave-name quorate --enclave-cid "$cid" \
      --cpu-count "$cpus" --memory "$memory" >/dev/null
    [ "$(state)" = running ] || fail 'it was started and does not run'
    echo "run.sh: started with CID $cid"
    ;;
esac
[ "$watch" = yes ] || exit 0
while sleep "${QUORATE_WATCH_SECONDS:-5}"; do
  now=$(state)
  [ "$now" = running ] || fail "the enclave is no longer what was started: $now"
done

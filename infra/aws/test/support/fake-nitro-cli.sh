#!/bin/sh
# Stands for nitro-cli on a host: one enclave at most, its state in files of $FAKE_NITRO. Answers in nitro-cli's JSON.
set -eu
command=$1
shift
echo "$command $*" >>"$FAKE_NITRO/calls"
option() { want=$1; shift; while [ $# -gt 0 ]; do [ "$1" != "$want" ] || { echo "$2"; return; }; shift; done; }
# An image of the tests is a file with the digit of its PCR0 and, when it is signed, an s behind it.
digits() { printf "%96s" '' | tr ' ' "$1"; }
case $command in
  describe-eif)
    image=$(cat "$(option --eif-path "$@")")
    printf '{\n  "EifVersion": 4,\n  "Measurements": {\n    "HashAlgorithm": "Sha384 { ... }",\n'
    case $image in *short*) pcr0=abc ;; *) pcr0=$(digits "${image%"${image#?}"}") ;; esac
    printf '    "PCR0": "%s",\n    "PCR1": "%s",\n    "PCR2": "%s"' "$pcr0" "$(digits b)" "$(digits c)"
    case $image in ?s) printf ',\n    "PCR8": "%s"' "$(digits d)" ;; esac
    printf '\n  },\n  "IsSigned": true\n}\n' ;;
  sign-eif)
    file=$(option --eif-path "$@")
    [ ! -f "$FAKE_NITRO/sign-fails" ] || exit 1
    image=$(cat "$file")
    printf '%ss' "${image%s}" >"$file" ;;
  run-enclave)
    [ ! -f "$FAKE_NITRO/enclave" ] || exit 1
    cat "$(option --eif-path "$@")" >"$FAKE_NITRO/enclave" ;;
  describe-enclaves)
    [ -f "$FAKE_NITRO/enclave" ] || { echo '[]'; exit 0; }
    flags=NONE
    [ ! -f "$FAKE_NITRO/debug" ] || flags=DEBUG_MODE
    image=$(cat "$FAKE_NITRO/enclave")
    printf '[\n  {\n    "EnclaveName": "quorate",\n    "EnclaveID": "i-0-enc0",\n    "EnclaveCID": 16,\n'
    printf '    "CPUIDs": [\n      1,\n      3\n    ],\n    "State": "RUNNING",\n    "Flags": "%s",\n' "$flags"
    printf '    "Measurements": {\n      "HashAlgorithm": "Sha384 { ... }",\n      "PCR0": "%s"\n    }\n  }\n]\n' \
      "$(digits "${image%"${image#?}"}")" ;;
  terminate-enclave) rm -f "$FAKE_NITRO/enclave" ;;
  *) exit 2 ;;
esac

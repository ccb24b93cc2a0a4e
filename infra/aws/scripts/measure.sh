#!/bin/sh
# Prints the measurements of an enclave image as pcrs.json: what the key policy and the trust file take.
set -eu

usage() {
  cat <<'EOF'
Prints PCR0, PCR1, PCR2 and, of a signed image, PCR8.

  measure.sh --eif FILE

It fails when a register is missing, is not SHA-384, or is zero.
EOF
}
fail() { echo "measure.sh: $1" >&2; exit 1; }

eif=''
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --eif) eif=${2:?--eif needs a file}; shift 2 ;;
    *) fail "no such option: $1 (--help)" ;;
  esac
done
[ -n "$eif" ] || fail 'give --eif (--help)'
[ -f "$eif" ] || fail "there is no $eif"
command -v nitro-cli >/dev/null || fail 'nitro-cli is not installed'

description=$(nitro-cli describe-eif --eif-path "$eif")
register() {
  printf '%s' "$description" | tr ',{}' '[\n*]' | sed -n "s/^ *\"PCR$1\" *: *\"\([0-9a-f]*\)\" *$/\1/p" | head -n 1
}
check() {
  [ -n "$2" ] || fail "PCR$1 is missing"
  [ "${#2}" -eq 96 ] || fail "PCR$1 is not 48 bytes"
  case $2 in *[!0]*) ;; *) fail "PCR$1 is zero" ;; esac
}
pcr0=$(register 0) pcr1=$(register 1) pcr2=$(register 2) pcr8=$(register 8)
check 0 "$pcr0"
check 1 "$pcr1"
check 2 "$pcr2"
if [ -n "$pcr8" ]; then check 8 "$pcr8"; fi
printf '{\n  "0": "%s",\n  "1": "%s",\n  "2": "%s"' "$pcr0" "$pcr1" "$pcr2"
if [ -n "$pcr8" ]; then printf ',\n  "8": "%s"' "$pcr8"; fi
printf '\n}\n'

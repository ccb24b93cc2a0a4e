#!/bin/sh
# Signs an enclave image. The certificate becomes PCR8; PCR0, 1 and 2 stay what they were.
set -eu

usage() {
  cat <<'EOF'
Signs an enclave image and prints its measurements.

  sign.sh --eif FILE --key KEY --certificate FILE

  --key          ARN of a KMS key (ECC_NIST_P384, SIGN_VERIFY), or a file with a P-384 private key
  --certificate  the signing certificate, PEM. nitro-cli refuses to run an image whose certificate has ended.

Signing again replaces the signature. The image is left as it was when something fails.
EOF
}
fail() { echo "sign.sh: $1" >&2; exit 1; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
eif='' key='' certificate=''
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --eif) eif=${2:?--eif needs a file}; shift 2 ;;
    --key) key=${2:?--key needs an ARN or a file}; shift 2 ;;
    --certificate) certificate=${2:?--certificate needs a file}; shift 2 ;;
    *) fail "no such option: $1 (--help)" ;;
  esac
done
if [ -z "$eif" ] || [ -z "$key" ] || [ -z "$certificate" ]; then fail 'give --eif, --key and --certificate (--help)'; fi
[ -f "$eif" ] || fail "there is no $eif"
[ -f "$certificate" ] || fail "there is no $certificate"
case $key in arn:*) ;; *) [ -f "$key" ] || fail "there is no $key" ;; esac
command -v nitro-cli >/dev/null || fail 'nitro-cli is not installed'

draft=$(mktemp "$eif.XXXXXX")
trap 'rm -f "$draft"' EXIT
before=$("$here/measure.sh" --eif "$eif" | sed -n '2,4p' | tr -d ',')
cp "$eif" "$draft"
nitro-cli sign-eif --eif-path "$draft" --private-key "$key" --signing-certificate "$certificate" >/dev/null
after=$("$here/measure.sh" --eif "$draft")
[ "$(printf '%s' "$after" | sed -n '2,4p' | tr -d ',')" = "$before" ] || fail 'signing changed PCR0, PCR1 or PCR2'
printf '%s' "$after" | grep -q '"8":' || fail 'the image has no PCR8'
mv -f "$draft" "$eif"
printf '%s\n' "$after"

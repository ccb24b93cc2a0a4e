#!/bin/sh
# Packs what an instance needs of this folder: host/ and scripts/. Equal sources give an equal file.
set -eu

usage() {
  cat <<'EOF'
Packs the host files for the artifact bucket and prints the SHA-256 that Terraform takes.

  package-host.sh --out FILE.tar.gz
EOF
}
fail() { echo "package-host.sh: $1" >&2; exit 1; }

out=''
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --out) out=${2:?--out needs a file}; shift 2 ;;
    *) fail "no such option: $1 (--help)" ;;
  esac
done
[ -n "$out" ] || fail 'give --out (--help)'
aws=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
draft=$(mktemp "$out.XXXXXX")
trap 'rm -f "$draft"' EXIT
tar -C "$aws" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' -cf - host scripts |
  gzip -n >"$draft"
mv -f "$draft" "$out"
sha256sum "$out" | cut -d ' ' -f 1

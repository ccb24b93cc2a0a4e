#!/bin/sh
# Builds the enclave image with Docker and nitro-cli, on a machine of the build.
set -eu

usage() {
  cat <<'EOF'
Builds an enclave image file and its measurements.

  build.sh --out DIR [--dockerfile FILE] [--context DIR]

  --out         where enclave.eif and pcrs.json go; made if it is missing
  --dockerfile  default: Dockerfile.enclave of the project
  --context     default: the project

Building twice gives the same pcrs.json. An image that is there already is replaced in one step, at the end.
EOF
}
fail() { echo "build.sh: $1" >&2; exit 1; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
project=$(CDPATH='' cd -- "$here/../../.." && pwd)
out='' dockerfile="$project/Dockerfile.enclave" context=$project
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --dockerfile) dockerfile=${2:?--dockerfile needs a file}; shift 2 ;;
    --context) context=${2:?--context needs a folder}; shift 2 ;;
    *) fail "no such option: $1 (--help)" ;;
  esac
done
[ -n "$out" ] || fail 'give --out (--help)'
[ -f "$dockerfile" ] || fail "there is no $dockerfile"
command -v docker >/dev/null || fail 'docker is not installed'
command -v nitro-cli >/dev/null || fail 'nitro-cli is not installed'

mkdir -p "$out"
draft=$(mktemp -d "$out/.draft.XXXXXX")
trap 'rm -rf "$draft"' EXIT
docker build --quiet --file "$dockerfile" --tag quorate-enclave:build "$context" >/dev/null
nitro-cli build-enclave --docker-uri quorate-enclave:build --output-file "$draft/enclave.eif" >/dev/null
"$here/measure.sh" --eif "$draft/enclave.eif" >"$draft/pcrs.json"
mv -f "$draft/enclave.eif" "$draft/pcrs.json" "$out/"
echo "built $out/enclave.eif"

#!/bin/sh
# build.sh: builds mpc.wasm from the Rust sources and records its digest and theirs.
#   --build         builds aside and no more
#   --verify        builds aside and says whether it is byte for byte the committed one; writes nothing
#   --if-available  where there is no cargo or the pinned toolchain cannot be had, says so and succeeds
# Needs cargo (any since 1.78, for reading the lockfile; it compiles nothing itself), apt and x86_64.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
tools=${WASM_TOOLCHAIN:-$top/.wasm-toolchain}
verify= optional= only=
for option in "$@"; do
  case $option in
    --build) only=1 ;;
    --verify) verify=1 ;;
    --if-available) optional=1 ;;
    *) echo "unknown option $option" >&2; exit 2 ;;
  esac
done

missing() {
  echo "mpc.wasm not rebuilt: $1"
  [ -n "$optional" ] && exit 0
  exit 1
}
command -v cargo >/dev/null || missing 'cargo is not installed'
sh "$here/toolchain.sh" "$tools" || missing 'the pinned toolchain cannot be had'
tools=$(cd "$tools" && pwd)

# Remapped paths keep the machine's folders out of the artefact. The deepest call uses 15 KiB of
# stack; 64 are there, and below them nothing, so that an overflow traps. 32 MiB is what a call may use at most.
export RUSTC="$tools/bin/rustc" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$tools/bin/wasm-ld"
export RUSTFLAGS="-C target-feature=+simd128,+bulk-memory -C link-arg=-zstack-size=65536 \
-C link-arg=--initial-memory=262144 -C link-arg=--max-memory=33554432 \
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/cargo --remap-path-prefix=$here=/src"
unset RUSTUP_TOOLCHAIN CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_RUSTC_WRAPPER
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$here/target}"
(cd "$here" && cargo build --quiet --release --locked --lib --target wasm32-unknown-unknown)

built=$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/quorate_mpc.wasm
if [ -n "$only" ]; then
  echo "built $built"
elif [ -z "$verify" ]; then
  cp "$built" "$here/mpc.wasm"
  node "$here/check-digest.js" --record
elif cmp -s "$built" "$here/mpc.wasm"; then
  echo "mpc.wasm is byte for byte what its sources give: $(sha256sum <"$built" | cut -c1-64)"
else
  echo "mpc.wasm differs: committed $(sha256sum <"$here/mpc.wasm" | cut -c1-64), rebuilt $(sha256sum <"$built" | cut -c1-64)"
  exit 1
fi

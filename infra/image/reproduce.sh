#!/bin/sh
# Builds image and WASM here and again elsewhere, and compares both with each other and with what the tree records.
# Elsewhere is another folder, home, CARGO_HOME and installation, another user, umask 077, another time zone, another locale, and a
# clock 400 days ahead. Says what of that this machine does not allow. Ends with 1 at the first difference, which it names.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/quorate-elsewhere.XXXXXX")
trap 'rm -rf "$work"' EXIT
clone=$work/another/folder
log=$work/log
mkdir -p "$work/home" "$work/cargo"
cargo=${CARGO_HOME:-$HOME/.cargo}
say() { echo "reproduce: $*"; }
command -v cargo >/dev/null || { say 'cargo is not installed, and reads the lockfile of the WASM'; exit 1; }

# A user of a namespace of its own: its processes see another number, and no privilege is needed.
user='unshare --user --map-user=4711 --map-group=4711 --'
$user true 2>/dev/null || { say 'NOT another user: this machine allows no user namespace'; user=; }

# The clock lies by a library that is preloaded. Debian's of this machine, unpacked where it is not installed.
clock=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
if [ -z "$clock" ]; then
  mkdir "$work/clock"
  (cd "$work/clock" && apt-get -qq download libfaketime && dpkg-deb -x libfaketime_*.deb .) >/dev/null 2>&1 || true
  clock=$(find "$work/clock" -name libfaketime.so.1 | head -n 1)
fi
[ -n "$clock" ] || say 'NOT another clock: libfaketime is neither installed nor to be had'

# elsewhere COMMAND: there, at the true time. later COMMAND: there, at another.
elsewhere() {
  (
    umask 077
    mkdir -p "$clone" && cd "$clone"
    export npm_config_cache="${npm_config_cache:-$HOME/.npm}" npm_config_userconfig="${npm_config_userconfig:-$HOME/.npmrc}"
    export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
    export HOME="$work/home" CARGO_HOME="$work/cargo" TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 USER=another LOGNAME=another
    unset CARGO_TARGET_DIR WASM_TOOLCHAIN MAKEFLAGS MFLAGS MAKELEVEL
    # shellcheck disable=SC2086 # a command, or none
    exec $user "$@"
  ) >>"$log" 2>&1 || { tail -n 30 "$log"; say "failed elsewhere: $*"; exit 1; }
}
later() {
  if [ -z "$clock" ]; then elsewhere "$@"; return; fi
  elsewhere env LD_PRELOAD="$clock" FAKETIME=+400d NO_FAKE_STAT=1 DONT_FAKE_MONOTONIC=1 "$@"
}

say 'building here …'
make --no-print-directory -s -C "$top" eif CONFIGURATION=infra/image/configuration.example.json HSM_PROVIDER= >"$log" 2>&1 ||
  { tail -n 30 "$log"; exit 1; }

say 'installing elsewhere …'
if [ -e "$cargo/config.toml" ]; then cp "$cargo/config.toml" "$work/cargo/"; fi
(cd "$top" && git ls-files -z --cached --others --exclude-standard |
  tar --null --files-from=- --ignore-failed-read --warning=no-failed-read -cf "$work/tree.tar")
elsewhere tar -xf "$work/tree.tar" --no-same-permissions --no-same-owner
elsewhere make setup
elsewhere sh shared/mpc/toolchain.sh .wasm-toolchain
elsewhere cargo fetch --quiet --locked --manifest-path shared/mpc/Cargo.toml

say 'building elsewhere …'
later sh -c 'id -u; umask; date'
tail -n 3 "$log" | tr '\n' ' ' | sed 's/^/reproduce: elsewhere is user, umask, time: /' && echo
later make eif
later sh shared/mpc/build.sh --build
node "$top/infra/image/dist/src/compare-builds.js" --image "$top/infra/image/dist/quorate.eif" \
  --image "$clone/infra/image/dist/quorate.eif" --wasm "$top/shared/mpc/mpc.wasm" \
  --wasm "$clone/shared/mpc/target/wasm32-unknown-unknown/release/quorate_mpc.wasm"

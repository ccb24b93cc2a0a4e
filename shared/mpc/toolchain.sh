#!/bin/sh
# toolchain.sh PREFIX: unpacks a rustc with the standard library for wasm32 into PREFIX. Installs nothing, needs no root.
# Debian's packages of rustc 1.85.1. What decides the artefact's bytes is pinned in toolchain.sha256; the libraries that
# rustc and the linker merely run on are the suite's. They need a newer glibc than an older Debian has, so both run through
# the loader that comes with them. Sources: DEBIAN_MIRROR (an address or a folder), the machine's mirror, snapshot.debian.org.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
pins=$here/toolchain.sha256
libraries=$(sed -n 's/^# libraries //p' "$pins")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ "$(uname -m)" = x86_64 ] || { echo 'the pinned toolchain is for x86_64' >&2; exit 1; }
[ -e "$keyring" ] || { echo 'what is not pinned is checked with debian-archive-keyring, which is not installed' >&2; exit 1; }

apt() {
  tool=$1 && shift
  "apt-$tool" -qq -o Dir::Etc::sourcelist="$prefix/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$prefix/apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$prefix/apt" \
    -o Dir::Cache::archives="$prefix/apt/archives" -o Acquire::Languages=none -o Acquire::Retries=0 \
    -o Acquire::http::Timeout=20 -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}

# name=version of every pin that is not here yet. A file is name_version_arch.deb, an epoch's colon written %3a.
wanted() {
  grep -v '^#' "$pins" | while read -r digest deb; do
    [ "$(sha256sum 2>/dev/null <"$prefix/deb/$deb")" = "$digest  -" ] ||
      echo "$deb" | sed -E 's/^([^_]+)_([^_]+)_.*/\1=\2/; s/%3a/:/'
  done
}

# fetch_from MIRROR SECURITY: what it has of the pins, and the libraries when it has them all. Fails while something is missing.
fetch_from() {
  for source in "$1 trixie" "$1 trixie-updates" "$1 trixie-security" "$2 trixie-security"; do
    echo "deb [arch=amd64 target=Packages check-valid-until=no signed-by=$keyring] $source main"
  done >"$prefix/apt/sources.list"
  apt get update 2>/dev/null || true
  # shellcheck disable=SC2046,SC2086 # lists
  (
    found=$(apt cache show $(wanted) 2>/dev/null | awk '/^Package:/ { name = $2 } /^Version:/ { print name "=" $2 }')
    [ -z "$found" ] || (cd "$prefix/deb" && apt get download $found)
    [ -z "$(wanted)" ] || exit 1
    rm -rf "${prefix:?}/lib" && mkdir "$prefix/lib"
    cd "$prefix/lib" && apt get download $libraries
  )
}

fetch() {
  machine=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$' | sed 's,/*$,,') || true
  archive=http://snapshot.debian.org/archive
  snapshot=$(sed -n 's/^# snapshot //p' "$pins")
  named=${DEBIAN_MIRROR:-}
  case $named in /*) named=copy:$named ;; esac
  named=${named%/}
  if [ -n "$named" ] && fetch_from "$named" "$named-security"; then return; fi
  if [ -n "$machine" ] && fetch_from "$machine" "$machine-security"; then return; fi
  fetch_from "$archive/debian/$snapshot" "$archive/debian-security/$snapshot" ||
    { echo "not to be had: $(wanted | tr '\n' ' ')" >&2; exit 1; }
}

if [ "$(cat "$prefix/complete" 2>/dev/null)" != "$(cat "$pins" "$0" | sha256sum)" ]; then
  mkdir -p "$prefix/apt/lists/partial" "$prefix/apt/archives/partial" "$prefix/deb" "$prefix/bin"
  fetch
  rm -rf "$prefix/root" && mkdir "$prefix/root"
  for deb in "$prefix"/lib/*.deb; do dpkg-deb -x "$deb" "$prefix/root"; done
  grep -v '^#' "$pins" | while read -r _ deb; do dpkg-deb -x "$prefix/deb/$deb" "$prefix/root"; done
  rm -rf "$prefix/deb" "${prefix:?}/lib" "$prefix/apt"
  cat "$pins" "$0" | sha256sum >"$prefix/complete"
fi

# run NAME PATH OPTIONS: a script that starts PATH under its own loader
run() {
  usr=$prefix/root/usr
  loader="'$usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' --library-path '$usr/lib/x86_64-linux-gnu:$usr/lib/llvm-19/lib'"
  printf '#!/bin/sh\nexec %s --argv0 %s %s %s "$@"\n' "$loader" "$1" "'$usr/$2'" "$3" >"$prefix/bin/$1"
  chmod +x "$prefix/bin/$1"
}
run rustc bin/rustc "--sysroot '$prefix/root/usr'"
run wasm-ld lib/llvm-19/bin/lld ''

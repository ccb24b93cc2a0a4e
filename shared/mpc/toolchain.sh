#!/bin/sh
# toolchain.sh PREFIX: unpacks a rustc with the standard library for wasm32 into PREFIX. Installs nothing, needs no root.
# Debian's packages of rustc 1.85.1, exactly those of toolchain.sha256, fetched by apt over its signed lists. They need a
# newer glibc than an older Debian has, so rustc and the linker run through the loader that comes with them.
# A version that has left the mirror: DEBIAN_MIRROR=https://snapshot.debian.org/archive/debian/20260901T000000Z/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
pins=$here/toolchain.sha256
[ "$(uname -m)" = x86_64 ] || { echo 'the pinned toolchain is for x86_64' >&2; exit 1; }

if [ "$(cat "$prefix/complete" 2>/dev/null)" != "$(sha256sum <"$pins")" ]; then
  mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$')}
  mkdir -p "$prefix/apt/lists/partial" "$prefix/apt/archives/partial" "$prefix/deb" "$prefix/bin"
  for suite in trixie trixie-updates; do
    echo "deb [check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  done >"$prefix/apt/sources.list"
  apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$prefix/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
      -o Dir::State::Lists="$prefix/apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$prefix/apt" \
      -o Dir::Cache::archives="$prefix/apt/archives" -o Acquire::Languages=none \
      -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
  }
  apt update
  # name_version_arch.deb -> name=version, an epoch's colon written %3a
  packages=$(sed -E 's/^[0-9a-f]+ +([^_]+)_([^_]+)_.*/\1=\2/; s/%3a/:/' "$pins")
  # shellcheck disable=SC2086 # a list
  (cd "$prefix/deb" && apt download $packages && sha256sum --quiet --check "$pins")
  mkdir -p "$prefix/root"
  sed -E 's/^[0-9a-f]+ +//' "$pins" | while read -r deb; do dpkg-deb -x "$prefix/deb/$deb" "$prefix/root"; done
  rm -rf "$prefix/deb" "$prefix/apt"
  sha256sum <"$pins" >"$prefix/complete"
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

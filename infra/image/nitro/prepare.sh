#!/bin/sh
# Builds, once, what the enclave image boots in: QEMU's Nitro machine and its vsock device, outside the repository.
# Prints the folder they are in. Ends with 3 and says why where a piece cannot be had. Needs no root and installs nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quorate-nitro
qemu_version=1:10.0.13+ds-0+deb13u1
qemu_sha256=6a0888e806c2ffc0c5f0733e974f9aea55491950d3c47c98669c8b236dde59ae
snapshot=20261128T000000Z
vsock_version=0.3.0
vsock_sha256=52ce95d81af89ad693d067c650e42df0f217addfbc96cc4820f7c62eb4a28b13
ready=$cache/machine-3
log=$cache/prepare.log

missing() { echo "$1" >&2; exit 3; }
say() { echo "$1" >&2; }
if [ -x "$ready/qemu-system-x86_64" ]; then echo "$ready"; exit 0; fi

[ "$(uname -sm)" = 'Linux x86_64' ] || missing 'the Nitro machine is built on Linux on x86-64 only'
for tool in apt-get dpkg-deb cargo gcc ninja python3 pkg-config patch; do
  command -v "$tool" >/dev/null || missing "$tool is not installed"
done
mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
: >"$log"

# Debian 13, whatever this machine is, under the signature of Debian's lists.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || missing 'debian-archive-keyring is not installed'
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/out" "$work/firmware"
: >"$work/apt/status"
cat >"$work/apt/apt.conf" <<END
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Architecture "amd64";
APT::Sandbox::User "";
Acquire::Retries "0";
Acquire::http::Timeout "20";
END
trixie() { (cd "$work" && APT_CONFIG=$work/apt/apt.conf apt-get -qq "$@") >>"$log" 2>&1; }

# fetch_from MIRROR SECURITY VERSION: QEMU of this version, or the newest where it is empty, and the firmware.
fetch_from() {
  for suite in "$1 trixie" "$1 trixie-updates" "$1 trixie-security" "$2 trixie-security"; do
    echo "deb [check-valid-until=no signed-by=$keyring arch=amd64 target=Packages] $suite main"
    echo "deb-src [check-valid-until=no signed-by=$keyring target=Sources] $suite main"
  done >"$work/apt/sources.list"
  trixie update || true
  trixie source --download-only "qemu${3:+=$3}" && trixie download seabios qemu-system-data
}

# Nothing of it is measured: a newer QEMU than the one that was tried boots the same image, or its patch does not fit.
named=${DEBIAN_MIRROR:-}
case $named in /*) named=copy:$named ;; esac
named=${named%/}
# shellcheck disable=SC2016  # apt expands it
machine=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$' | sed 's,/*$,,') || true
archive=http://snapshot.debian.org/archive
fetch() {
  [ -n "$named" ] && fetch_from "$named" "$named-security" "$1" && return
  [ -n "$machine" ] && fetch_from "$machine" "$machine-security" "$1" && return
  [ -n "$1" ] && fetch_from "$archive/debian/$snapshot" "$archive/debian-security/$snapshot" "$1"
}
if fetch "$qemu_version"; then
  echo "$qemu_sha256  $(echo "$work"/qemu_*.orig.tar.xz)" | sha256sum --check --quiet >>"$log" || missing 'QEMU has another digest'
else
  say "stale: QEMU $qemu_version is not to be had; taking the newest, with which nothing has been tried"
  fetch '' || missing 'the Debian archive is out of reach'
fi
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/firmware"; done
cp "$work/firmware/usr/share/seabios/bios-microvm.bin" "$work/firmware/usr/share/qemu/linuxboot_dma.bin" "$work/out/"

# Headers that this machine lacks are unpacked beside, from its own distribution.
sysroot=$cache/sysroot
if ! pkg-config --exists glib-2.0 libcbor gnutls libfdt; then
  mkdir -p "$work/headers" "$sysroot"
  for package in libglib2.0-0 libglib2.0-bin libglib2.0-dev libglib2.0-dev-bin libcbor0.8 libcbor-dev libfdt1 libfdt-dev \
    libgnutls30 libgnutls28-dev libpcre2-8-0 libpcre2-dev libselinux1-dev libsepol-dev libmount-dev libblkid-dev \
    libffi-dev uuid-dev; do
    (cd "$work/headers" && apt-get -qq download "$package") >>"$log" 2>&1 || true
  done
  for package in "$work"/headers/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
  find "$sysroot" -name '*.pc' -exec sed -i "s#\(=\| -I\| -L\)/usr#\1$sysroot/usr#g" {} +
fi
libraries=$sysroot/usr/lib/x86_64-linux-gnu
export PKG_CONFIG_PATH="$libraries/pkgconfig"
pkg-config --exists glib-2.0 libcbor gnutls || missing 'headers of glib, libcbor or gnutls are missing'

say 'building QEMU (about five minutes, once) …'
python3 -m venv "$work/python" >>"$log" 2>&1 || missing 'python3 has no venv'
"$work/python/bin/pip" install -q --no-deps --require-hashes -r /dev/stdin >>"$log" 2>&1 <<END || missing 'meson is out of reach'
meson==1.5.2 --hash=sha256:77706e2368a00d789c097632ccf4fc39251fba56d03e1e1b262559a3c7a08f5b
pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea
END
"$work/python/bin/pip" install -q setuptools distlib >>"$log" 2>&1 || missing 'setuptools is out of reach'
mkdir -p "$work/qemu/build"
tar -xJf "$work"/qemu_*.orig.tar.xz -C "$work/qemu" --strip-components=1
for change in signer half-request; do
  patch --quiet -p1 -d "$work/qemu" <"$here/$change.patch" >>"$log" || missing "$change.patch does not fit this QEMU"
done
# Debian's tarball is without the firmware of other machines, which no option leaves out.
sed -i 's/unpack_edk2_blobs = bzip2.found()/unpack_edk2_blobs = false/' "$work/qemu/meson.build"
(
  cd "$work/qemu/build"
  ../configure --python="$work/python/bin/python3" --target-list=x86_64-softmmu --without-default-features --enable-tcg \
    --enable-gnutls --enable-fdt=system --enable-libcbor --enable-vhost-user --disable-docs --disable-tools \
    --disable-guest-agent --disable-werror --disable-install-blobs --extra-cflags="-I$sysroot/usr/include" \
    --extra-ldflags="-L$libraries -Wl,-rpath,$libraries -Wl,-rpath-link,$libraries"
  nice -n 19 ninja -j "${JOBS:-1}" qemu-system-x86_64
) >>"$log" 2>&1 || missing "QEMU does not build here: see $log"
strip -o "$work/out/qemu-system-x86_64" "$work/qemu/build/qemu-system-x86_64"

say 'building vhost-device-vsock (about a minute, once) …'
mkdir -p "$work/probe/src"
: >"$work/probe/src/lib.rs"
printf '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nvhost-device-vsock = "=%s"\n' \
  "$vsock_version" >"$work/probe/Cargo.toml"
(cd "$work/probe" && cargo fetch) >>"$log" 2>&1 || missing 'crates.io is out of reach'
crate=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/vhost-device-vsock-$vsock_version.crate)
echo "$vsock_sha256  $crate" | sha256sum --check --quiet >>"$log" || missing 'vhost-device-vsock has another digest'
tar -xzf "$crate" -C "$work"
# It answers as CID 2 and drops what a guest sends to 3, which is under what a Nitro enclave knows its parent.
sed -i 's/VSOCK_HOST_CID: u64 = 2;/VSOCK_HOST_CID: u64 = 3;/' "$work/vhost-device-vsock-$vsock_version/src/vhu_vsock.rs"
(
  cd "$work/vhost-device-vsock-$vsock_version"
  grep -q 'VSOCK_HOST_CID: u64 = 3;' src/vhu_vsock.rs
  nice -n 19 cargo build --release --locked -j "${JOBS:-1}"
) >>"$log" 2>&1 || missing "vhost-device-vsock does not build here: see $log"
cp "$work/vhost-device-vsock-$vsock_version/target/release/vhost-device-vsock" "$work/out/"
mv "$work/out" "$ready"
echo "$ready"

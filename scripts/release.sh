#!/usr/bin/env bash
# One static release binary: musl where that target is installed, static glibc otherwise. Optimised over all crates at once, which takes
# some minutes more than `cargo build --release` and makes it a fifth smaller. Relocations are packed (DT_RELR), which saves 2 MiB of the
# file and of what every process of it reads at its start; the code that applies them is linked in, so this asks nothing of the machine
# that it runs on, only a linker that can do it (binutils 2.38) and a libc that does (glibc 2.36, musl 1.2.4) where it is built.
# Functions that a run executes lie side by side (link-in-order.sh), which saves a third of the memory that it takes.
. "$(dirname "$0")/environment.sh"
target=x86_64-unknown-linux-musl
flags=
if ! rustup target list --installed 2>/dev/null | grep -q "$target"; then
  target=x86_64-unknown-linux-gnu
  flags="-C target-feature=+crt-static"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null | grep -oE '[0-9]+$' || echo 0)
  [ "$libc" -lt 36 ] || flags="$flags -C link-arg=-Wl,-z,pack-relative-relocs"
fi
linker=CARGO_TARGET_${target^^}_LINKER
export "${linker//-/_}=$PWD/scripts/link-in-order.sh"
command -v valgrind >/dev/null ||
  echo "skipped: functions are not put in order, because valgrind is not installed (Debian: apt-get install valgrind)" >&2
export RUSTFLAGS="${RUSTFLAGS:-}${RUSTFLAGS:+ }$flags" CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
cargo build --locked --release -p enact --target "$target"
ls -l "$CARGO_TARGET_DIR/$target/release/enact"

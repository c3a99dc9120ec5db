#!/usr/bin/env bash
# One static release binary: musl where that target is installed, static glibc otherwise.
. "$(dirname "$0")/environment.sh"
target=x86_64-unknown-linux-musl
if ! rustup target list --installed 2>/dev/null | grep -q "$target"; then
  target=x86_64-unknown-linux-gnu
  export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
fi
cargo build --locked --release -p enact --target "$target"
ls -l "$CARGO_TARGET_DIR/$target/release/enact"

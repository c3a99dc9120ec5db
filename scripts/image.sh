#!/usr/bin/env bash
# The container image, made without a registry and without a container engine: image.sh [ARCHIVE [NAME:TAG]]. One static program on
# nothing, called /enact and /manager, as user 65532. Writes an OCI archive (enact-image.tar without a name) and prints its size and
# its digest. `ctr images import`, `podman load -i` and `skopeo copy oci-archive:…` take it.
archive=$(realpath -m "${1:-enact-image.tar}")
image=${2:-kubernetes-executor:v$(sed -n 's/^version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml" | head -1)}
. "$(dirname "$0")/environment.sh"
# shellcheck source=scripts/cluster/image-lib.sh
. scripts/cluster/image-lib.sh
command -v jq >/dev/null || { echo "jq is not installed (Debian: apt-get install jq)" >&2; exit 1; }

program=${ENACT_BINARY:-}
if [ -z "$program" ]; then
  scripts/release.sh >&2
  program=$(ls -t "$CARGO_TARGET_DIR"/*-linux-*/release/enact | head -1)
fi
if ldd "$program" 2>/dev/null | grep -q "=>"; then
  echo "$program is not static; an image of nothing else cannot run it (scripts/release.sh makes one that is)" >&2
  exit 1
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
install -m 755 "$program" "$root/enact"
ln "$root/enact" "$root/manager"
# Certificates and names of users are mounted or not needed: the API server's certificate comes with the account's token.
image_user=65532:65532 image_packed=yes
sum=$(pack "$(full_name "$image")" "$root" "$archive" /enact)
echo "$archive: $(full_name "$image")@sha256:$sum, $(stat -c %s "$archive") bytes ($(du -m --apparent-size "$archive" | cut -f1) MiB), the program $(stat -c %s "$program") bytes"

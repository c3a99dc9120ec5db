# Sourced: makes an image of a directory and imports it into the cluster, with no registry.
# shellcheck shell=bash

# The name as containerd keeps it.
full_name() {
  case "$1" in
    *.*/* | localhost/* | *:*/*) echo "$1" ;;
    */*) echo "docker.io/$1" ;;
    *) echo "docker.io/library/$1" ;;
  esac
}

architecture() { uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'; }

digest() { sha256sum "$1" | cut -d' ' -f1; }

# blob LAYOUT FILE: moves a file to where its digest says, and prints the digest.
blob() {
  local sum
  sum=$(digest "$2")
  mv "$2" "$1/blobs/sha256/$sum"
  echo "$sum"
}

size() { stat -c %s "$1/blobs/sha256/$2"; }

# pack NAME:TAG DIRECTORY ARCHIVE ENTRYPOINT…: an OCI archive. Equal input gives the same bytes. `image_user` is who its programs
# run as, root without it; `image_packed=yes` compresses the layer, which a cluster of this machine has no use for.
pack() {
  local image=$1 root=$2 archive=$3 work layer unpacked type config manifest path
  shift 3
  work=$(mktemp -d)
  mkdir -p "$work/blobs/sha256"
  tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer" .
  unpacked=$(digest "$work/layer")
  type=application/vnd.oci.image.layer.v1.tar
  if [ "${image_packed:-no}" = yes ]; then
    gzip --no-name --best "$work/layer"
    mv "$work/layer.gz" "$work/layer"
    type=$type+gzip
  fi
  layer=$(blob "$work" "$work/layer")
  path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  jq -nSc --arg layer "sha256:$unpacked" --arg path "PATH=$path" --arg arch "$(architecture)" --arg user "${image_user:-}" \
    '{architecture: $arch, os: "linux", config: ({Env: [$path], Entrypoint: $ARGS.positional}
        + if $user == "" then {} else {User: $user} end),
      rootfs: {type: "layers", diff_ids: [$layer]}}' --args -- "$@" >"$work/config"
  config=$(blob "$work" "$work/config")
  jq -nSc --arg layer "sha256:$layer" --argjson layer_size "$(size "$work" "$layer")" \
    --arg type "$type" --arg config "sha256:$config" --argjson config_size "$(size "$work" "$config")" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_size},
      layers: [{mediaType: $type, digest: $layer, size: $layer_size}]}' \
    >"$work/manifest"
  manifest=$(blob "$work" "$work/manifest")
  jq -nSc --arg name "$image" --arg digest "sha256:$manifest" --argjson size "$(size "$work" "$manifest")" \
    '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest,
      size: $size, annotations: {"io.containerd.image.name": $name}}]}' >"$work/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
  tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$archive" oci-layout index.json blobs
  rm -rf "$work"
  echo "$manifest"
}

# import NAME:TAG DIRECTORY ENTRYPOINT…: the image by its name, and by its digest as a registry would have it.
import() {
  local image archive sum
  image=$(full_name "$1")
  archive=$(mktemp)
  sum=$(pack "$image" "$2" "$archive" "${@:3}")
  containers images import "$archive" >/dev/null
  rm -f "$archive"
  containers images tag --force "$image" "${image%:*}@sha256:$sum" >/dev/null
  echo "$image ${image%:*}@sha256:$sum"
}

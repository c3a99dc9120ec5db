#!/usr/bin/env bash
# Makes an image of one program and imports it into the running cluster: image.sh NAME:TAG BINARY [FILE|FILE:PATH …].
# The program becomes the entry point; every further file goes to / or to the path named after the colon. A program that
# is not static gets the libraries that ldd names. Prints the image's name and its name by digest; pods take it with
# `imagePullPolicy: IfNotPresent` (a tag `latest` would be pulled, and there is nowhere to pull from).
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
# shellcheck source=scripts/cluster/image-lib.sh
. "$here/image-lib.sh"

[ $# -ge 2 ] || die "usage: image.sh NAME:TAG BINARY [FILE|FILE:PATH …]"
image=$1 binary=$2
shift 2
case "$image" in *:latest | *:) die "$image: give it a tag other than latest, which pods would try to pull" ;; esac
case "${image##*/}" in *:*) ;; *) die "$image has no tag; write NAME:TAG" ;; esac
[ -x "$binary" ] || die "$binary is not a program"
alive containerd containerd || die "no node is running; start it with scripts/cluster/up.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/tmp" "$root/etc"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"

entry=/$(basename "$binary")
install -m 755 "$binary" "$root$entry"
for library in $(ldd "$binary" 2>/dev/null | grep -o '/[^ ]*'); do
  install -D -m 755 "$library" "$root$library"
done
for file in "$@"; do
  from=${file%%:*} to=/$(basename "${file%%:*}")
  case "$file" in *:/*) to=${file#*:} ;; *:*) die "$file: the path after the colon does not begin with /" ;; esac
  [ -f "$from" ] || die "$from is not a file"
  mode=644
  [ -x "$from" ] && mode=755
  install -D -m "$mode" "$from" "$root$to"
done
import "$image" "$root" "$entry"

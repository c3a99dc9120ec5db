#!/usr/bin/env bash
# Imports what every cluster has: the image that holds a pod's namespaces, and busybox:1 for tests.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
# shellcheck source=scripts/cluster/image-lib.sh
. "$here/image-lib.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

pause_image() {
  mkdir "$root/pause"
  # Ends when it is asked to; as the first process of a pod it leaves no zombies.
  cc -Os -static -xc -o "$root/pause/pause" - <<'C'
#include <signal.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
int main(void) {
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGCHLD, SIG_IGN);
  for (;;) pause();
}
C
  import "$pause" "$root/pause" /pause >/dev/null
}

busybox_image() {
  local busybox applet
  busybox=$(readlink -f "$(command -v busybox)")
  mkdir -p "$root"/box/{bin,tmp,etc,root,dev,proc,sys,var/run}
  chmod 1777 "$root/box/tmp"
  cp "$busybox" "$root/box/bin/busybox"
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/box/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false' >"$root/box/etc/passwd"
  import busybox:1 "$root/box" /bin/sh >/dev/null
}

there=$(containers images list --quiet)
grep -qxF "$pause" <<<"$there" || pause_image
grep -qxF docker.io/library/busybox:1 <<<"$there" || busybox_image

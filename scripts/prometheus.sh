#!/usr/bin/env bash
# Puts promtool and prometheus of Debian's package beside the project's other tools, where they are not there yet and can be had. Its
# service is not to start, so the package is only unpacked. Ends with 0 either way: whoever needs one of them looks.
. "$(dirname "$0")/environment.sh"

command -v promtool >/dev/null && command -v prometheus >/dev/null && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0
say "Installing Prometheus"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
(cd "$directory" && apt-get update -qq && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .) >/dev/null 2>&1 || true
for tool in promtool prometheus; do
  [ ! -x "$directory/usr/bin/$tool" ] || install -D "$directory/usr/bin/$tool" "$ENACT_TOOLS/bin/$tool"
done

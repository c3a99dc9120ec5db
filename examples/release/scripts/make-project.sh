#!/usr/bin/env bash
# Makes the small git project that is released: a shell program, its tests, a changelog, version 1.3.0.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rm -rf "$project" "$dist" "$downloads"
mkdir -p "$project" "$dist" "$downloads"
in_project init --quiet --initial-branch=main
cat >"$project/greet" <<'SH'
#!/bin/sh
# Greets: greet [NAME]
case "${1:-}" in
  --version) echo "greet $(cat "$(dirname "$0")/VERSION")" ;;
  *) echo "Hello, ${1:-world}!" ;;
esac
SH
cat >"$project/test.sh" <<'SH'
#!/bin/sh
set -eu
cd "$(dirname "$0")"
[ "$(./greet)" = "Hello, world!" ]
[ "$(./greet Ana)" = "Hello, Ana!" ]
[ "$(./greet --version)" = "greet $(cat VERSION)" ]
echo "3 tests passed"
SH
chmod +x "$project/greet" "$project/test.sh"
echo 1.3.0 >"$project/VERSION"
printf '# Changelog\n\n## 1.3.0\n\n- first release\n' >"$project/CHANGELOG.md"
in_project add --all
in_project commit --quiet --message 'greet 1.3.0'
in_project tag --annotate v1.3.0 --message 'greet 1.3.0'
printf '\n# It prints one line.\n' >>"$project/greet"
in_project commit --quiet --all --message 'say what is printed'
printf '%s\n' 'Released with: enact run' >"$project/RELEASING.md"
in_project add --all
in_project commit --quiet --message 'say how it is released'
in_project log --oneline

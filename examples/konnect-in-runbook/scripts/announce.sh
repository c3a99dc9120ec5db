#!/usr/bin/env bash
# Writes the announcement, once per portal, in one piece: announce.sh NAME | --undo
set -euo pipefail
mkdir -p work
if [ "${1:-}" = --undo ]; then rm -f work/announcement.md; exit; fi
printf '# %s is open\n\nThe second edition of the freight and tracking APIs: batch tracking.\n' "${1:?which portal}" >work/announcement.part
mv work/announcement.part work/announcement.md

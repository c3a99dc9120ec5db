#!/usr/bin/env bash
# The pages hold what a user needs, and load nothing from elsewhere.
set -euo pipefail
fail() { echo "frontend.sh: $*" >&2; exit 1; }
needs() { # needs FILE TEXT…
  local file=login/web/$1 text
  [ -f "$file" ] || fail "$file is missing"
  for text in "${@:2}"; do grep -qF -- "$text" "$file" || fail "$file lacks $text"; done
  ! grep -qiE '(src|href)="(https?:)?//' "$file" || fail "$file loads something from elsewhere"
}
needs setup.html /auth/2fa/setup /auth/2fa/verify /auth/2fa/enable 'autocomplete="one-time-code"' download= backup
needs login.html 'type="password"' 'autocomplete="one-time-code"' 'name="ticket"' 'backup code'

# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: the project, what is built, and where it is published.

WORK=${WORK:-work}
project=$WORK/project       # the git repository
dist=$WORK/dist             # what is built
downloads=$WORK/downloads   # where it is published: a directory that stands in for a web server's
# Git reads nothing of the user's own configuration, so that the example is the same everywhere.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=Release GIT_AUTHOR_EMAIL=release@example.com GIT_COMMITTER_NAME=Release GIT_COMMITTER_EMAIL=release@example.com

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
command -v git >/dev/null || { echo "${0##*/}: git is not installed (Debian: apt-get install git)" >&2; exit 127; }

in_project() { git -C "$project" "$@"; }

# version_argument TEXT: refuses everything but 1.2.3.
version_argument() { [[ ${1:-} =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "not a version like 1.2.3: '${1:-}'"; }

current_version() { cat "$project/VERSION"; }

# Read by each script of the lecture: finds berth, shows each command before it runs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${BERTH:-}" ]; then
    BERTH=$here/../../build/bin/berth
    [ -x "$BERTH" ] || BERTH=berth
fi
show() { printf '\n$ %s\n' "$(printf '%s ' "$@" | sed "s|$BERTH|berth|")"; "$@"; }
say() { printf '\n# %s\n' "$*"; }

#!/bin/sh
# compose: several containers from one file.
. "$(dirname "$0")/lib.sh"
file=$here/../hello/compose.yaml
export HELLO_PORT=${LECTURE_PORT:-8123}
trap '"$BERTH" compose -f "$file" down >/dev/null 2>&1 || true' EXIT
show "$BERTH" compose -f "$file" config
show "$BERTH" compose -f "$file" up -d
show curl -fsS --retry 20 --retry-all-errors --retry-delay 1 --retry-max-time 10 "http://127.0.0.1:$HELLO_PORT/"
show "$BERTH" compose -f "$file" ps
show "$BERTH" compose -f "$file" logs
show "$BERTH" compose -f "$file" down

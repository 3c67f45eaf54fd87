#!/bin/sh
# ps shows containers, exec runs something in one, inspect tells everything.
. "$(dirname "$0")/lib.sh"
trap '"$BERTH" rm -f lecture-box >/dev/null 2>&1 || true' EXIT
show "$BERTH" run -d --name lecture-box -w /tmp debian:bookworm-slim sleep 1000
show "$BERTH" ps
show "$BERTH" exec lecture-box sh -c 'echo I run beside process 1: $(cat /proc/1/comm); pwd'
show "$BERTH" exec -e ROLE=guest -u nobody lecture-box sh -c 'id -un; echo $ROLE'
show "$BERTH" top lecture-box
show "$BERTH" inspect --format '{{.State.Status}} since {{.State.StartedAt}}, address {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' lecture-box
show "$BERTH" rm -f lecture-box
show "$BERTH" ps -a

#!/bin/sh
# -p publishes a port, -v brings files in or keeps them.
. "$(dirname "$0")/lib.sh"
port=${LECTURE_PORT:-8123}
finish() { "$BERTH" rm -f lecture-web >/dev/null 2>&1 || true; "$BERTH" volume rm lecture-data >/dev/null 2>&1 || true; }
trap finish EXIT
show "$BERTH" run -d --name lecture-web -p "$port:8000" -v "$here/../hello/hello.pl:/srv/hello.pl:ro" debian:bookworm-slim perl /srv/hello.pl
show "$BERTH" port lecture-web
show curl -fsS --retry 20 --retry-all-errors --retry-delay 1 --retry-max-time 10 "http://127.0.0.1:$port/"
say "A named volume outlives its containers"
show "$BERTH" volume create lecture-data
show "$BERTH" run --rm -v lecture-data:/data debian:bookworm-slim sh -c 'date > /data/when'
show "$BERTH" run --rm -v lecture-data:/data:ro debian:bookworm-slim cat /data/when
show "$BERTH" volume ls

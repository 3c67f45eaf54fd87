#!/bin/sh
# A registry: where images come from. Without one, an archive does the same.
. "$(dirname "$0")/lib.sh"
say "A registry answers to names like docker.io/library/debian:bookworm-slim. Pulling what is there already fetches nothing."
if [ -n "${LECTURE_REGISTRY:-}" ]; then
    show "$BERTH" pull "$LECTURE_REGISTRY/debian:bookworm-slim"
else
    say "(LECTURE_REGISTRY is not set: an archive instead)"
fi
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
show "$BERTH" save -o "$archive" debian:bookworm-slim
show "$BERTH" load -i "$archive"

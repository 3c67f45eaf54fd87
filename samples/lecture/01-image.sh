#!/bin/sh
# An image: a read-only file system and how to run it.
. "$(dirname "$0")/lib.sh"
say "What images are there?"
show "$BERTH" images
say "How was this one made, and what does it run?"
show "$BERTH" history debian:bookworm-slim
show "$BERTH" image inspect --format '{{.Os}}/{{.Architecture}} {{json .Config.Cmd}}' debian:bookworm-slim
say "A second name for it costs nothing; taking the name away neither."
show "$BERTH" tag debian:bookworm-slim lecture/base:1
show "$BERTH" rmi lecture/base:1

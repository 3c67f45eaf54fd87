#!/bin/sh
# run: a container from an image. --rm, --name, -d, -e, -i, and -it for a terminal.
. "$(dirname "$0")/lib.sh"
show "$BERTH" run --rm debian:bookworm-slim echo "one process, its own world"
show "$BERTH" run --rm debian:bookworm-slim sh -c 'hostname; id; ls /; cat /proc/1/comm'
show "$BERTH" run --rm -e COLOUR=blue debian:bookworm-slim sh -c 'echo the colour is $COLOUR'
say "-i: standard input goes in"
echo "upper case, please" | show "$BERTH" run --rm -i debian:bookworm-slim tr a-z A-Z
say "-d: in the background, under a name"
show "$BERTH" run -d --name lecture-count debian:bookworm-slim sh -c 'for i in 1 2 3; do echo $i; done; exec sleep 1000'
show "$BERTH" logs lecture-count
show "$BERTH" stop -t 1 lecture-count
show "$BERTH" rm lecture-count
say "-it gives a terminal: try  berth run --rm -it debian:bookworm-slim bash"
if [ -t 0 ]; then show "$BERTH" run --rm -it debian:bookworm-slim sh -c 'tty; stty size'; fi

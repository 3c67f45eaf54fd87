#!/bin/sh
# A Dockerfile: an image written down.
. "$(dirname "$0")/lib.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/Dockerfile" <<'TXT'
FROM debian:bookworm-slim
ARG WHO=world
ENV WHO=$WHO
RUN echo "built for $WHO" > /built.txt
COPY hello.sh /usr/local/bin/hello
USER nobody
ENTRYPOINT ["hello"]
CMD ["there"]
TXT
printf '#!/bin/sh\necho "Hello $WHO, $1"\ncat /built.txt\nid -un\n' > "$folder/hello.sh"
chmod 755 "$folder/hello.sh"
show cat "$folder/Dockerfile"
show "$BERTH" build -t lecture/hello --build-arg WHO=lecture "$folder"
say "Again: every step comes from the cache."
show "$BERTH" build -t lecture/hello --build-arg WHO=lecture "$folder"
show "$BERTH" run --rm lecture/hello
show "$BERTH" run --rm lecture/hello again
show "$BERTH" rmi lecture/hello

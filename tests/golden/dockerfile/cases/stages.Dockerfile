# syntax=docker/dockerfile:1
ARG VERSION=12
FROM debian:${VERSION} AS build
WORKDIR /src
COPY --chown=1000 . .
RUN --mount=type=cache,target=/root/.cache \
    make -j2 && \
    # tests come later
    make install
FROM debian:12 AS docs
RUN make docs
FROM build AS test
RUN make check
FROM scratch
COPY --from=build /out /
COPY --from=0 /etc/passwd /etc/
ENTRYPOINT ["/app"]

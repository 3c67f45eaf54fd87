FROM base
RUNN make
COPY --chwon=app a b
ENV NAME
EXPOSE
HEALTHCHECK --interval=soon CMD true
RUN --mount=type=cache,target=/x --netwrok=none true
ADD one

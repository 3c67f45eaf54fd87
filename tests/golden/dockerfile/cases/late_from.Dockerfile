ARG A
ENV B=c
FROM base

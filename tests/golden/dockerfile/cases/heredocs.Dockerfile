FROM base
RUN <<EOF
set -e
echo "$HOME" # not a Dockerfile comment
EOF
RUN cat <<-'A' >/a && cat <<B >/b
	plain $text
A
second
B
COPY <<config.yml <<"raw" /etc/app/
name: $NAME
config.yml
name: $NAME
raw

#!/bin/sh
# Makes the database cluster on the first start, then becomes PostgreSQL.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    umask 077
    password=$(mktemp /tmp/password.XXXXXX)
    printf '%s\n' "$SHOP_DB_PASSWORD" > "$password"
    initdb --no-sync --encoding=UTF8 --locale=C.UTF-8 --username="$SHOP_DB_USER" --pwfile="$password" \
        --auth-host=scram-sha-256 --auth-local=trust > /dev/null
    rm "$password"
    printf "host all all all scram-sha-256\n" >> "$PGDATA/pg_hba.conf"
    # Single-user mode: no second server start only to make one database.
    printf 'CREATE DATABASE "%s";\n' "$SHOP_DB_NAME" | postgres --single -j postgres > /dev/null
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/tmp

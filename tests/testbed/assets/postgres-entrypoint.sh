#!/bin/sh
# PostgreSQL in a container: creates the data folder once, then becomes the server, as the user postgres.
# Understands POSTGRES_USER, POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE), POSTGRES_DB and PGDATA.
set -eu
umask 077

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    # The full path: busybox would use its own applet, which has fewer options.
    exec /usr/bin/setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
[ "$1" = postgres ] || exec "$@"

cluster="$PGDATA/15"
if [ ! -d "$cluster" ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    fi
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "postgres: POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set for an empty data folder" >&2
        exit 1
    fi
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    # Created beside it, and moved when complete: a killed start leaves nothing that looks complete.
    new="$PGDATA/.new"
    rm -rf "$new"
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata="$new" --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 >/dev/null
    rm -f /tmp/password
    echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$new/postgresql.conf"
    if [ "$database" != postgres ]; then
        name=$(printf '%s' "$database" | sed 's/"/""/g')
        printf 'CREATE DATABASE "%s"\n' "$name" | postgres --single -D "$new" postgres >/dev/null
    fi
    mv "$new" "$cluster"
fi
unset POSTGRES_PASSWORD
exec "$@" -D "$cluster"

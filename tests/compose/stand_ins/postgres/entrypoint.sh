#!/bin/sh
# What the official image does at its start, as far as our stacks use it: a cluster at the first start,
# with POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and the scripts of /docker-entrypoint-initdb.d, made
# under a server that answers at the socket only; then the server itself, not as root.
set -eu
case ${1:-postgres} in -*) set -- postgres "$@" ;; esac
[ "${1:-postgres}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  chown postgres /var/lib/postgresql
  exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256
  rm /tmp/password
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  pg_ctl --silent --wait start -o "-c listen_addresses='' -c unix_socket_directories=/tmp"
  export PGHOST=/tmp
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sh; do
    [ ! -e "$script" ] || sh "$script"
  done
  pg_ctl --silent --wait --mode=fast stop
fi
shift
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"

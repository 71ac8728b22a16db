. "$(dirname "$0")/common.sh"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
chown nobody .
export HOME=$work
as_nobody "$bin/initdb" -D data -U test -A trust >log 2>&1
as_nobody "$bin/postgres" -D data -k "$work" -c listen_addresses= -c fsync=off >>log 2>&1 &
children=$!
tries=0
until as_nobody "$bin/pg_isready" -q -h "$work"; do tries=$((tries + 1)); [ $tries -lt 100 ] || exit 1; sleep 0.1; done
as_nobody "$bin/pgbench" -h "$work" -U test -q -i -s 2 postgres >>log 2>&1
ready
as_nobody "$bin/pgbench" -h "$work" -U test -c 4 -j 2 -T "$seconds" postgres >>log 2>&1

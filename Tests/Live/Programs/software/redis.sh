. "$(dirname "$0")/common.sh"
redis-server --port 0 --unixsocket "$work/socket" --save '' --daemonize no >log 2>&1 &
children=$!
tries=0
until redis-cli -s "$work/socket" ping >/dev/null 2>&1; do tries=$((tries + 1)); [ $tries -lt 100 ] || exit 1; sleep 0.1; done
ready
while goes_on; do redis-benchmark -s "$work/socket" -q -n 20000 -r 10000 -P 8 -t set,get,lpush,zadd,sadd,hset >>log 2>&1; done

# Sourced by each: `work` is an empty folder, `seconds` how long to be busy. A script prepares itself, prints "ready",
# then loads the machine, and leaves nothing running.
set -eu
work=$1 seconds=$2
cd "$work"
children=
trap 'for child in $children; do kill "$child" 2>/dev/null || true; done; wait 2>/dev/null || true' EXIT
as_nobody() { # whose programs refuse to run as root
    if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi
}
ready() { echo ready; end=$(($(date +%s) + seconds)); }
goes_on() { [ "$(date +%s)" -lt "$end" ]; }

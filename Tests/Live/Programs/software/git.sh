. "$(dirname "$0")/common.sh"
export HOME=$work GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q repository
cd repository
i=0
while [ $i -lt 30 ]; do
    seq $((i * 10)) $((i * 10 + 3000)) >numbers
    ls -l /usr/bin | head -n $((400 + i)) >list
    git add . && git commit -q -m "change $i"
    i=$((i + 1))
done
ready
while goes_on; do
    git log -p --stat >/dev/null
    git blame numbers >/dev/null
    git repack -q -a -d -f
done

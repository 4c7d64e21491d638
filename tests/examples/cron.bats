#!/usr/bin/env bats
# shellcheck disable=SC2011,SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# scripts/examples/cron.sh, started by a real cron, which sees in the places of the system's crontabs
# only ours (a mount namespace). It wakes once a minute.

setup() {
    load ../cli/helper
    PATH=$PATH:/usr/sbin:/sbin
    command -v cron >/dev/null || skip "cron is missing (sh scripts/deps.sh examples)"
    [ -d /var/spool/cron/crontabs ] || skip "this cron is of another kind than Debian's"
    [ "$(id -u)" -eq 0 ] || skip "only root can start cron"
    unshare --mount --pid --fork --kill-child true 2>/dev/null || skip "no mount namespace is to be had here"
}

teardown() {
    if [ -n "${cron:-}" ]; then
        { kill -KILL "$cron" && wait "$cron"; } 2>/dev/null || true
    fi
}

@test "cron answers what is new, with no HOME, and prints nothing" {
    mkdir spool run none 'my stories'
    printf '{"prompt":"line %d"}\n' 1 2 3 >'my stories/inbox.jsonl'
    {
        echo "GEN=$GEN"
        echo "* * * * * env >'$PWD/environment'"
        echo "* * * * * env -u HOME sh '$ROOT/scripts/examples/cron.sh' '$PWD/my stories' '$MODEL' >'$PWD/printed' 2>&1; echo \$? >'$PWD/status'"
    } >spool/root
    chmod 600 spool/root
    unshare --mount --pid --fork --kill-child sh -euc '
        mount --bind spool /var/spool/cron/crontabs
        mount --bind run "$(realpath /var/run)"
        mount --bind none /etc/cron.d
        mount --bind /dev/null /etc/crontab
        exec cron -f' 3>&- >cron.log 2>&1 &
    cron=$!
    for _ in $(seq 800); do
        [ ! -s status ] || break
        sleep 0.1
    done
    cat cron.log environment
    [ "$(cat status)" -eq 0 ]
    [ ! -s printed ]
    grep -qx 'PATH=/usr/bin:/bin' environment
    GEN_MODEL=$MODEL "$GEN" --seed 1 --jsonl --json --no-timings -f 'my stories/inbox.jsonl' | cmp - 'my stories/answers.jsonl'
    [ "$(ls -A 'my stories' | xargs)" = "answers.jsonl inbox.jsonl" ]
}

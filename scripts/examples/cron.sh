#!/bin/sh
# Answer by night what came by day: every line of DIRECTORY/inbox.jsonl, {"prompt": ...}, is answered
# once, in DIRECTORY/answers.jsonl.
#
#   crontab -e
#   15 3 * * *  sh /home/me/bin/cron.sh /home/me/stories /home/me/models/gpt2.gguf
#
# Without a model the built-in one answers. Paths must be whole: to cron there is no directory of yours,
# and perhaps no HOME in which a model could be looked for by its name. Nothing is printed, so that no
# mail comes, unless something fails; a line that is wrong is told once. Lines are added at the end of
# inbox.jsonl; to begin anew, move both files away. One thread, and all else goes first (nice).
set -eu

PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin
export PATH
[ $# -lt 2 ] || export GEN_MODEL="$2"
cd "$1"
[ -s inbox.jsonl ] || exit 0

# If the last night's run is still at work, there is nothing to do. The lock ends with gen.
exec 9<inbox.jsonl
flock -n 9 || exit 0
exec nice -n 19 "${GEN:-gen}" --threads 1 --quiet --seed 1 --jsonl --json --no-timings \
    --file inbox.jsonl --resume --output answers.jsonl

#!/bin/sh
# Answer a long list of prompts in PARTS parts with GNU parallel, on one machine or on several.
#
#   sh parallel.sh PARTS PROMPTS.csv TEMPLATE.txt ANSWERS.jsonl [OPTION OF gen]...
#
#   JOBS=4               parts at a time on a machine, each on one thread (default: its cores)
#   MACHINES=node1,node2 where ssh leads without a password and this directory is too (default: here)
#
# A column of the list is a {{field}} of the template. Killed, or short of a machine: the same command
# goes on where each part ended. The parts, ANSWERS.jsonl.I-of-N, stay until all are done; then they are
# joined in the order of the list. Alone on one machine, `gen --csv` without parts does it in one
# process, and faster.
set -eu

if [ $# -lt 4 ]; then
    echo "usage: sh parallel.sh PARTS PROMPTS.csv TEMPLATE.txt ANSWERS.jsonl [OPTION OF gen]..." >&2
    exit 2
fi
parts=$1 prompts=$2 template=$3 answers=$4
shift 4
if [ -e "$answers" ]; then
    echo "parallel.sh: $answers is there already" >&2
    exit 0
fi
# There is another program of this name.
if ! parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
    echo "parallel.sh: GNU parallel is missing" >&2
    exit 1
fi

# -q: words with blanks stay one word.
if ! seq "$parts" | parallel -q --jobs "${JOBS:-100%}" --sshlogin "${MACHINES:-:}" --workdir "$PWD" \
    "${GEN:-gen}" ${GEN_MODEL:+--model "$GEN_MODEL"} --threads 1 --quiet --seed 1 --csv --template "$template" \
    --json --no-timings "$@" --file "$prompts" --shard "{}/$parts" --resume --output "$answers.{}-of-$parts"; then
    echo "parallel.sh: something failed; what is answered stays, and the same command goes on" >&2
    exit 1
fi

# The parts are in order, and a record begins with its number: {"index":7,...
part=$parts
set --
while [ "$part" -gt 0 ]; do
    set -- "$answers.$part-of-$parts" "$@"
    part=$((part - 1))
done
trap 'rm -f "$answers.joined"' EXIT
trap 'exit 130' INT TERM HUP
LC_ALL=C sort -m -s -t : -k 2,2n "$@" >"$answers.joined"
mv "$answers.joined" "$answers"
rm "$@"

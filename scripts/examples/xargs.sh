#!/bin/sh
# Continue every PROMPTS/*.txt in a file of the same name in STORIES, with xargs.
#
#   sh xargs.sh PROMPTS STORIES [OPTION OF gen]...
#
#   JOBS=4     files at a time, each on one thread (default: the cores)
#
# A file that is there already is left alone, so the same command goes on after a kill. One that fails
# does not stop the others; the exit status is then 123.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: sh xargs.sh PROMPTS STORIES [OPTION OF gen]..." >&2
    exit 2
fi
prompts=$1 stories=$2
shift 2
mkdir -p "$stories"

# printf is part of the shell, so there may be any number of files; a NUL byte is in no name.
# shellcheck disable=SC2016 # the inner sh expands it
printf '%s\0' "$prompts"/*.txt | xargs -0 -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" -I '{}' sh -c '
    prompt=$1 story=$2/${1##*/}
    shift 2
    [ -e "$story" ] ||
        exec "${GEN:-gen}" --threads 1 --quiet --seed 1 "$@" --file "$prompt" --output "$story"
' sh '{}' "$stories" "$@"

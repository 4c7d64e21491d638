#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# The chat that README.md shows: its model, made as told there, talks so at a terminal as wide.

setup() {
    load helper
    load chat_tmux
}

teardown() {
    close
}

# Words of a screen, one a line: where lines are broken depends on how many digits a time has.
words() { tr -s ' \n' '\n' | sed -E 's/[0-9]+\.[0-9]+/TIME/; /^$/d'; }

@test "the README's chat is what gen shows" {
    awk '/^## / { there = 0 } /^\*\*Talk with a model/ { there = 1 } there' "$ROOT/README.md" >section
    awk '$0 == "```sh" { inside = 1; next } $0 == "```" { inside = 0 } inside' section >script
    awk '/^\$ gen chat / { inside = 1; next } $0 == "```" { inside = 0 } inside' section >shown
    columns=$(sed -En 's/^At a terminal of ([0-9]+) columns:$/\1/p' section)
    arguments=$(sed -n 's/^\$ gen chat //p' section)
    grep '^gen finetune' script
    mkdir bin
    ln -s "$GEN" bin/gen
    PATH=$PWD/bin:$PATH bash -eu script >made 2>&1
    # shellcheck disable=SC2034 # of chat_tmux.bash
    quiet='' greedy='' open "$columns" "$arguments"
    n=1
    while IFS= read -r line; do
        type_in "${line#User: }"
        n=$((n + 1))
        shows "^User:" "$n"
    done < <(grep '^User: ' shown)
    echo "User:" >>shown # the next message
    diff <(screen | words) <(words <shown)
    [ "$(screen | wc -L)" -lt "$columns" ]
}

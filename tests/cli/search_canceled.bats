#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Ctrl-C in a search: the best so far is written, as --max-time has it, and the exit status is 130.

setup() {
    load helper
}

# interrupted ARGUMENTS: a long search, whose stdout is a pipe; $status and $output
interrupted() {
    mkfifo pipe
    cat pipe >out 3>&- &
    local reader=$! job
    "$GEN" --context slide --ignore-eos --max-length 100000000 -n -1 "$@" 3>&- >pipe 2>said &
    job=$!
    sleep 1
    kill -INT "$job"
    status=0
    wait "$job" || status=$?
    wait "$reader"
    rm pipe
    output=$(cat out)
    [ ! -s said ]
}

@test "Ctrl-C in a beam search: JSON with the best so far" {
    interrupted --num-beams 4 --json 'Once upon'
    [ "$status" -eq 130 ]
    jq -e '.finish_reason == "canceled" and .score < 0 and (.new_ids | length) > 0' <<<"$output"
}

@test "Ctrl-C in a beam search: text after its prompt" {
    interrupted --num-beams 4 'Once upon'
    [ "$status" -eq 130 ]
    [[ $output == 'Once upon'?* ]]
}

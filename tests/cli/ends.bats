#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Two ways to end a text: when its time is over, and with a sentence.

setup() {
    load helper
    unset GEN_MODEL # the built-in one writes sentences
}

@test "--max-time ends a text that goes on, each for itself" {
    gen --max-time 0.05 -n 100000000 --context slide --ignore-eos -s 1 --lines --json -f <(printf 'a\nb\n') --batch 1
    [ "$status" -eq 0 ]
    [ "$(jq -r .finish_reason <<<"$output" | xargs)" = "time time" ]
    gen --max-time 1000 -n 5 -s 1 --json Hi
    [ "$(jq -r .finish_reason <<<"$output")" = length ]
    gen_stdin '{"prompt":"a","max_time":0.01}\n{"prompt":"b","n":1}\n' -n 2 --jsonl --json
    [ "$status" -eq 0 ]
    gen --max-time -1 Hi
    refused 2 "--max-time"
}

@test "--stop-at sentence: the text of a longer run, up to the end of a sentence in its second half" {
    for seed in 1 2 3 4; do
        "$GEN" -n 80 -s "$seed" --json "The king" >long
        "$GEN" -n 80 -s "$seed" --stop-at sentence --json "The king" >short
        n=$(jq '.new_ids | length' short)
        jq -e --slurpfile short short '.new_ids[0:($short[0].new_ids | length)] == $short[0].new_ids' long
        if [ "$(jq -r .finish_reason short)" = stop ]; then
            ended=yes
            [ "$n" -ge 40 ]
            jq -e '.text | test("[.!?][\"'"'"')\\]]*$")' short
        fi
    done
    [ "$ended" = yes ]
    gen --stop-at word Hi
    refused 2 "--stop-at"
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Choices and bad words: one that has a bad word in it is not chosen. Choices that come twice.

setup() {
    load helper
    printf ' blue\n grey\n green\n' >c
    gen --choices c --greedy --json -p 'The sky is'
    BEST=$(jq -r '.new_text | ltrimstr(" ")' <<<"$output")
}

@test "a choice with a bad word is not chosen, the others are as probable to each other as before" {
    local json=$output
    printf '%s\n' "$BEST" >bw
    gen --choices c --bad-words bw --greedy --json -p 'The sky is'
    [ "$status" -eq 0 ]
    jq -e --arg best " $BEST" '.new_text != $best and
        (.choices[] | select(.text == $best) | .probability) == 0' <<<"$output"
    jq -es --arg best " $BEST" 'map([.choices[] | select(.text != $best) | .probability]) |
        (.[0][0] / .[0][1]) / (.[1][0] / .[1][1]) | . > 0.999 and . < 1.001' <<<"$json$output"
    gen --choices c --bad-words bw --no-echo -n 8 --num-return-sequences 200 -s 1 -p 'The sky is'
    [ "$status" -eq 0 ]
    [[ $output != *"$BEST"* ]]
    # Of a record, and with beams.
    gen_stdin '{"prompt":"The sky is","bad_words":["'"$BEST"'"]}\n' --jsonl --choices c --greedy --json
    jq -e --arg best " $BEST" '.new_text != $best' <<<"$output"
    gen --choices c --bad-words bw --num-beams 3 --no-echo -p 'The sky is'
    [[ $status -eq 0 && $output != *"$BEST"* ]]
}

@test "a bad word that the prompt begins counts, one that it has does not" {
    printf 'is%s\n' " $BEST" >bw
    gen --choices c --bad-words bw --greedy --no-echo -p 'The sky is'
    [[ $status -eq 0 && $output != *"$BEST"* ]]
    printf 'sky is\n' >bw
    gen --choices c --bad-words bw --greedy --no-echo -p 'The sky is'
    [ "$output" = " $BEST" ]
}

@test "bad words in every choice" {
    printf 'e\n' >bw
    gen --choices c --bad-words bw --greedy -p 'The sky is'
    refused 1 'every choice has a bad word in it (give another choice, or fewer bad words)'
    gen_stdin '{"prompt":"a"}\n{"prompt":"b","bad_words":[]}\n' --jsonl --choices c --bad-words bw --greedy --no-echo
    [ "$status" -eq 1 ]
    [ "$stderr" = 'gen: prompt with index 0: every choice has a bad word in it (give another choice, or fewer bad words)' ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "a choice that comes twice is one" {
    local json
    json=$(jq -c .choices <<<"$output")
    printf ' blue\n grey\n\n blue\n green\n grey\r\n blue' >c
    gen --choices c --greedy --json -p 'The sky is'
    [ "$(jq -c .choices <<<"$output")" = "$json" ]
    gen_stdin '{"prompt":"The sky is","choices":[" blue"," grey"," blue"," green"]}\n' --jsonl --greedy --json
    [ "$(jq -c .choices <<<"$output")" = "$json" ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Beam search on the command line and in records: that options reach it, what it prints, what it refuses.
# Which texts it finds is tests/unit/test_beams.c's.

setup() {
    load helper
}

# search ARGUMENTS: a line "SCORE IDS" for each text of a prompt that is always the same
search() {
    "$GEN" -q --json --no-timings -n 8 --seed 3 --prompt-ids '5 17 3 200' "$@" | jq -c '[.score, .new_ids]'
}

@test "texts come best first, and every option of a search changes them" {
    plain=$(search --num-beams 4 --num-return-sequences 4)
    [ "$(wc -l <<<"$plain")" -eq 4 ]
    [ "$(jq -s 'map(.[0]) | . == (sort | reverse)' <<<"$plain")" = true ]
    [ "$(jq -s 'map(.[1]) | unique | length' <<<"$plain")" -eq 4 ]
    # One text is the best of them.
    [ "$(search --num-beams 4)" = "$(head -n 1 <<<"$plain")" ]
    # A search is no draw, and its seed means nothing, unless it is asked for.
    [ "$(search --num-beams 4 --seed 4)" = "$(head -n 1 <<<"$plain")" ]
    [ "$(search --num-beams 4 --do-sample)" != "$(search --num-beams 4 --do-sample --seed 4)" ]
    [ "$(search --num-beams 4 --temperature 3)" != "$(search --num-beams 4)" ]
    for options in "--num-beams 2" "--num-beams 4 --length-penalty 2" "--num-beams 4 --repetition-penalty 3" \
        "--num-beams 4 --do-sample"; do
        # shellcheck disable=SC2086 # several words
        [ "$(search $options)" != "$(head -n 1 <<<"$plain")" ] || (echo "$options" && false)
    done
}

@test "a search ends early, or never" {
    eos=310 # one that it likes
    found=$(for when in true false never; do
        search --num-beams 4 --num-return-sequences 4 --eos-token-id "$eos" --early-stopping "$when" \
            --length-penalty 2 -n 30 | jq -sc .
    done)
    # Whoever waits longer finds no worse a text.
    [ "$(jq -s 'map(.[0][0]) | .[0] <= .[1] and .[1] <= .[2]' <<<"$found")" = true ]
    [ "$(sort -u <<<"$found" | wc -l)" -ge 2 ]
}

@test "a text without a search has no score, and one beam is no search" {
    [ "$(search --greedy | jq -c '.[0]')" = null ]
    [ "$(search --num-beams 1 --greedy)" = "$(search --greedy)" ]
}

@test "records have searches of their own, and threads and batches change none" {
    printf '{"prompt":"ab","num_beams":%d,"max_new_tokens":6,"num_return_sequences":2,"length_penalty":2}\n' 2 3 7 >some
    printf '{"prompt":"ab","max_new_tokens":6}\n' >>some
    gen --jsonl --json --no-timings --seed 1 --file some --batch 7 -t 1
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 7 ]
    first=$output
    [ "$(jq -s 'map(has("score")) | tostring' <<<"$output")" = '"[true,true,true,true,true,true,false]"' ]
    gen --jsonl --json --no-timings --seed 1 --file some --batch 40 -t 2
    [ "$output" = "$first" ]
    # Each is the search that an option asks for.
    gen --json --no-timings --num-beams 3 --num-return-sequences 2 --length-penalty 2 -n 6 ab
    [ "$(jq -c .new_ids <<<"$output")" = "$(jq -c 'select(.index == 1) | .new_ids' <<<"$first")" ]
}

@test "groups of beams differ, and words come that must" {
    [ "$(search --num-beams 4 --num-beam-groups 2 --diversity-penalty 9 --num-return-sequences 4)" != \
        "$(search --num-beams 4 --num-return-sequences 4)" ]
    # Two groups of one beam each begin with different tokens.
    [ "$(search --num-beams 2 --num-beam-groups 2 --diversity-penalty 900 --num-return-sequences 2 |
        jq -s 'map(.[1][0]) | unique | length')" -eq 2 ]
    printf 'xyz\tzyx\nab\n\n' >words
    gen --num-beams 5 --force-words words -n 12 --no-echo Once
    [ "$status" -eq 0 ]
    [[ $output == *ab* ]]
    [[ $output == *xyz* || $output == *zyx* ]]
    first=$output
    # A record says the same, and another has none.
    printf '{"prompt":"Once","num_beams":5,"force_words":[["xyz","zyx"],"ab"],"max_new_tokens":12}\n' >some
    printf '{"prompt":"Once","num_beams":5,"max_new_tokens":12}\n' >>some
    gen --jsonl --no-echo --file some
    [ "${lines[0]}" = "$first" ]
    [[ ${lines[1]} != *ab* ]]
    gen --num-beams 5 --force-words - --file - <words
    refused 2 "both read from stdin"
    gen --num-beams 5 --force-words nothing Once
    refused 1 "nothing"
    gen --force-words words Once
    refused 2 "num_beams is 1, but must be 2 or more"
    gen --num-beams 4 --num-beam-groups 3 --diversity-penalty 1 Once
    refused 2 "must divide num_beams"
    gen --num-beams 4 --num-beam-groups 2 Once
    refused 2 "diversity_penalty is 0"
    gen_stdin '{"prompt":"a","num_beams":4,"force_words":[["b",1]]}' --jsonl --json
    [[ $output == *'\"force_words\" holds an array, but must hold texts and lists of texts'* ]]
}

@test "contrastive search takes another text than the greedy one, on the command line and in a record" {
    greedy=$(search --greedy)
    [ "$(search --penalty-alpha 0 --greedy)" = "$greedy" ]
    [ "$(search --penalty-alpha 0.9 --top-k 8)" != "$greedy" ]
    # Nothing is drawn.
    [ "$(search --penalty-alpha 0.9 --top-k 8)" = "$(search --penalty-alpha 0.9 --top-k 8 --seed 4)" ]
    [ "$(search --penalty-alpha 0.9 --top-k 80 | jq '.[1] | length')" -eq 8 ]
    gen --penalty-alpha 0.9 --top-k 3 -n 6 Once
    found=$output
    gen_stdin '{"prompt":"Once","penalty_alpha":0.9,"top_k":3,"max_new_tokens":6}' --jsonl
    [ "$output" = "$found" ]
    gen --penalty-alpha 0.6 --top-k 1 Once
    refused 2 "top_k is 1"
    gen --penalty-alpha 0.6 --temperature 0.5 Once
    refused 2 "temperature is 0.5"
    gen --penalty-alpha 0.6 --context slide Once
    refused 2 "context slides"
}

@test "what cannot be is refused in a line" {
    gen --num-beams 3 --num-return-sequences 4 ab
    refused 2 "raise num_beams"
    gen --num-beams 3 --batch 2 ab
    refused 1 "raise batch"
    gen --num-beams 3 --save-logits x.f32 ab
    refused 1 "num_beams must be 1"
    gen --num-beams 0 ab
    refused 2 "--num-beams"
    gen --num-beams 3 --early-stopping perhaps ab
    refused 2 "--early-stopping"
    # A wrong record costs that record.
    gen_stdin '{"prompt":"ab","num_beams":3,"num_return_sequences":4}\n{"prompt":"ab","num_beams":3}\n' --jsonl --json -n 3
    [ "$status" -eq 1 ]
    [ "$(jq -c 'has("error")' <<<"${lines[0]}")" = true ]
    [ "$(jq -c 'has("score")' <<<"${lines[1]}")" = true ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# Lines of --jsonl with options and with members of their own, and seeds that give one text again.

setup() {
    load helper
}

# answers LINES ARGUMENTS: the JSON for these lines, without times
answers() {
    # shellcheck disable=SC2059 # the lines have escapes
    printf "$1" >lines.jsonl
    shift
    run --separate-stderr timeout 60 "$GEN" --jsonl --json --no-timings -f lines.jsonl "$@"
}

@test "every text of a run comes again alone, by its seed" {
    printf 'a\nb c\n\nthe\nline 5\n' |
        "$GEN" -n 12 -s 3 --lines --json --no-timings --num-return-sequences 2 >all
    [ "$(jq -r .seed all | sort -u | wc -l)" -eq 10 ]
    [ "$(jq -r 'select(.seed >= 9007199254740992)' all)" = "" ]
    [ "$(sed -n 1p all | jq .seed)" -eq 3 ]
    while read -r line; do
        "$GEN" -n 12 --seed "$(jq -r .seed <<<"$line")" -p "$(jq -r .prompt <<<"$line")" --json >one
        [ "$(jq -c .new_ids one)" = "$(jq -c .new_ids <<<"$line")" ]
    done <all
}

@test "--first-index: a list that was cut gives the texts of the whole" {
    seq 20 >list
    "$GEN" -n 6 -s 8 --lines --json --no-timings -f list >all
    tail -n +8 list | "$GEN" -n 6 -s 8 --lines --json --no-timings --first-index 7 >rest
    tail -n +8 all | cmp - rest
    gen -n 6 -s 8 --json --no-timings --first-index 3 4
    [ "$output" = "$(sed -n 4p all | jq -c 'del(.run)')" ]
    gen --first-index -1 Hi
    refused 2 "--first-index"
}

@test "a line with options gives the text of a command line with them" {
    answers '{"prompt":"one","max_new_tokens":4}
{"prompt":"two","temperature":0.3,"top_k":5,"top_p":0.5,"min_p":0.01,"typical_p":0.9,"top_n_sigma":3}
{"prompt":"three","repetition_penalty":1.5,"presence_penalty":0.5,"frequency_penalty":0.25,"no_repeat_ngram_size":2}
{"prompt":"four","seed":77,"min_new_tokens":3,"min_length":8,"max_length":12}
{"prompt":"five","stop":["a","e"],"bad_words":"th","logit_bias":{"40":9,"41":"-inf"}}
{"prompt":"six","do_sample":false,"stop_strings":"\\n","ignore_eos":true}
{"prompt":"seven","greedy":true}
{"prompt":"eight","temperature":null}
{"prompt":"nine","temperature":"1.5","max_new_tokens":"3"}
' -n 9 -s 5
    [ "$status" -eq 0 ]
    printf '%s\n' "$output" >all
    same() {
        local line
        line=$(sed -n "$1p" all)
        shift
        "$GEN" --seed "$(jq -r .seed <<<"$line")" --json "$@" "$(jq -r .prompt <<<"$line")" >one
        [ "$(jq -c '[.new_ids, .finish_reason, .new_text]' one)" = \
            "$(jq -c '[.new_ids, .finish_reason, .new_text]' <<<"$line")" ]
    }
    same 1 -n 4
    same 2 -n 9 --temperature 0.3 --top-k 5 --top-p 0.5 --min-p 0.01 --typical-p 0.9 --top-n-sigma 3
    same 3 -n 9 --repetition-penalty 1.5 --presence-penalty 0.5 --frequency-penalty 0.25 --no-repeat-ngram-size 2
    [ "$(sed -n 4p all | jq .seed)" -eq 77 ]
    same 4 -n 9 --min-new-tokens 3 --min-length 8 --max-length 12
    printf 'th\n' >words
    same 5 -n 9 --stop a --stop e --bad-words words --logit-bias 40=9,41=-inf
    same 6 -n 9 --greedy --stop '\n' --ignore-eos
    same 7 -n 9 --greedy
    same 8 -n 9
    same 9 -n 3 --temperature 1.5
    # Options of a line change no seed: the first is the run's, the others as without options.
    [ "$(sed -n 1p all | jq .seed)" -eq 5 ]
    printf 'a\nb\n' | "$GEN" -n 1 -s 5 --lines --json >plain
    [ "$(sed -n 2p all | jq .seed)" = "$(sed -n 2p plain | jq .seed)" ]
}

@test "max_length alone has no other limit next to it, as on the command line" {
    answers '{"prompt":"a","max_length":30,"ignore_eos":true}\n'
    [ "$(jq '.ids | length' <<<"$output")" -eq 30 ]
    answers '{"prompt":"a","max_length":30,"ignore_eos":true}\n' -n 5
    [ "$(jq '.new_ids | length' <<<"$output")" -eq 5 ]
}

@test "members that are no option come back in input, as they were spelled" {
    answers '{"id": 12345678901234567890, "prompt":"a", "tags": [1.50, "x \\u00e9\\n\302\233", {"a": null}],"max_new_tokens":2,"name":"B"}
{"prompt":"b"}\n{"prompt":"c","num_return_sequences":2,"id":3}\n{"id":"four"}\n{"id":5,"prompt":"e"}\n' -n 1
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == *',"input":{"id":12345678901234567890,"tags":[1.50,"x \u00e9\n\u009b",{"a":null}],"name":"B"}}' ]]
    [[ ${lines[1]} != *input* ]]
    [[ ${lines[2]} == *'"sequence":0,'*'"input":{"id":3}}' ]]
    [[ ${lines[3]} == *'"sequence":1,'*'"input":{"id":3}}' ]]
    [[ ${lines[4]} == '{"index":3,"error":"'*'"input":{"id":"four"}}' ]]
    [[ ${lines[5]} == *'"input":{"id":5}}' ]]
}

@test "a wrong option costs its line" {
    wrong() {
        answers "{\"prompt\":\"a\",$1}\\n{\"prompt\":\"b\"}\\n" -n 1
        [ "$status" -eq 1 ]
        [ "${#stderr_lines[@]}" -eq 1 ]
        echo "$stderr"
        [[ $stderr == "gen: prompt with index 0: "*"$2"* ]]
        [[ ${lines[0]} == '{"index":0,"error":"'* ]]
        [[ ${lines[1]} == '{"index":1,"sequence":0,'* ]]
    }
    wrong '"temperature":-1' '--temperature: "-1" is not a number from 0 to 1000'
    wrong '"temperature":[1]' '"temperature" is an array, but must be a number'
    wrong '"top_p":0' '--top-p: "0" is not a number above 0, up to 1'
    wrong '"max_new_tokens":1.5' '--max-new-tokens: "1.5" is not a whole number'
    wrong '"max_new_tokens":true' '"max_new_tokens" is true or false, but must be a number'
    wrong '"seed":-1' '--seed: "-1" is not a whole number from 0'
    wrong '"ignore_eos":1' '"ignore_eos" is a number, but must be true or false'
    wrong '"stop":1' '"stop" is a number, but must be text or a list of texts'
    wrong '"stop":["a",1]' '"stop" holds a number, but must hold texts'
    wrong '"stop":""' '--stop: an empty text would stop every text'
    wrong '"stop":"a","stop_strings":"b"' 'are the same'
    wrong '"logit_bias":{"x":1}' 'is not ID=X'
    wrong '"logit_bias":{"1":null}' '"logit_bias" holds null'
    wrong '"logit_bias":{"9999":1}' '9999'
    wrong '"min_new_tokens":5,"max_new_tokens":2' '--min-new-tokens 5 is more than --max-new-tokens 2'
    wrong '"greedy":true,"temperature":1' 'exclude each other'
    wrong '"num_return_sequences":0' '--num-return-sequences: "0"'
}

# alone FILE ARGUMENTS: every answer of FILE comes again by its seed and its prompt, with these options
alone() {
    local line
    [ "$(jq -r 'select(.seed >= 9007199254740992)' "$1")" = "" ]
    while read -r line; do
        "$GEN" --seed "$(jq -r .seed <<<"$line")" -p "$(jq -r .prompt <<<"$line")" --json "${@:2}" >one
        [ "$(jq -c '[.new_ids, .finish_reason]' one)" = "$(jq -c '[.new_ids, .finish_reason]' <<<"$line")" ]
    done <"$1"
}

@test "every text comes again alone: shards, cut lists, CSV, resumed runs, sliding contexts, guesses" {
    printf 'prompt,seed\na b c,\n"d, e",\nf,77\ng,\nh i,\n' >list.csv
    run_of() {
        "$GEN" -n 9 -s 6 --csv --json --no-timings -f list.csv --num-return-sequences 2 "$@"
    }
    run_of >all
    alone all -n 9
    [ "$(jq -r .seed all | sort -u | wc -l)" -eq 10 ]
    [ "$(sed -n 1p all | jq .seed)" -eq 6 ]
    [ "$(sed -n 5p all | jq .seed)" -eq 77 ]
    run_of --shard 2/2 >shard
    jq -c 'select(.index % 2 == 1)' all | cmp - <(jq -c . shard)
    head -n 3 all >out.partial
    run_of -q --resume -o out
    cmp all out
    run_of --first-index 4 >later
    alone later -n 9
    [ "$(jq .seed later | head -n 1)" = "$(jq -s '.[8].seed' all)" ]
    # With a seed of its own a line does not depend on where it is.
    [ "$(jq -s -c 'map(select(.seed == 77).new_ids)' all)" = "$(jq -s -c 'map(select(.seed == 77).new_ids)' later)" ]
    for options in '-n 90 --context slide --ignore-eos' '-n 40 --speculate --temperature 0.2 --ignore-eos' '-n 40 --no-speculate' '-n 6 --kv-type f16'; do
        # shellcheck disable=SC2086 # several words
        printf 'the the the the\na\n' | "$GEN" --lines --json --no-timings -s 3 --num-return-sequences 2 $options >some
        # shellcheck disable=SC2086
        alone some $options
    done
    [ "$(jq -s 'length' some)" -eq 4 ]
}

@test "--max-time and --stop-at sentence, of the run and of a line" {
    printf 'a\nb\nc\n' | timeout 60 "$GEN" --lines --json -n 1000000 --context slide --ignore-eos --max-time 0.05 -s 1 >some
    [ "$(jq -r .finish_reason some | sort -u)" = time ]
    answers '{"prompt":"a","max_time":0.05}\n{"prompt":"b","max_new_tokens":3}\n{"prompt":"c","max_time":-1}\n' -n 100000000 --context slide --ignore-eos -s 1
    [ "$status" -eq 1 ]
    [ "$(jq -r '.finish_reason // .error' <<<"$output")" = 'time
length
lines.jsonl: line 3: --max-time: "-1" is not a number from 0 to 1000000000' ]
    # The mark that ends a sentence is all that can be drawn.
    answers '{"prompt":"a","stop_at":"sentence"}\n{"prompt":"a"}\n{"prompt":"a","stop_at":"sentence","max_new_tokens":4}\n{"prompt":"a","stop_at":"word"}\n' \
        -n 9 -s 1 --logit-bias 13=1000 # "."
    [ "$(jq -c '[(.new_text // "" | length), .finish_reason]' <<<"$output")" = '[4,"stop"]
[9,"length"]
[2,"stop"]
[0,null]' ]
    [[ ${lines[3]} == *'--stop-at: \"word\" is none of its values (limit, sentence)'* ]]
}

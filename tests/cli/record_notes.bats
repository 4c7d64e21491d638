#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# Members of records that look like options and are none; and what is an option although it looks like data.

setup() {
    load helper
}

# said LINES ARGUMENTS: what stderr says of these lines, without "gen: "
said() {
    # shellcheck disable=SC2059 # the lines have escapes
    printf "$1" >lines
    shift
    run --separate-stderr timeout 60 "$GEN" -n 1 --json --no-timings -f lines "$@"
    stderr=${stderr//gen: /}
}

@test "a mistyped option and one of other programs are said once, and are data" {
    said '{"prompt":"a","temprature":0.5,"id":1}\n{"prompt":"b","temprature":1,"topK":5,"top-p":1,"maxNewTokens":2}\n{"prompt":"c","stop_string":"x","seeds":1}\n' --jsonl
    [ "$status" -eq 0 ]
    [ "$stderr" = 'lines: line 1: "temprature" is no option (did you mean "temperature"?)
lines: line 2: "topK" is no option (did you mean "top_k"?)
lines: line 2: "top-p" is no option (did you mean "top_p"?)
lines: line 2: "maxNewTokens" is no option (did you mean "max_new_tokens"?)
lines: line 3: "stop_string" is no option (did you mean "stop_strings"?)
lines: line 3: "seeds" is no option (did you mean "seed"?)' ]
    [ "$(jq -c .input <<<"${lines[0]}")" = '{"temprature":0.5,"id":1}' ]
    said '{"prompt":"a","low_memory":true}\n{"prompt":"b","low_memory":true,"max_tokens":3,"dola_layers":1}\n' --jsonl
    [ "${#stderr_lines[@]}" -eq 3 ]
    [[ $stderr == 'lines: line 1: "low_memory" is no option: the beams'* ]]
    [[ $stderr == *'line 2: "max_tokens" is no option (did you mean "max_new_tokens"?)'* ]]
    [[ $stderr == *'line 2: "dola_layers" is no option: '* ]]
    said 'prompt,temprature\na,1\nb,2\n' --csv
    [ "$stderr" = 'lines: line 2: "temprature" is no option (did you mean "temperature"?)' ]
    said '{"prompt":"a","temprature":0.5,"low_memory":true}\n' --jsonl --quiet
    [ -z "$stderr" ]
}

@test "every name of transformers is an option or is answered" {
    # What is nobody's to set for one prompt, and names of one word that are more often data.
    jq -Rnc 'reduce inputs as $name ({prompt: "a"}; .[$name] = null)' "$ROOT/tests/golden/habits/transformers.txt" >all
    jq -c '.' all | "$GEN" -n 1 --jsonl --json --no-timings 2>said >out
    jq -r '.input // {} | keys[]' out | grep _ >data
    [ "$(wc -l <data)" -gt 20 ]
    while read -r name; do
        grep -q "\"$name\" is no option" said || echo "$name"
    done <data >silent
    cat silent
    [ ! -s silent ]
}

@test "data is data: nothing is said of it" {
    said '{"prompt":"a","id":1,"i":2,"c":3,"r":1,"text":"t","title":"t","min":1,"max":2,"top":1,"step":1,"steps":2,"stopped":1,"context":"Paris is","question":"q","answer":"a","answers":["b"],"name":"n","label":1,"source":"s","language":"en","url":"u","date":"d","draft":1,"score":0.5,"length":3,"model":"m","file":"f","template":"t","prompt_id":4}\n' --jsonl
    [ "$status" -eq 0 ]
    echo "$stderr"
    [ -z "$stderr" ]
    [ "$(jq '.input | length' <<<"$output")" -eq 29 ]
    # What a template names is meant.
    printf '{{seeds}} {{num_beams}}' >template
    said '{"seeds":"a","num_beams":1,"top_q":1}\n' --jsonl --template template
    [ "$stderr" = 'lines: line 1: "top_q" is no option (did you mean "top_k"?)' ]
    # Keys that are others in each line are looked at for a while only.
    for i in $(seq 100); do printf '{"prompt":"a","key %d":1}\n' "$i"; done >keys
    printf '{"prompt":"a","num_beams":1}\n' >>keys
    said "$(cat keys)" --jsonl
    [ -z "$stderr" ]
}

@test "True and FALSE are flags in CSV" {
    said 'prompt,ignore_eos,greedy\na,True,FALSE\nb,false,true\nc,yes,\n' --csv
    [ "$status" -eq 1 ]
    [ "$stderr" = 'prompt with index 2: lines: line 4: "ignore_eos" is text, but must be true or false' ]
    [ "$(jq -s 'map(.new_ids | length) | add' <<<"$output")" -eq 2 ]
}

@test "--csv: a text is written when it is done, though the next record has not come whole" {
    mkfifo in out
    "$GEN" -n 0 --json --csv <in >out &
    job=$!
    exec 5>in 6<out
    answer() {
        IFS= read -r -t 20 _ <&6
    }
    printf 'prompt\na\n"b\n' >&5
    answer
    printf '\nb' >&5
    run -124 timeout 0.2 head -c 1 <&6 # nothing yet: the record goes on
    printf '\n"\nc\n\n' >&5
    answer
    answer
    printf '"d' >&5
    exec 5>&-
    [ "$(cat <&6 | wc -l)" -eq 1 ]
    exec 6<&-
    wait "$job" || [ $? -eq 1 ]
}

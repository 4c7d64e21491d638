#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; jq's programs in quotes
# gen eval: perplexity of a text and accuracy on data sets. The numbers are PyTorch's and
# lm-evaluation-harness's (tests/golden/make_eval.py).

setup() {
    load helper
    FIXTURES=$ROOT/tests/golden/eval
    TALE=$ROOT/tests/golden/tale.txt
}

# wanted MODEL PATH: what expected.json has there, on one line
wanted() {
    jq -c --arg model "$1" '.[$model]'"$2" "$FIXTURES/expected.json"
}

# found_as WANTED NAME...: the numbers of these names in $output are those of WANTED, to 1e-4 of them
found_as() {
    local wanted=$1 name
    shift
    for name; do
        echo "$name: $(jq ".$name" <<<"$output"), wanted $(jq ".$name" <<<"$wanted")"
        jq -e -s --arg name "$name" '[.[][$name]] | .[0] != null and (.[0] - .[1] | fabs) <= 1e-4 * .[1]' \
            <<<"$output $wanted" >/dev/null
    done
}

@test "perplexity in windows is that of an exact loop in PyTorch" {
    for model in base neo-words; do
        wanted "$model" '.perplexity[]' >cases
        [ "$(wc -l <cases)" -eq 4 ]
        while read -r case; do
            gen eval -m "$ROOT/tests/golden/models/$model" --text "$TALE" --json \
                --ctx "$(jq .ctx <<<"$case")" --stride "$(jq .stride <<<"$case")"
            [ "$status" -eq 0 ]
            found_as "$case" perplexity
            [ "$(jq -c '[.ctx, .stride, .n_scored]' <<<"$output")" = "$(jq -c '[.ctx, .stride, .n_scored]' <<<"$case")" ]
        done <cases
    done
}

@test "perplexity by the convention of llama.cpp" {
    for model in base neo-words; do
        wanted "$model" '.llama[]' >cases
        while read -r case; do
            gen eval -m "$ROOT/tests/golden/models/$model" --text "$TALE" --json --convention llama.cpp \
                --ctx "$(jq .ctx <<<"$case")"
            found_as "$case" perplexity perplexity_stderr n_scored
        done <cases
    done
    gen eval --text "$TALE" --convention llama.cpp --json
    [ "$(jq .ctx <<<"$output")" = 64 ] # 512, but for the model
    gen eval --text "$TALE" --convention llama.cpp --stride 7
    refused 2 "--stride"
}

@test "bits: for the bytes and characters that are scored" {
    printf 'Straße, ähnlich. \360\237\230\200' >text
    gen eval --text text --json
    [ "$status" -eq 0 ]
    # The first token, S, is not scored.
    [ "$(jq -c '[.n_bytes, .n_chars, .n_windows, .perplexity_stderr]' <<<"$output")" = '[22,17,1,null]' ]
    jq -e '(.bits_per_byte * .n_bytes * (2 | log) + .logprob | fabs) < 1e-3 and
        (.bits_per_char * .n_chars * (2 | log) + .logprob | fabs) < 1e-3' <<<"$output"
    gen eval --text text
    [[ ${lines[0]} =~ ^"tokens "+[0-9]+", scored "[0-9]+", in 1 window of 64"$ ]]
    [[ ${lines[1]} =~ ^"perplexity "+[0-9.]+$ ]]
    [[ ${lines[2]} =~ ^"bits/byte "+[0-9.]+$ ]]
    gen eval --text - --json <text
    jq -e '.n_bytes == 22' <<<"$output"
}

@test "accuracies are lm-evaluation-harness's, to the last digit" {
    for model in base neo-words; do
        for file in hellaswag lambada blimp piqa arc arc-nested winogrande choices; do
            task=${file%-nested}
            options=(--task "$task" "$FIXTURES/$file.jsonl")
            [ "$task" != choices ] || options=(--choices "$FIXTURES/$file.jsonl")
            gen eval -m "$ROOT/tests/golden/models/$model" --json "${options[@]}"
            [ "$status" -eq 0 ]
            names='[.acc, .acc_stderr, .acc_norm, .acc_norm_stderr]'
            [ "$(jq -c "$names" <<<"$output")" = "$(wanted "$model" ".harness[\"$task\"] | $names")" ]
        done
        gen eval -m "$ROOT/tests/golden/models/$model" --json --task lambada "$FIXTURES/lambada.jsonl"
        found_as "$(wanted "$model" .harness.lambada)" perplexity
    done
}

@test "a wrong record costs that record" {
    printf '%s\n' '{"context":"a","choices":["b","c"],"label":0}' '{"context":"a","choices":["b","c"],"label":2}' \
        '{"context":"a","choices":[],"label":0}' '{"context":"a","choices":["b",""],"label":0}' \
        '{"context":"a","choices":["b","c"]}' '{"context":"a","choices":["b","c"],"label":"A"}' '{"choices":["b"]}' '[' \
        '{"context":"a","choices":["b",7],"label":0}' '' '{"context":"a","choices":["b","c"],"label":"1"}' >list
    gen eval --choices list --json
    [ "$status" -eq 1 ]
    [ "$(jq -c '[.n, .n_failed, .acc]' <<<"$output")" = '[2,8,0.5]' ]
    [ "$stderr" = 'gen: record with index 1: list: line 2: "label" is 2, but the choices are 0 to 1
gen: record with index 2: list: line 3: "choices" must be an array of texts, but is empty
gen: record with index 3: list: line 4: choice 1 is empty, but must have text to be scored
gen: record with index 4: list: line 5: "label" must say which choice is right, but is not there
gen: record with index 5: list: line 6: "label" must be the number of a choice, but is text
gen: record with index 6: list: line 7: "context" must be text, but is not there
gen: record with index 7: list: line 8 is an array, but each line must be an object (jq -c '"'.[]'"' FILE > NEW.jsonl makes lines of it)
gen: record with index 8: list: line 9: "choices" must be an array of texts, but has a number in it' ]
    gen eval --task winogrande list
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ ${stderr_lines[0]} == *'list: line 1: "sentence" must be text, but is not there' ]]
    gen_stdin '{"question":"a","choices":{"text":["b"],"label":["A"]},"answerKey":"B"}' eval --task arc -
    refused 1 'stdin: line 1: "answerKey" is "B", but no choice has it'
}

@test "a table for people, and what it stands on" {
    gen eval --task hellaswag "$FIXTURES/hellaswag.jsonl" -v
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 'records      24 of hellaswag' ]
    [[ ${lines[1]} =~ ^'acc          0.2083 +- 0.0847'$ ]]
    [[ ${lines[2]} =~ ^'acc_norm     0.2500 +- 0.0903'$ ]]
    [[ $stderr == *"24 records in "* ]]
    gen eval --choices "$FIXTURES/choices.jsonl" -o out --json
    [ -z "$output" ]
    jq -e '.task == "choices" and .n == 24' out
}

@test "bad texts and wrong usage: one line each" {
    printf '' >empty
    printf 'a' >one
    gen eval --text empty
    refused 1 "empty: the text has 0 tokens, but must have at least 2"
    gen eval --text one
    refused 1 "one: the text has 1 token, but must have at least 2"
    gen eval --text "$TALE" --convention llama.cpp --ctx 64 -m "$ROOT/tests/golden/models/neo-words"
    refused 2 "--ctx is 64, but the model's context is 40"
    printf 'Once upon a time' >short
    gen eval --text short --convention llama.cpp
    refused 1 "llama.cpp's convention needs at least 128"
    gen eval --text nothing
    refused 1 "nothing: No such file"
    gen eval --task mmlu file
    refused 2 '--task: "mmlu" is none of hellaswag'
    gen eval --task piqa
    refused 2 "--task needs a FILE"
    gen eval --text a b
    refused 2 '"b" is too much'
    gen eval
    refused 2 "eval needs --text FILE, --task NAME FILE or --choices FILE"
    gen eval --text a --choices b
    refused 2 "exclude each other"
    gen eval --choices empty
    refused 1 "empty: there are no records in it"
    gen eval -m "$ROOT/tests/golden/models/neo-mixed" --text "$TALE"
    refused 1 "the model has no tokenizer"
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; jq's programs in quotes
# gen score: texts, ids, pairs of context and continuation. The numbers are PyTorch's and
# lm-evaluation-harness's (tests/golden/make_eval.py).

setup() {
    load helper
    unset GEN_MODEL # the built-in one
    FIXTURES=$ROOT/tests/golden/eval
}

# wanted MODEL PATH: what expected.json has there, on one line
wanted() {
    jq -c --arg model "$1" '.[$model]'"$2" "$FIXTURES/expected.json"
}

# near BOUND: of the lines on stdin, arrays [found, wanted] of numbers or null, none is further apart
near() {
    jq -e -s --argjson bound "$1" 'length > 0 and all(.[]; .[0] == .[1] or
        (.[0] != null and .[1] != null and ((.[0] - .[1]) | fabs) <= $bound))' >/dev/null
}

@test "each token's log probability, rank and the likeliest are PyTorch's" {
    for model in base odd-width neo-words; do
        wanted "$model" ".scores[]" >list
        jq -c "{ids}" list >ids
        "$GEN" score -m "$ROOT/tests/golden/models/$model" --jsonl --json --logprobs 3 <ids >found
        jq -c -s '[.[0:3], .[3:6]] | transpose[] | [.[].token_logprobs] | transpose[]' found list | near 1e-4
        # Logits that are next to equal may change places.
        jq -c -s '[.[0:3], .[3:6]] | transpose[] | [.[].token_ranks] | transpose[]' found list | near 1
        jq -c '.top[1:][] | map([.id, .logprob])' found | jq -c '.[]' >best
        jq -c '.top[1:][] | .[]' list | paste -d , best - | sed 's/.*/[&]/' >both
        jq -c '[.[0][0], .[1][0]]' both | near 0
        jq -c '[.[0][1], .[1][1]]' both | near 1e-4
    done
}

@test "sums: logprob, perplexity, bits per byte are those of the tokens that are scored" {
    gen score --tokens --json 'Once upon a time there was a queen.'
    [ "$status" -eq 0 ]
    jq -e '.index == 0 and (.n_tokens == (.ids | length) - 1) and (.tokens | join("")) ==
        "Once upon a time there was a queen." and .token_logprobs[0] == null and
        ((.token_logprobs[1:] | add) - .logprob | fabs) < 1e-5 and
        (.perplexity - ((-.logprob / .n_tokens) | exp) | fabs) < 1e-4 and
        (.bits_per_byte + .logprob / (2 | log) / (.tokens[1:] | join("") | utf8bytelength) | fabs) < 1e-6 and
        (.token_ranks | length) == (.ids | length)' <<<"$output"
}

@test "a context and its continuation: blanks move as in lm-evaluation-harness" {
    for model in base neo-words; do
        "$GEN" score -m "$ROOT/tests/golden/models/$model" --jsonl --json <"$FIXTURES/pairs.jsonl" >found
        wanted "$model" '.harness.pairs[]' | paste -d ' ' found - >both
        [ "$(wc -l <both)" -eq 13 ]
        jq -c -s '_nwise(2) | [.[0].logprob, .[1][0]]' both | near 1e-4
        jq -c -s '_nwise(2) | select(.[0].is_greedy != .[1][1])' both >wrong
        [ ! -s wrong ]
    done
    # The continuation alone comes back, whatever its context is.
    gen_stdin '{"context":"Once upon a ","continuation":"time","id":[7]}\n' score --jsonl --tokens --json
    [ "$(jq -c '[.tokens, .token_logprobs[0] < 0, .input]' <<<"$output")" = '[[" time"],true,{"id":[7]}]' ]
}

@test "lines, records, a text: the same score, in any company" {
    printf 'The cat sat.\nOnce upon a time\nThe cat sat.\n' >lines
    gen score -f lines --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 3 ]
    [ "$(jq -c .logprob <<<"${lines[0]}")" = "$(jq -c .logprob <<<"${lines[2]}")" ]
    gen_stdin '{"text":"The cat sat."}\n' score --jsonl --json
    [ "$output" = "${lines[0]}" ]
    gen_stdin 'x' score --json The cat sat.
    [ "$output" = "$("$GEN" score --json -f lines | head -n 1)" ]
    for kernels in generic avx2; do
        GEN_KERNELS=$kernels "$GEN" score -t 1 -f lines --json >found 2>/dev/null || continue
        "$GEN" score -t 3 -f lines --json | cmp - found
    done
    gen score -f lines
    [ "${lines[0]}" = "     logprob  perplexity   bits/byte  tokens  text" ]
    [[ ${lines[1]} =~ ^\ +-[0-9.]+\ +[0-9.]+\ +[0-9.]+\ +[0-9]+\ \ \"The\ cat\ sat\.\"$ ]]
}

@test "texts longer than the context are scored in windows" {
    head -c 1500 "$ROOT/tests/golden/tale.txt" | tr '\n' ' ' >long
    gen score -m "$ROOT/tests/golden/models/base" -f long --json --tokens
    [ "$status" -eq 0 ]
    jq -e '(.ids | length) > 500 and .n_tokens == (.ids | length) - 1' <<<"$output"
    gen score -m "$ROOT/tests/golden/models/base" -f long --json --tokens --ctx 16 --stride 16
    # The first of each window has nothing before it.
    jq -e '.n_tokens == (.ids | length) - ((.ids | length) / 16 | ceil)' <<<"$output"
    gen score -f long --ctx 100000
    refused 2 "--ctx is 100000, but the model's context is 512"
    gen score -f long --ctx 16 --stride 17
    refused 2 "--stride is 17, but must be at most --ctx, which is 16"
}

@test "a wrong record costs that record" {
    printf '%s\n' '{"text":"fine"}' '{"text":1}' '' '{"a":1}' '{"text":""}' '{"ids":[1,"x"]}' '{"ids":[1,99999]}' \
        '{"text":"a","ids":[1]}' '[1]' '{"context":"a"}' '{"context":"a","continuation":"","n":1}' '{"ids":[5]}' >list
    gen score --jsonl --json -f list
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | jq -r '.error // .n_tokens')" = '1
list: line 2: "text" must be text, but is a number
list: line 4: must have "text", "ids" or "context" and "continuation", but has "a"
there is no token to be scored, the text is empty
list: line 6: "ids" must be an array of token ids, but has text in it
token id 99999 is out of range, the model'"'"'s ids are 0 to 4095
list: line 8: has both "text" and "ids", but must have one of them
list: line 9 is an array, but each line must be an object (jq -c '"'.[]'"' FILE > NEW.jsonl makes lines of it)
list: line 10: must have "text", "ids" or "context" and "continuation", but has "context"
list: line 11: the continuation is empty, there is no token to be scored
0' ]
    [ "$(printf '%s\n' "$output" | jq -c 'select(.index == 9) | .input')" = '{"n":1}' ]
    [ "$(printf '%s\n' "$output" | jq -c 'select(.index == 10) | [.perplexity, .bits_per_byte]')" = '[null,null]' ]
    [ "${#stderr_lines[@]}" -eq 9 ]
    [ "${stderr_lines[0]}" = 'gen: text with index 1: list: line 2: "text" must be text, but is a number' ]
    gen_stdin '\n' score
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = "           -           -           -       -  (failed)" ]
}

@test "scores come as lines do" {
    mkfifo in out
    "$GEN" score --json --no-sandbox <in >out &
    exec 7>in 8<out
    echo 'The cat sat.' >&7
    read -r -t 20 line <&8
    [[ $line == '{"index":0,'* ]]
    echo 'The dog, too.' >&7
    read -r -t 20 line <&8
    [[ $line == '{"index":1,'* ]]
    exec 7>&-
    wait $!
    exec 8<&-
}

@test "wrong usage, and a model without a tokenizer" {
    gen score --lines a text
    refused 2 '--lines and the text "a" exclude each other'
    gen score --lines --jsonl
    refused 2 "exclude each other"
    gen score --logprobs 101 x
    refused 2 "--logprobs"
    gen score -f nothing
    refused 1 "nothing: No such file"
    gen score -c 16 x # llama.cpp's name
    refused 2 "--ctx N"
    gen_stdin '{"text":"a"}\n{"ids":[1,2,3]}\n' score -m "$ROOT/tests/golden/models/neo-mixed" --jsonl --json
    [ "$status" -eq 1 ]
    [ "$(jq -r .error <<<"${lines[0]}")" = 'stdin: line 1: the model has no tokenizer (give {"ids":[...]} with --jsonl)' ]
    [ "$(jq -c '[.n_tokens, .bits_per_byte]' <<<"${lines[1]}")" = '[2,null]' ]
}

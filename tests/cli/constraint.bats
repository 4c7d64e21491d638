#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Constraints on the command line: --regex and the like, with sampling, beams, batches and drafts.

setup() {
    load helper
}

@test "a regular expression is what the new text matches" {
    for seed in 1 2 3 4; do
        gen --regex '[a-c]{2,3}(x|yz)' --seed "$seed" --no-echo -p 'Once'
        [ "$status" -eq 0 ]
        [[ $output =~ ^[a-c]{2,3}(x|yz)$ ]]
    done
    gen --regex '[a-c]{2}x' --greedy --json -p ''
    [[ $output == *'"finish_reason":"eos"'* ]]
    [[ $(printf '%s' "$output" | jq -r .new_text) =~ ^[a-c]{2}x$ ]]
}

@test "a text that runs out of tokens ends within its form" {
    gen --regex '[a-z]*' -n 3 --json -p 'a' --seed 3 --logit-bias 0=-inf
    [ "$status" -eq 0 ]
    [[ $(printf '%s' "$output" | jq -r .new_text) =~ ^[a-z]*$ ]]
}

@test "beams, batches, return sequences and drafts heed a form" {
    gen --regex '(ab|cd){1,8}' --num-beams 3 --no-echo -p 'x'
    [ "$status" -eq 0 ]
    [[ $output =~ ^(ab|cd)+$ ]]
    gen --regex '(ab|cd){1,8}' --num-return-sequences 3 --no-echo --seed 4 --json -p 'x'
    [ "$(printf '%s\n' "$output" | jq -r .new_text | grep -Ecx '(ab|cd)+')" -eq 3 ]
    gen_stdin 'one\ntwo\nthree\n' --lines --regex '(ab|cd){1,8}' --json --seed 9
    [ "$(printf '%s\n' "$output" | jq -r .new_text | grep -Ecx '(ab|cd)+')" -eq 3 ]
    gen --regex '(ab|cd){8}' --greedy --no-echo -p 'x'
    local with=$output
    gen --regex '(ab|cd){8}' --greedy --no-echo -p 'x' --no-speculate
    [ "$output" = "$with" ]
}

@test "a bad expression, and what does not go with a form, are said" {
    gen --regex 'a(?=b)' -p x
    refused 2 '--regex: at byte 2: a lookahead (?=...) is not supported'
    gen --regex 'ab' --ignore-eos -p x
    refused 2 '--ignore-eos'
    gen --regex 'ab' --min-new-tokens 10 -p x
    [ "$status" -eq 1 ]
    [[ $stderr == *'the form of the text allows only'* ]]
}

@test "a grammar, a schema, choices and any object from files" {
    printf 'root ::= "yes" | "no" [0-9]+\n' >g.gbnf
    gen --grammar g.gbnf --seed 5 --no-echo -p 'x'
    [[ $output =~ ^(yes|no[0-9]+)$ ]]
    printf '{"type":"object","properties":{"n":{"type":"integer","minimum":3,"maximum":70}},"required":["n"],"additionalProperties":false}' >s.json
    for seed in 1 2 3; do
        gen --json-schema s.json --seed "$seed" --json -n 60 -p 'x'
        [ "$status" -eq 0 ]
        printf '%s' "$output" |
            jq -e '.finish_reason != "eos" or (.new_text | fromjson | .n >= 3 and .n <= 70)'
    done
    printf 'red\ngreen\nvery blue\n' >c.txt
    gen --choices c.txt --seed 2 --no-echo -p 'x'
    grep -qxF "$output" c.txt
    gen --choices c.txt --seed 2 --no-echo --num-beams 3 -p 'x'
    grep -qxF "$output" c.txt
    gen --json-object --seed 2 --no-echo -n 3 -p 'x'
    [[ $output == '{'* ]]
}

@test "--json tells how probable each choice is; --greedy takes the likeliest" {
    printf 'red\n\ngreen\r\nvery blue\n' >c.txt
    gen --choices c.txt --greedy --json -p 'x'
    [ "$status" -eq 0 ]
    local json=$output
    [ "$(jq -c '[.choices[].text]' <<<"$json")" = '["red","green","very blue"]' ]
    jq -e '[.choices[].probability] | add > 0.9999 and add < 1.0001' <<<"$json"
    jq -e '.new_text == (.choices | max_by(.probability) | .text)' <<<"$json"
    jq -e '.finish_reason == "stop"' <<<"$json"
    # The same in a record, and in a batch of one.
    gen_stdin '{"prompt":"x","choices":["red","green","very blue"]}\n' --greedy --json --jsonl --batch 1
    [ "$(jq -c .choices <<<"$output")" = "$(jq -c .choices <<<"$json")" ]
    gen --choices c.txt --json --logprobs 2 -p x
    refused 2 'choices does not go with n_logprobs'
    printf '\n' >none.txt
    gen --choices none.txt -p x
    refused 2 'none.txt: '
}

@test "what is wrong with a form names its file" {
    printf 'root ::= root "a" | "b"\n' >g.gbnf
    gen --grammar g.gbnf -p x
    refused 2 'g.gbnf: rule "root" calls itself before it reads anything'
    printf '{"type":"array","uniqueItems":true}' >s.json
    gen --json-schema s.json -p x
    refused 2 's.json: the keyword "uniqueItems" is not supported'
    gen --json-schema none.json -p x
    refused 1 'none.json'
    gen --regex a --json-object -p x
    refused 2 '--json-object'
    gen_stdin 'x' --grammar -
    refused 2 'both read from stdin'
}

@test "each record may have a form of its own" {
    cat >in.jsonl <<'END'
{"prompt":"a","regex":"[xy]{3}"}
{"prompt":"a","choices":["left","right"]}
{"prompt":"a","json_schema":{"type":"integer","minimum":10,"maximum":12}}
{"prompt":"a","grammar":"root ::= \"g\" [0-9]"}
{"prompt":"a","regex":"a(?=b)"}
{"prompt":"a","regex":"a","json_object":true}
{"prompt":"a"}
{"prompt":"a","json_object":true,"max_new_tokens":3}
{"prompt":"a","choices":["left","right"],"num_beams":2}
END
    gen --jsonl -f in.jsonl --json --regex 'run' --seed 3
    [ "$status" -eq 1 ]
    new() { printf '%s\n' "$output" | sed -n "$1p" | jq -r "$2"; }
    [[ $(new 1 .new_text) =~ ^[xy]{3}$ ]]
    [[ $(new 2 .new_text) =~ ^(left|right)$ ]]
    [[ $(new 3 .new_text) =~ ^1[012]$ ]]
    [[ $(new 4 .new_text) =~ ^g[0-9]$ ]]
    [[ $(new 5 .error) == *'regex: at byte 2: a lookahead'* ]]
    [[ $(new 6 .error) == *'second form'* ]]
    [ "$(new 7 .new_text)" = run ]
    [[ $(new 8 .new_text) == '{'* ]]
    [[ $(new 9 .new_text) =~ ^(left|right)$ ]]
}

@test "gen bench --constraint says how long masks take" {
    printf '{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}' >s.json
    gen bench --constraint s.json
    [ "$status" -eq 0 ]
    [[ $output == '512 tokens; their tree '*' masks: mean '* ]]
    gen bench --constraint s.json --json
    printf '%s' "$output" | jq -e '.n_vocab == 512 and .masks > 20 and .p99_us >= .p50_us'
    gen bench --constraint none.json
    refused 1 'none.json'
}

#!/usr/bin/env bats
# Constraints on the command line: --regex and the like, with sampling, beams, batches and drafts.

setup() {
    source "$BATS_TEST_DIRNAME/helper.bash"
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
    [[ $stderr == *'leaves none'* ]]
}

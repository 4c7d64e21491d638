#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Guidance, token healing and bad words on the command line and in records.

setup() {
    load helper
}

@test "guidance changes the text, with and without a negative prompt, the same in records" {
    text_of() {
        gen --greedy -n 8 --ignore-eos --json "$@" 'the king'
        [ "$status" -eq 0 ]
        output=$(jq -r .new_text <<<"$output")
    }
    text_of
    local plain=$output
    text_of --guidance-scale 3
    local guided=$output
    [ "$guided" != "$plain" ]
    text_of --guidance-scale 3 --negative-prompt 'a fish and'
    local led=$output
    [ "$led" != "$guided" ]
    text_of --guidance-scale 3 --negative-prompt ''
    [ "$status" -eq 0 ]
    cat >in.jsonl <<'END'
{"prompt":"the king"}
{"prompt":"the king","guidance_scale":3}
{"prompt":"the king","guidance_scale":3,"negative_prompt":"a fish and"}
{"prompt":"the king","negative_prompt":"a fish and"}
END
    gen --greedy -n 8 --ignore-eos --json --jsonl -f in.jsonl
    [ "$status" -eq 1 ]
    new() { printf '%s\n' "$output" | sed -n "$1p" | jq -r "$2"; }
    [ "$(new 1 .new_text)" = "$plain" ]
    [ "$(new 2 .new_text)" = "$guided" ]
    [ "$(new 3 .new_text)" = "$led" ]
    [[ $(new 4 .error) == *'guidance_scale is 1, which is off'* ]]
    # The run's negative prompt is for the records that are guided.
    gen --greedy -n 8 --ignore-eos --json --guidance-scale 3 --negative-prompt 'a fish and' --jsonl <<'END'
{"prompt":"the king"}
{"prompt":"the king","guidance_scale":1}
END
    [ "$(new 1 .new_text)" = "$led" ]
    [ "$(new 2 .new_text)" = "$plain" ]
}

@test "what does not go with guidance is named" {
    gen --guidance-scale 2 --num-beams 2 x
    refused 2 'guidance_scale does not go with num_beams'
    gen --guidance-scale 2 --save-logits logits x
    refused 2 '--guidance-scale and --save-logits exclude each other'
    gen --guidance-scale 2 --batch 1 x
    refused 1 'raise batch'
    gen --negative-prompt y x
    refused 2 'guidance_scale is 1'
    gen --guidance-scale 101 x
    refused 2 '--guidance-scale'
}

@test "a healed prompt goes on within its last token" {
    gen --greedy -n 3 --ignore-eos --token-healing --json 'the t'
    [ "$status" -eq 0 ]
    local json=$output
    [ "$(jq -r .prompt <<<"$json")" = 'the t' ]
    [ "$(jq -r '.text == .prompt + .new_text' <<<"$json")" = true ]
    [ "$(jq -r '(.ids | length) == .counts.prompt_tokens - 1 + .counts.new_tokens' <<<"$json")" = true ]
    [ "$(jq -r '.counts.new_tokens' <<<"$json")" -eq 4 ]
    gen --greedy -n 0 --token-healing 'the t'
    [ "$output" = 'the t' ]
    gen --greedy -n 2 --ignore-eos --token-healing --logit-bias 153=-inf 'the t'
    [[ $output == 'the their'* ]]
    gen --greedy -n 2 --ignore-eos --token-healing --logit-bias 153=-inf --no-echo 'the t'
    [[ $output == 'heir'* ]]
    gen_stdin '{"prompt":"the t","token_healing":true}' --greedy -n 3 --ignore-eos --json --jsonl
    [ "$(jq -r .text <<<"$output")" = "$(jq -r .text <<<"$json")" ]
    gen --token-healing --regex a x
    refused 2 'token_healing does not go with a form of the text'
    gen --token-healing --num-beams 2 x
    refused 2 'token_healing does not go with num_beams'
}

@test "bad words are never written, whatever their pieces, also where the prompt begins them" {
    printf 'e\n\nres\n' >words
    for how in '--greedy' '--seed 3' '--num-beams 3' '--seed 5 --num-return-sequences 3' '--greedy --no-speculate'; do
        # shellcheck disable=SC2086
        gen $how -n 40 --ignore-eos --no-echo --bad-words words 'the king r'
        [ "$status" -eq 0 ]
        [ -n "$output" ]
        [[ $output != *e* ]]
    done
    # The next token of this text, which the prompt may begin now.
    gen -n 6 --greedy --ignore-eos --no-echo 'the king'
    local text=$output
    printf 'king%s\n' "$text" >words
    gen -n 6 --greedy --ignore-eos --no-echo --bad-words words 'the king'
    [ "$output" != "$text" ]
    [ "${output:0:3}" = "${text:0:3}" ]
    gen_stdin '{"prompt":"the king","bad_words":["e","res"]}\n{"prompt":"the king"}\n' \
        -n 20 --greedy --ignore-eos --json --jsonl
    [[ $(printf '%s\n' "$output" | sed -n 1p | jq -r .new_text) != *e* ]]
    [[ $(printf '%s\n' "$output" | sed -n 2p | jq -r .new_text) == *e* ]]
}

@test "what is forced or forbidden at the first new token leaves the healed one of the prompt alone" {
    echo here >words
    last=$("$GEN" tokenize --ids -p 'the here' | awk '{ print $NF }')
    for option in "--forced-bos-token-id 7" "--forced-eos-token-id 7" "--bad-words words" \
        "--suppress-tokens $last" "--begin-suppress-tokens $last"; do
        # shellcheck disable=SC2086 # two words
        gen --greedy --token-healing -n 1 --ignore-eos --json $option 'the here'
        [ "$status" -eq 0 ]
        [ "$(jq '.new_ids | length' <<<"$output")" -eq 2 ]
        [[ $(jq -r .text <<<"$output") == 'the here'* ]]
    done
    gen --greedy --token-healing -n 3 --json --forced-bos-token-id 7 'th'
    [ "$status" -eq 0 ]
}

@test "choices of a run and beams of a record are what they are on the command line" {
    printf ' red\n blue\n' >words
    printf '{"prompt":"the","num_beams":2}\n' | "$GEN" --choices words --greedy --json --no-timings --jsonl >lines
    "$GEN" --choices words --greedy --num-beams 2 --json --no-timings the >one
    [ "$(jq -c .new_ids lines)" = "$(jq -c .new_ids one)" ]
    printf '{"prompt":"the","num_beams":1}\n' | "$GEN" --choices words --greedy --num-beams 2 --json --no-timings --jsonl >lines
    "$GEN" --choices words --greedy --json --no-timings the >one
    [ "$(jq -c .choices lines)" = "$(jq -c .choices one)" ]
    [ "$(jq -c .choices one)" != null ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# Rules for the next token as options: that each reaches the text, on the command line, in a record,
# in a talk, and from the files of a model. What they compute is tests/unit/test_rules.c's.

setup() {
    load helper
}

# ids ARGUMENTS: the new ids of a prompt that is always the same
ids() {
    "$GEN" -q --json --no-timings -n 8 --seed 3 --prompt-ids "${PROMPT:-5 17 3 200}" "$@" |
        jq -c .new_ids
}

@test "every rule changes the text, and with its value for off none does" {
    plain=$(ids)
    while IFS='|' read -r changes off; do
        # shellcheck disable=SC2086 # several words
        [ "$(ids $changes)" != "$plain" ] || (echo "$changes" && false)
        # shellcheck disable=SC2086
        [ -z "$off" ] || [ "$(ids $off)" = "$plain" ] || (echo "$off" && false)
    done <<END
--suppress-tokens $(jq '.[0]' <<<"$plain")|--suppress-tokens 511
--begin-suppress-tokens $(jq '.[0]' <<<"$plain")|
--sequence-bias 200,$(jq '.[0]' <<<"$plain")=-inf|
--exponential-decay-length-penalty 0,900|--exponential-decay-length-penalty 0,1
--forced-eos-token-id 7|
--top-h 0.01|--top-h 0
--epsilon-cutoff 0.9|--epsilon-cutoff 0
--eta-cutoff 0.9|--eta-cutoff 0
--xtc-probability 1 --xtc-threshold 0.01|--xtc-probability 1 --xtc-threshold 0.6
--mirostat 2 --mirostat-ent 0.1|--mirostat 0 --mirostat-ent 0.1
--dynatemp-range 5|--dynatemp-range 0
--adaptive-target 0.9|--adaptive-target -1
--samplers top_k|--samplers temperature;top_k;top_p
END
}

@test "sequences, forced tokens and the end of a text" {
    [ "$(ids --greedy --sequence-bias '200 9=500, 9 8=500,9=-1' | jq -c '.[:2]')" = "[9,8]" ]
    [ "$(ids --forced-eos-token-id 7,7 | jq -c '.[7]')" = 7 ]
    [ "$(PROMPT=5 ids --forced-bos-token-id 44 | jq '.[0]')" = 44 ]
    [ "$(ids --exponential-decay-length-penalty 2,900 | jq -c 'length')" -le 4 ]
    [ "$(ids --num-beams 3 --renormalize-logits)" != null ]
}

@test "repetitions cost what they should" {
    again=$(ids -n 40 --greedy)
    [ "$(ids -n 40 --greedy --dry-multiplier 50 --dry-penalty-last-n -1)" != "$again" ]
    [ "$(ids -n 40 --greedy --dry-multiplier 50 --dry-allowed-length 100)" = "$again" ]
    [ "$(ids -n 40 --greedy --repetition-penalty 3 --repeat-last-n 0)" = "$again" ]
    [ "$(ids -n 40 --greedy --repetition-penalty 3)" != "$again" ]
    gen -n 1 --dry-multiplier 1 --dry-sequence-breaker 'a\n' --dry-sequence-breaker none x
    [ "$status" -eq 0 ]
}

@test "wrong values cost a line each" {
    while IFS='|' read -r option value hint; do
        gen "$option" "$value" x
        refused 2 "$hint"
    done <<'END'
--samplers|top_k;magic|samplers names "magic", but must name some of penalties, dry,
--samplers|top_k;top-k|names top_k twice
--mirostat|1|must be 0 (off) or 2
--suppress-tokens|a|--suppress-tokens: "a" at byte 0 is not a token id
--suppress-tokens|512|has id 512 but ids are from 0 to 511
--sequence-bias|1 2|is not "ID ID...=X"
--sequence-bias|=3|is not "ID ID...=X"
--sequence-bias|1=inf|is not "ID ID...=X"
--exponential-decay-length-penalty|3|is not START,FACTOR
--exponential-decay-length-penalty|-1,2|is not START,FACTOR
--forced-bos-token-id|512|forced_bos is 512, but must be from 0 to 511
--adaptive-target|-0.5|adaptive_target is -0.5
END
    gen --samplers top_k --mirostat 2 x
    refused 2 "mirostat takes the place"
}

@test "records have the same rules" {
    printf '%s\n' '{"prompt": "a", "samplers": ["top_k", "xtc"], "xtc_probability": 1, "top_k": 9}' \
        '{"prompt": "a", "sequence_bias": [[[4, 5], 2.5], [[6], "-inf"]], "suppress_tokens": [1, 2]}' \
        '{"prompt": "a", "exponential_decay_length_penalty": [3, 1.5], "forced_eos_token_id": 3}' \
        '{"prompt": "a", "dry_multiplier": 1, "repeat_last_n": 3}' \
        '{"prompt": "a", "dry_multiplier": 1, "dry_sequence_breaker": ["ab"]}' >lines
    gen --jsonl --json -n 6 -s 3 -f lines
    [ "$status" -eq 0 ]
    first=$(jq -c .new_ids <<<"${lines[0]}")
    [ "$first" = "$("$GEN" --json -n 6 -s 3 --samplers 'top_k;xtc' --xtc-probability 1 --top-k 9 a |
        jq -c .new_ids)" ]
    [ "$(jq '.new_ids[5]' <<<"${lines[2]}")" -eq 3 ]
    while IFS='|' read -r member hint; do
        printf '{"prompt": "a", %s}\n' "$member" >lines
        gen --jsonl --json -n 1 -s 3 -f lines
        [ "$status" -eq 1 ]
        [[ $stderr == *"$hint"* ]] || (echo "$stderr" && false)
    done <<'END'
"sequence_bias": [[4, 5]]|"sequence_bias" holds an array, but must hold pairs
"samplers": 3|must be text or a list of names
"samplers": "foo"|samplers names "foo"
"exponential_decay_length_penalty": 3|must be a list of two numbers
"suppress_tokens": ["x"]|is not a token id
END
}

@test "/set takes them, and lists survive" {
    printf '%s\n' '/set suppress-tokens 3' '/set samplers foo' '/set samplers top_k' \
        '/set suppress-tokens 4' '/set' hi >lines
    gen_stdin "$(cat lines)\n" chat --seed 3 -n 3 -q
    [[ $stderr == *'samplers names "foo"'* ]]
    [[ $stderr$output =~ suppress-tokens\ +3\ 4 ]]
    [[ $stderr$output =~ samplers\ +top_k ]]
}

@test "--defaults model takes what the model asks for, and options overrule it" {
    cp -r "$MODEL" dir
    printf '%s' '{"eos_token_id": 511, "temperature": 1.0, "top_k": 7, "do_sample": true,
        "suppress_tokens": [3, 4], "bad_words_ids": [[5, 6], [511], [9]], "max_new_tokens": 6,
        "sequence_bias": [[[1, 2], 3.5], [[7], -Infinity]], "stop_strings": ["a\\n", "b"],
        "exponential_decay_length_penalty": [2, 1.5], "repetition_penalty": 1.1,
        "guidance_scale": 1.5, "watermarking_config": {"bias": 2}, "min_p": null}' >dir/generation_config.json
    "$GEN" convert dir a.gguf
    "$GEN" convert a.gguf b.gguf
    expected=$("$GEN" -m dir -s 3 --top-k 7 --temperature 1 --suppress-tokens 3,4 -n 6 \
        --sequence-bias '5 6=-inf,9=-inf,1 2=3.5,7=-inf' --stop 'a\\n' --stop b \
        --exponential-decay-length-penalty 2,1.5 --repetition-penalty 1.1 --guidance-scale 1.5 x)
    for model in dir a.gguf b.gguf; do
        [ "$("$GEN" -m "$model" --defaults model -s 3 x)" = "$expected" ]
        [ "$("$GEN" -m "$model" -s 3 -n 6 x)" = "$("$GEN" -s 3 -n 6 x)" ]
    done
    gen -m a.gguf --defaults model -s 3 -v -n 2 --json x
    [ "$(member new_tokens "$output")" -eq 2 ]
    [[ $stderr == *"a.gguf asks for do_sample true, temperature 1, top_k 7"*"which is taken but for watermarking_config"* ]]
    gen inspect a.gguf
    [[ $output =~ general.sampling.top_k\ +7 ]]
    [[ $output =~ general.sampling.penalty_repeat\ +1.1 ]]
    # Greedy, unless asked otherwise; and what cannot be is said of the model.
    printf '{"do_sample": false, "top_k": 3}' >dir/generation_config.json
    [ "$("$GEN" -m dir --defaults model -s 4 -n 6 x)" = "$("$GEN" --greedy -n 6 x)" ]
    [ "$("$GEN" -m dir --defaults model -s 4 -n 6 --temperature 0.8 x)" = "$("$GEN" -s 4 -n 6 --top-k 3 x)" ]
    printf '{"top_k": -3}' >dir/generation_config.json
    gen -m dir --defaults model x
    refused 2 'dir asks for what cannot be: --top-k: "-3" is not a whole number'
    gen -m dir -n 1 x
    [ "$status" -eq 0 ]
}

@test "general.sampling.* of a GGUF, and a key of ours that is none" {
    command -v python3 >/dev/null || skip "python3 is missing"
    cp -r "$MODEL" dir
    printf '{"do_sample": true, "temperature": 0.7, "top_k": 3}' >dir/generation_config.json
    "$GEN" convert dir a.gguf
    gen inspect a.gguf
    [[ $output != *gen.generation_config* ]]
    python3 "$ROOT/scripts/set_metadata.py" a.gguf "general.sampling.sequence=top_k;temperature"
    gen -m a.gguf -n 1 -v x
    [[ $stderr == *'a.gguf asks for temperature 0.7, top_k 3, samplers "top_k;temperature" (--defaults model'* ]]
    [ "$("$GEN" -m a.gguf --defaults model -s 3 -n 6 x)" = "$("$GEN" -s 3 -n 6 --top-k 3 --temperature 0.7 --top-p 1 x)" ]
    python3 "$ROOT/scripts/set_metadata.py" a.gguf 'gen.generation_config={"min_p":'
    gen -m a.gguf -n 1 x
    refused 1 "a.gguf: gen.generation_config: "
}

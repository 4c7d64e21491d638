#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What people write who come from transformers, llama.cpp or ollama, and what they mistype.

setup() {
    load helper
}

@test "an underscore is a dash in every long option" {
    gen --max-new-tokens 3 --top-k 5 --top-p 0.5 --seed 1 Hi
    expected=$output
    gen --max_new_tokens 3 --top_k=5 --top_p 0.5 --seed 1 Hi
    [ "$status" -eq 0 ]
    [ "$output" = "$expected" ]
    gen --no_echo -n 0 Hi
    [ -z "$output" ]
}

@test "names that mean the same are taken" {
    gen -n 5 --temperature 0.6 --repetition-penalty 1.2 --typical-p 0.9 --seed 3 --no-echo Hi
    expected=$output
    [ "$status" -eq 0 ]
    for limit in --n-predict --predict --max-tokens --n_predict --num_predict; do
        gen $limit 5 --temp 0.6 --repeat-penalty 1.2 --typical 0.9 --seed 3 --no-display-prompt Hi
        [ "$status" -eq 0 ]
        [ "$output" = "$expected" ]
    done
    # An error names gen's own option, and conflicts hold.
    gen --temp x Hi
    refused 2 '--temperature: "x" is not a number'
    gen --temp 0.5 --greedy Hi
    refused 2 "--greedy and --temperature exclude each other"
}

@test "-n -1 goes on until the context is full" {
    gen -n -1 --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 61 ]
    gen -n -1 --max-length 9 --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 6 ]
    gen -n -2 Hi
    refused 2 '--max-new-tokens: "-2" is not a whole number from -1'
}

@test "what gen does not have is said, with what to do instead" {
    while read -r option hint; do
        gen "$option" 9 Hi
        refused 2 "no option $option: "
        [[ $stderr == *"$hint"* ]]
    done <<'END'
-ngl runs on the CPU
--n-gpu-layers runs on the CPU
--device runs on the CPU
-c context
--ctx-size context
--num_ctx context
-r --stop
--reverse-prompt --stop
-i gen --lines
-cnv gen --lines
--interactive gen --lines
-b --batch
-b8 --batch
-e --stop and --separator
-hf hf download
--lora gen convert --lora
--sampler-seq --samplers
--watermarking-config not in gen
--force_words_ids --force-words
--epochs gen train
END
}

@test "an unknown option points to the help of its command, and to -- only where that helps" {
    gen --qwxyz Hi
    refused 2 "(see gen help generate)"
    gen train --qwxyz
    refused 2 "(see gen help train)"
    gen vocab --qwxyz
    refused 2 "(see gen help vocab)"
    for text in "-5 degrees" "---" "--- a line" "-3"; do
        gen "$text"
        refused 2 "\`--\` goes before text that begins with a dash"
    done
    gen -n 0 -- "-5 degrees"
    [ "$output" = "-5 degrees" ]
}

@test "a long word after one dash stays what it was: -predict is the prompt redict" {
    gen -n 0 -predict
    [ "$output" = redict ]
}

@test "a prompt that would be dropped is refused; of other options the last counts" {
    gen -p a -p b
    refused 2 "--prompt is given twice"
    gen -f a -f b
    refused 2 "--lines takes many prompts"
    gen --prompt-ids 1 --prompt-ids 2
    refused 2 "--prompt-ids is given twice"
    gen tokenize -p a -p b
    refused 2 "--prompt is given twice"
    gen -n 9 -n 0 -m nosuch -m "$MODEL" -o a -o b Hi
    [ "$status" -eq 0 ]
    [ ! -e a ]
    [ "$(cat b)" = Hi ]
}

@test "a mistyped command writes no text" {
    while IFS='|' read -r wrong right; do
        # shellcheck disable=SC2086 # several words
        gen $wrong
        refused 2 "$right"
        [[ $stderr == *"-p "* ]]
    done <<'END'
tokenise|gen tokenize
tokenize_|gen tokenize
tokenise a.txt|gen tokenize
inspct|gen inspect
insepct|gen inspect
conver|gen convert
trian|gen train
bnech|gen bench
vocb|gen vocab
fintune|gen finetune
hlep|gen help
genrate|gen generate
detokenize|gen tokenize --decode
version|gen --version
caht|gen chat
serve|no server
quantize|gen convert --type
perplexity x|gen eval --text
download|hf download
END
    touch here.gguf
    gen conver here.gguf there.gguf
    refused 2 "gen convert"
    gen tokenise -n 3
    refused 2 "gen tokenize"
}

@test "ordinary words are prompts" {
    for word in Once The hello hell held help. rain brain trail trains beach bunch vocal concert chart cat \
        Train Chat specting converts once "then" Version king; do
        gen -n 0 "$word"
        [ "$status" -eq 0 ]
        [ "$output" = "$word" ]
    done
    for word in tokenise version chat; do
        gen -n 0 -p "$word"
        [ "$output" = "$word" ]
        gen -n 0 -- "$word"
        [ "$output" = "$word" ]
        gen generate -n 0 "$word"
        [ "$output" = "$word" ]
    done
    gen -n 0 run to the hills
    [ "$output" = "run to the hills" ]
}

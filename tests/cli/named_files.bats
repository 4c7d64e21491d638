#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What is wrong with the tokenizer of a Hugging Face directory is said of a file in it.

setup() {
    load helper
    cp -r "$MODEL" x
}

@test "a vocabulary and merges that do not fit name vocab.json" {
    for change in 's/"a": *[0-9]*,/"a": 3,/' 's/"a": *[0-9]*,//' 's/"a": *[0-9]*,/"a": 9999999,/' \
        's/"a": *\([0-9]*\),/"\\u0100\\u0001": \1,/'; do
        cp "$MODEL/vocab.json" x
        sed -i "$change" x/vocab.json
        ! cmp -s x/vocab.json "$MODEL/vocab.json"
        gen tokenize -m x -p hi
        refused 1 "gen: x/vocab.json: "
    done
    echo '{}' >x/vocab.json
    gen tokenize -m x -p hi
    refused 1 "x/vocab.json: there are no tokens in it"
    cp "$MODEL/vocab.json" x
    echo 'zzzz qqqq' >>x/merges.txt
    gen tokenize -m x -p hi
    refused 1 'x/vocab.json: merge part "zzzz" is no token'
    cp "$MODEL/merges.txt" x
    echo '{"<x>": 4}' >x/added_tokens.json
    gen tokenize -m x -p hi
    refused 1 'x/vocab.json: token id 4 is given twice'
}

@test "a name that is empty is seen in the message" {
    echo Hello >text.txt
    for arguments in "tokenize _" "generate -m _ -p x" "train -o m.gguf --vocab _ text.txt" "train -o m.gguf _" \
        "finetune -o m.gguf _" "generate -f _" "inspect _" "convert --lora _ $MODEL x.gguf" "vocab -o v _"; do
        words=()
        for word in $arguments; do
            words+=("${word#_}")
        done
        gen "${words[@]}"
        refused 1 'gen: "": '
    done
}

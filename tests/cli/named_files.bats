#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What is wrong with the tokenizer of a Hugging Face directory is said of a file in it.

setup() {
    load helper
    cp -r "$MODEL" x
}

@test "a vocabulary and merges that do not fit name the file at fault" {
    for change in 's/"a": *[0-9]*,/"a": 3,/' 's/"a": *[0-9]*,//' 's/"a": *[0-9]*,/"a": 9999999,/' \
        's/"a": *\([0-9]*\),/"\\u0100\\u0001": \1,/'; do
        cp "$MODEL/vocab.json" x
        sed -i "$change" x/vocab.json
        ! cmp -s x/vocab.json "$MODEL/vocab.json"
        gen tokenize -m x -p hi
        # A merge of a token that is not there is merges.txt's fault.
        case $change in
        *,//) refused 1 'gen: x/merges.txt: merge part "a" is no token' ;;
        *u0100*) refused 1 'gen: x/' ;;
        *) refused 1 "gen: x/vocab.json: " ;;
        esac
    done
    echo '{}' >x/vocab.json
    gen tokenize -m x -p hi
    refused 1 "x/vocab.json: there are no tokens in it"
    cp "$MODEL/vocab.json" x
    echo 'zzzz qqqq' >>x/merges.txt
    gen tokenize -m x -p hi
    refused 1 'x/merges.txt: merge part "zzzz" is no token'
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

@test "text that a vocabulary has no tokens for is said of its file and line" {
    # Without the token of the byte "~".
    id=$(sed -n 's/.*"~": *\([0-9]*\),.*/\1/p' x/vocab.json)
    sed -i "s/\"~\": *$id,/\"<|none|>\": $id,/" x/vocab.json
    printf 'a king\n' >good.txt
    for _ in $(seq 40); do
        echo 'There was a king who had a queen.' >>good.txt
    done
    (cat good.txt && echo 'a ~ b') >bad.txt
    printf '{"text": "a king"}\n{"text": "a ~ b"}\n' >bad.jsonl
    printf '{"prompt": "a", "completion": " b"}\n{"prompt": "a", "completion": "~"}\n' >pairs.jsonl
    gen tokenize -m x bad.txt
    refused 1 'gen: bad.txt: the text has the character "~" (U+007E)'
    gen generate -m x -n 1 -p a --choices bad.txt
    refused 1 'gen: bad.txt: line 42: the text has the character "~" (U+007E)'
    gen generate -m x -n 1 -p a --bad-words bad.txt # it is never written
    [ "$status" -eq 0 ]
    shape=(-q -o m.gguf --vocab x --n-layer 1 --n-head 1 --n-embd 4 --n-ctx 4 --steps 1)
    gen train "${shape[@]}" bad.txt
    refused 1 'gen: bad.txt: from line 1 on: the text has the character "~" (U+007E)'
    gen train "${shape[@]}" bad.jsonl
    refused 1 'gen: bad.jsonl: from line 2 on: the text has the character "~" (U+007E)'
    gen finetune -q -o f.gguf -m x --steps 1 pairs.jsonl
    refused 1 'gen: pairs.jsonl: line 2: the text has the character "~" (U+007E)'
}

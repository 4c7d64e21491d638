#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen vocab

setup() {
    load helper
    TEXT=$ROOT/tests/golden/vocab/text.txt
}

# same DIR SIZE: the files there are those of Hugging Face's trainer.
same() {
    cmp "$1/merges.txt" "$ROOT/tests/golden/vocab/$2/merges.txt"
    cmp "$1/vocab.json" "$ROOT/tests/golden/vocab/$2/vocab.json"
}

@test "what Hugging Face's trainer learns, from a file, stdin, a pipe, any threads" {
    gen vocab --size 1000 -o one "$TEXT"
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    same one 1000
    [ "$(find one -type f | wc -l)" -eq 3 ]
    [ -s one/tokenizer_config.json ]
    "$GEN" vocab --size=300 --output one --threads 3 - <"$TEXT"
    same one 300
    sed '' "$TEXT" | "$GEN" vocab --size 1000 -o two -t 1 -
    same two 1000
}

@test "several files are one corpus, each with lines of its own" {
    printf 'ab' >a
    printf 'cab' >b
    gen vocab --size 258 -o one a b
    [ "$status" -eq 0 ]
    [ "$(tail -n 1 one/merges.txt)" = "a b" ]
    printf 'ab\n<|endoftext|>\ncab' >c
    gen vocab --size 258 -o two c
    cmp one/vocab.json two/vocab.json
}

@test "gen uses what it learned" {
    "$GEN" vocab --size 1000 -o words "$TEXT"
    "$GEN" tokenize -m words "$TEXT" >ids
    "$GEN" tokenize -m words --decode ids >back
    cmp "$TEXT" back
    [ "$(wc -w <ids)" -lt $(($(wc -c <"$TEXT") / 2)) ]
    [ "$(printf '<|endoftext|>' | "$GEN" tokenize -m words --special)" = 0 ]
    [ "$(printf '!' | "$GEN" tokenize -m words)" = 1 ]
}

@test "bytes that are no text" {
    head -c 300000 /dev/urandom >noise
    "$GEN" vocab --size 400 -o noisy noise
    "$GEN" tokenize -m noisy noise | "$GEN" tokenize -m noisy --decode >back
    cmp noise back
}

@test "--verbose says how well the text is covered" {
    printf 'ab ab\nab' >text
    gen vocab --size 258 --verbose -o out text
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "${stderr_lines[0]}" = "gen: read 8 bytes, 4 words, 3 of them distinct" ]
    [ "${stderr_lines[1]}" = "gen: learned 258 tokens; the text has 5 of them, 1.600 bytes per token" ]
}

@test "a text too small for the size" {
    printf 'ab ab\nab' >text
    gen vocab --size 4096 -o out text
    [ "$status" -eq 0 ]
    [[ $stderr == "gen: the vocabulary has 258 tokens, not 4096"* ]]
    gen vocab --size 4096 --min-frequency 1 --quiet -o out text
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(tail -n 1 out/merges.txt)" = "Ġ ab" ]
}

@test "wrong usage" {
    gen vocab -o out
    refused 2 "files to learn from"
    gen vocab "$TEXT"
    refused 2 "-o DIR"
    for size in 0 256 500001 x; do
        gen vocab --size "$size" -o out "$TEXT"
        refused 2 "from 257 to 500000"
    done
    gen vocab --min-frequency 0 -o out "$TEXT"
    refused 2 "min-frequency"
    [ ! -e out ]
}

@test "texts that cannot be learned from" {
    gen vocab -o out /dev/null
    refused 1 "no text"
    gen_stdin '<|endoftext|>\n<|endoftext|>' vocab -o out -
    refused 1 "no text"
    gen vocab -o out "$TEXT" nosuch
    refused 1 "nosuch: No such file"
    gen vocab -o out .
    refused 1 "directory"
    [ ! -e out ]
}

@test "targets that cannot be" {
    gen vocab --size 300 -o nosuch/out "$TEXT"
    refused 1 "nosuch/out"
    echo here >file
    gen vocab --size 300 -o file "$TEXT"
    refused 1 "file: "
    for name in config.json tokenizer.json added_tokens.json; do
        mkdir -p "model-$name"
        echo '{}' >"model-$name/$name"
        gen vocab --size 300 -o "model-$name" "$TEXT"
        refused 1 "$name"
        [ "$(ls "model-$name")" = "$name" ]
    done
}

@test "a text is not replaced by its own vocabulary" {
    cp "$TEXT" vocab.json
    gen vocab --size 300 -o . ./vocab.json
    refused 1 "vocab.json: is read and would be written"
    cmp "$TEXT" vocab.json
    gen vocab --size 300 -o - "$TEXT"
    refused 2 "stdout"
    [ ! -e ./- ]
}

@test "a full disk leaves the old vocabulary whole" {
    "$GEN" vocab --size 300 -o out "$TEXT"
    if (ulimit -f 8 && trap '' XFSZ && "$GEN" vocab --size 1000 -o out "$TEXT" 2>stderr); then
        false
    fi
    [ "$(wc -l <stderr)" -eq 1 ]
    same out 300
    [ "$(find out -type f | wc -l)" -eq 3 ]
}

@test "Ctrl-C ends it and writes nothing" {
    mkfifo endless
    sleep 60 >endless &
    keeper=$!
    status=0
    timeout --preserve-status -s INT 1 "$GEN" vocab -o out endless 2>stderr || status=$?
    kill "$keeper"
    [ "$status" -eq 130 ]
    [ ! -e out ]
    [ ! -s stderr ]
}

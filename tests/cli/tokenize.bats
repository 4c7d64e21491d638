#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen tokenize

setup() {
    load helper
}

@test "text becomes ids and ids text, byte for byte" {
    for text in 'Hello, world' '' '\n' ' a  b\r\n\n' 'caf\303\251 \342\202\254 \360\237\230\200' \
        '\376\200\377bad' 'a\0b' "It's we'll  x"; do
        # shellcheck disable=SC2059 # the text has escapes
        printf "$text" >text
        "$GEN" tokenize text >ids
        "$GEN" tokenize --decode ids >back
        cmp text back
    done
    (echo "no mark in front" && head -c 100000 /dev/urandom) >text
    "$GEN" tokenize <text | "$GEN" tokenize --decode >back
    cmp text back
}

@test "the forms of output" {
    gen tokenize -p 'a b'
    ids=$output
    [[ $ids =~ ^[0-9]+(\ [0-9]+)*$ ]]
    gen tokenize --ids -p 'a b'
    [ "$output" = "$ids" ]
    gen tokenize --count -p 'a b'
    [ "$output" = "$(wc -w <<<"$ids")" ]
    gen tokenize --json -p 'a b'
    [[ $output == "{\"ids\":[${ids// /,}],\"tokens\":[\"a\","*"],\"count\":$(wc -w <<<"$ids")}" ]]
    printf '' | "$GEN" tokenize >empty
    printf '\n' | cmp - empty
    gen tokenize --json -p ''
    [ "$output" = '{"ids":[],"tokens":[],"bytes":[],"count":0}' ]
}

@test "stdin, -, a file, --prompt, --output" {
    printf 'Hello' >file
    gen tokenize file
    ids=$output
    gen_stdin Hello tokenize
    [ "$output" = "$ids" ]
    gen_stdin Hello tokenize -
    [ "$output" = "$ids" ]
    gen tokenize -p Hello
    [ "$output" = "$ids" ]
    gen tokenize -o out file
    [ "$(cat out)" = "$ids" ]
    gen tokenize file file
    refused 2 "too much"
    gen tokenize -p Hello file
    refused 2 "too much"
    gen tokenize nosuch
    refused 1 "nosuch: No such file"
}

@test "--special" {
    gen tokenize --count -p '<|endoftext|>'
    [ "$output" -gt 1 ]
    gen tokenize --special -p '<|endoftext|>'
    [ "$output" = 511 ]
}

@test "--decode reads ids in several forms and refuses what is none" {
    gen_stdin '39, 40\t41\n42' tokenize --decode
    text=$output
    [ "$status" -eq 0 ]
    gen_stdin '[39,40,41,42]\n' tokenize --decode
    [ "$output" = "$text" ]
    gen_stdin '' tokenize --decode
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    for wrong in '1 x' '1 -1' '1.5' '2147483648' '99999999999999999999' '1 2]' '[1' '[[1]]'; do
        gen_stdin "$wrong" tokenize --decode
        refused 1 "is not a token id"
    done
    gen_stdin '1 512' tokenize --decode
    refused 1 "stdin: "
}

@test "no weights are needed" {
    mkdir only
    cp "$MODEL/vocab.json" "$MODEL/merges.txt" only
    gen tokenize -m "$MODEL" -p "Hello world"
    ids=$output
    gen tokenize -m only -p "Hello world"
    [ "$status" -eq 0 ]
    [ "$output" = "$ids" ]
}

@test "GPT-2's own vocabulary" {
    gpt2=${GEN_SHARED:-$ROOT/../shared}/gpt2
    [ -d "$gpt2" ] || skip "no $gpt2"
    gen tokenize -m "$gpt2" -p "Hello world"
    [ "$output" = "15496 995" ]
}

@test "ten megabytes take seconds" {
    head -c 7500000 /dev/urandom | base64 -w 100 >text
    [ "$(wc -c <text)" -gt 10000000 ]
    timeout 60 "$GEN" tokenize text >ids
    timeout 60 "$GEN" tokenize --decode ids >back
    cmp text back
}

#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016,SC2153,SC2154 # set by bats and helper.bash; text in quotes
# What scripts rely on: the same bytes twice, escapes, bytes of tokens; and what terminals are told.

setup() {
    load helper
}

@test "with --no-timings the same command gives the same bytes" {
    "$GEN" -n 8 --greedy --json --no-timings Hi >one
    "$GEN" -n 8 --greedy --json --no-timings Hi >two
    cmp one two
    if grep -q timings one; then false; fi
    [ "$(member seed "$(cat one)")" = 0 ]
    "$GEN" -n 8 --temperature 0 --json --no-timings Hi | cmp - one
    "$GEN" -n 8 --seed 5 --json --no-timings --logprobs 2 Hi >one
    "$GEN" -n 8 --seed 5 --json --no-timings --logprobs 2 Hi >two
    cmp one two
    gen -n 8 --greedy --json Hi
    [[ $output == *'"timings":{'* ]]
    gen -n 8 --no-timings Hi
    refused 2 "--no-timings needs --json"
}

@test "a seed that is given stays in the JSON, whatever draws" {
    gen -n 1 --greedy --seed 9 --json Hi
    [ "$(member seed "$output")" = 9 ]
}

@test "--stop and --separator know newline, tab, carriage return and backslash" {
    gen -n 0 --separator '\n--\t\\n\r\q\' --num-return-sequences 2 Hi
    [ "$output" = $'Hi\n--\t\\n\r\\q\\Hi' ]
    # The model is made to write it.
    newline=$(printf '\n' | "$GEN" tokenize)
    for stop in '\n' $'\n'; do
        gen -n 5 --greedy --logit-bias "$newline=1000" --stop "$stop" --json Hi
        [[ $output == *'"new_text":"","'* ]]
        [[ $output == *'"finish_reason":"stop"'* ]]
    done
    gen -n 5 --greedy --logit-bias "$newline=1000" --stop '\\n' --json Hi
    [[ $output == *'"finish_reason":"length"'* ]]
    backslash=$(printf '\\' | "$GEN" tokenize)
    for stop in '\\' '\'; do
        gen -n 5 --greedy --logit-bias "$backslash=1000" --stop "$stop" --json Hi
        [[ $output == *'"finish_reason":"stop"'* ]]
    done
}

@test "the bytes of tokens, also of parts of a character" {
    printf 'Zo\303\253 \360\237\230\200' >text
    gen tokenize --json text
    [ "$status" -eq 0 ]
    list=${output#*\"bytes\":}
    list=${list%%,\"count\"*}
    # Every byte once, in order.
    [ "$(tr -d '[]' <<<"$list" | tr ',' ' ')" = "$(od -An -v -tu1 text | xargs)" ]
    [ "$(grep -o '\[[0-9,]*\]' <<<"$list" | wc -l)" -eq "$("$GEN" tokenize --count text)" ]
    gen -n 1 --greedy --logprobs 1 --logit-bias "$(printf '\303' | "$GEN" tokenize)=1000" --json Hi
    [[ $output == *'"bytes":[195],'* ]]
}

@test "gen tokenize TEXT and --logit-bias WORD say what is meant" {
    gen tokenize "Hello world"
    refused 1 "Hello world: No such file or directory"
    [[ $stderr == *"gen tokenize -p TEXT"* ]]
    gen --logit-bias " king=5" Hi
    refused 2 'ID as `gen tokenize` tells it'
}

@test "gen tokenize on a terminal says that it waits" {
    need_terminal
    run bash -c 'printf "Hi\n\004" | script -qec "$0 tokenize --count" /dev/null' "$GEN"
    [[ $output == *"reads text from the terminal"* ]]
    [[ $output == *"Ctrl-D"* ]]
}

@test "a long job that writes to a file shows on the terminal that it goes on, and leaves no trace" {
    need_terminal
    for _ in $(seq 40); do echo Hello; done >lines
    run on_terminal "timeout -s INT 1.8 $GEN --lines -f lines -t 1 --context slide --ignore-eos -n 20000 -o texts"
    [[ $output == *"bytes of new text"* ]]
    [[ $output == *$'\r\033[K'* ]]
    run on_terminal "timeout -s INT 1.8 $GEN -q --lines -f lines -t 1 --context slide --ignore-eos -n 20000 -o texts"
    [[ $output != *"bytes of new text"* ]]
}

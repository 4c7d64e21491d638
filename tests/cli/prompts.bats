#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # scripts in quotes; set by bats and helper.bash
# Where prompts come from: arguments, files, stdin, ids, batches.

setup() {
    load helper
}

# With -n 0 nothing is added, so what is printed is the prompt as it was understood.

@test "arguments are joined by spaces" {
    gen -n 0 Once upon "a  time"
    [ "$output" = "Once upon a  time" ]
    gen -n 0 --prompt "Once upon"
    [ "$output" = "Once upon" ]
}

@test "all of stdin is one prompt, without one newline at its end" {
    for text in 'a b' 'a b\n' 'a b\r\n'; do
        gen_stdin "$text" -n 0
        [ "$status" -eq 0 ]
        [ "$output" = "a b" ]
    done
    printf 'a\n\nb\n\n' | "$GEN" -n 0 >out
    printf 'a\n\nb\n\n' | cmp - out
    printf 'a\0b' | "$GEN" -n 0 >out
    printf 'a\0b\n' | cmp - out
}

@test "a file, a pipe in place of a file, - for stdin" {
    printf 'from a file\n' >file
    gen -n 0 -f file
    [ "$output" = "from a file" ]
    gen -n 0 --file <(printf 'from a pipe')
    [ "$output" = "from a pipe" ]
    gen_stdin 'from stdin' -n 0 -f -
    [ "$output" = "from stdin" ]
    gen_stdin 'from stdin' -n 0 -
    [ "$output" = "from stdin" ]
}

@test "a closed stdin is no empty prompt" {
    run --separate-stderr bash -c '"$0" -n 1 <&-' "$GEN"
    refused 1 "stdin: Bad file descriptor"
    run --separate-stderr bash -c '"$0" -n 1 --lines <&-' "$GEN"
    refused 1 "stdin: Bad file descriptor"
    run --separate-stderr bash -c '"$0" -n 0 Hello <&-' "$GEN"
    [ "$output" = Hello ]
}

@test "bad words and the prompt are not both read from stdin" {
    gen_stdin 'word\n' -n 1 --bad-words -
    refused 2 "both read from stdin"
    gen_stdin 'word\n' -n 1 --lines --bad-words -
    refused 2 "both read from stdin"
    gen_stdin 'word\n' -n 1 --bad-words - Hello
    [ "$status" -eq 0 ]
}

@test "an empty prompt is not echoed" {
    gen -n 0 --prompt ""
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    gen -n 0 </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    gen -n 1 --greedy --prompt "" --json
    [ "$status" -eq 0 ]
    [[ $output == *'"prompt":"",'* ]]
}

@test "ids as prompt" {
    gen -n 0 --json --prompt-ids "1 22 333"
    [ "$(member ids "$output")" = "[1,22,333]" ]
    gen -n 0 --json --prompt-ids "[1, 22,333]"
    [ "$(member ids "$output")" = "[1,22,333]" ]
    gen -n 1 --prompt-ids "1 512"
    refused 1 "512"
}

@test "a prompt that is too long is refused" {
    gen -n 1 "$(head -c 400 /dev/zero | tr '\0' '~')"
    refused 1 "64"
}

@test "what cannot be read is refused" {
    gen -f nosuch
    refused 1 "nosuch: No such file"
    mkdir directory
    gen -f directory
    refused 1 "directory: Is a directory"
    gen --lines -f directory
    refused 1 "directory: Is a directory"
    gen --bad-words nosuch Hi
    refused 1 "nosuch: No such file"
}

@test "--lines: one prompt a line, also the last without newline, CRLF, empty" {
    gen_stdin 'one\n\ntwo\r\nthree' -n 0 --lines --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[0]} == '{"index":0,'*'"prompt":"one"'* ]]
    [[ ${lines[1]} == '{"index":1,'*'"prompt":""'* ]]
    [[ ${lines[2]} == '{"index":2,'*'"prompt":"two"'* ]]
    [[ ${lines[3]} == '{"index":3,'*'"prompt":"three"'* ]]
    printf 'one\ntwo\n' >file
    gen -n 0 --lines -f file
    [ "$output" = $'one\ntwo' ]
    gen_stdin 'one\ntwo' -n 0 --lines -
    [ "$output" = $'one\ntwo' ]
}

@test "--lines answers each line as it comes" {
    mkfifo in out
    "$GEN" -n 0 --lines <in >out &
    exec 5>in 6<out
    echo first >&5
    read -r -t 20 answer <&6
    [ "$answer" = first ]
    echo second >&5
    read -r -t 20 answer <&6
    [ "$answer" = second ]
    exec 5>&-
    wait $!
}

@test "--null: NUL in, NUL out" {
    printf 'one\ntwo\0three\0' | "$GEN" -n 0 -0 >out
    printf 'one\ntwo\0three\0' | cmp - out
}

@test "--separator is put between texts" {
    printf 'one\ntwo\nthree\n' | "$GEN" -n 0 --lines --separator '--' >out
    printf 'one--two--three\n' | cmp - out
}

@test "--jsonl: a bad line is reported and the others are answered" {
    gen_stdin '{"prompt":"one","id":7}\nnonsense\n\n{"prompt":"tw\\u006f"}\n' -n 0 --jsonl --json
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[0]} == '{"index":0,'*'"prompt":"one"'* ]]
    [[ ${lines[1]} == '{"index":1,"error":"stdin: line 2: '*'"}' ]]
    [[ ${lines[2]} == '{"index":2,'*'"prompt":"two"'* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "gen: prompt with index 1: stdin: line 2: "* ]]
}

@test "--jsonl refuses what is not an object with one string prompt" {
    for line in '5' '[]' '"prompt"' '{}' '{"prompt":5}' '{"Prompt":"a"}' '{"prompt":"a"} x' \
        '{"prompt":"a","prompt":"b"}' '{"prompt":"a\\u0000b"}' '{"prompt":"a\001b"}' '{"prompt":"a"' \
        '{"prompt":"a"}{"prompt":"b"}'; do
        gen_stdin "$line" -n 0 --jsonl --json
        echo "$line: $output"
        [ "$status" -eq 1 ]
        [[ $output == '{"index":0,"error":"'* ]]
    done
    gen_stdin '{"prompt":"a\\\\u0000b"}' -n 0 --jsonl --json
    [ "$status" -eq 0 ]
}

@test "a failed prompt of a plain batch leaves its place empty" {
    printf '{"prompt":"one"}\n{\n{"prompt":"three"}\n' >file
    run --separate-stderr "$GEN" -n 0 --jsonl -f file
    [ "$status" -eq 1 ]
    [ "$output" = $'one\n\nthree' ]
}

@test "a prompt does not depend on its neighbours" {
    printf 'a\nb\nc\n' | "$GEN" -n 8 -s 5 --lines --json | sed 's/,"timings.*//' >all
    printf 'x y z\nb\n' | "$GEN" -n 8 -s 5 --lines --json | sed 's/,"timings.*//' >other
    [ "$(wc -l <all)" -eq 3 ]
    [ "$(sed -n 2p all)" = "$(sed -n 2p other)" ]
}

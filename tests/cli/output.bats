#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094,SC2153,SC2154 # scripts in quotes; set by bats and helper.bash
# What comes out: text, JSON, logits, colours, exit status, signals, failed writes.

setup() {
    load helper
}

@test "a text is prompt and new text, and one newline" {
    "$GEN" -n 5 --greedy Hi >echoed
    "$GEN" -n 5 --greedy --no-echo Hi >new
    (printf Hi && cat new) | cmp - echoed
    "$GEN" -n 0 --no-echo Hi >none
    printf '\n' | cmp - none
}

@test "greedy ids are those of transformers" {
    # expected.json: "greedy": {"prompt": [...], "ids": [prompt and new ...
    expected=$(tr -d ' \n' <"$MODEL/expected.json" | sed 's/.*"greedy"//')
    prompt=$(member prompt "$expected")
    ids=$(member ids "$expected")
    length=$(($(printf '%s' "$ids" | tr -cd , | wc -c) + 1))
    gen --greedy --max-length "$length" --prompt-ids "$prompt" --json
    [ "$status" -eq 0 ]
    [ "$(member ids "$output")" = "$ids" ]
    [ "${prompt%]},$(member new_ids "$output" | tr -d '[')" = "$ids" ]
}

@test "a seed gives the same text, another one another" {
    gen -n 20 -s 7 --json Hi
    first=${output%%,\"seed\"*}
    gen -n 20 -s 7 --json Hi
    [ "${output%%,\"seed\"*}" = "$first" ]
    gen -n 20 -s 8 --json Hi
    [ "${output%%,\"seed\"*}" != "$first" ]
}

@test "the seed that was drawn is shown and repeats the text" {
    gen -n 10 --json Hi
    first=${output%%,\"timings\"*}
    seed=$(member seed "$output")
    gen -n 10 --json --seed "$seed" Hi
    [ "${output%%,\"timings\"*}" = "$first" ]
    gen -n 1 --seed 123 --verbose Hi
    [[ $stderr == *"seed 123"* ]]
}

@test "lengths: --max-new-tokens, --max-length, both" {
    gen -n 7 --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 7 ]
    [[ $output == *'"finish_reason":"length"'* ]]
    gen --max-length 9 --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 6 ]
    gen --max-length 9 -n 2 --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 2 ]
    gen --ignore-eos --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 61 ]
    [[ $output == *'"finish_reason":"context"'* ]]
    gen --ignore-eos --context slide --json --prompt-ids "1 2 3"
    [ "$(member new_tokens "$output")" -eq 128 ]
}

@test "JSON: one valid object a line, whatever bytes the text has" {
    # 0 to 255 are the single bytes of this vocabulary.
    ids=$(seq -s ' ' 0 60)
    gen -n 3 --json --prompt-ids "$ids"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    for member in index sequence prompt text new_text ids new_ids finish_reason seed counts timings; do
        [[ $output == *"\"$member\":"* ]]
    done
    printf '%s' "$output" >json
    # Valid UTF-8, no control characters.
    iconv -f UTF-8 -t UTF-8 json >/dev/null
    if LC_ALL=C grep -q '[[:cntrl:]]' json; then
        false
    fi
    if command -v jq >/dev/null; then
        for from in 61 122 183 244; do
            "$GEN" -n 3 -s 1 --json --prompt-ids "$(seq -s ' ' "$from" $((from + 60)))" --logprobs 2 |
                jq -e '.text == .prompt + .new_text' >/dev/null
        done
    fi
}

@test "JSON: --logprobs N has N tokens a step, best first" {
    gen -n 2 --greedy --json --logprobs 3 Hi
    [ "$status" -eq 0 ]
    [ "$(printf '%s' "$output" | grep -o '"top":' | wc -l)" -eq 2 ]
    # Two chosen and two times three best.
    [ "$(printf '%s' "$output" | grep -o '"logprob":-' | wc -l)" -eq 8 ]
}

@test "several texts for a prompt" {
    gen -n 10 --num-return-sequences 3 --seed 1 --json Hi
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[2]} == '{"index":0,"sequence":2,'* ]]
    [ "$(member ids "${lines[0]}")" != "$(member ids "${lines[1]}")" ]
}

@test "--save-logits has a row for each prompt position and step" {
    gen -n 4 --ignore-eos --save-logits logits --prompt-ids "1 2 3"
    [ "$status" -eq 0 ]
    [ "$(wc -c <logits)" -eq $(((3 + 4) * 512 * 4)) ]
}

@test "--stop ends the text before it, --bad-words and --logit-bias forbid" {
    gen -n 8 --greedy --ignore-eos --json Hi
    first=$(member new_ids "$output" | tr -d '[' | cut -d, -f1)
    gen -n 8 --greedy --logit-bias "$first=-inf" --json Hi
    [ "$(member new_ids "$output" | tr -d '[' | cut -d, -f1)" != "$first" ]
    gen tokenize --decode <<<"$first"
    printf '%s\n' "$output" >words
    gen -n 8 --greedy --stop "$output" --json Hi
    [[ $output == *'"new_text":"",'* ]]
    [[ $output == *'"finish_reason":"stop"'* ]]
    gen -n 8 --greedy --bad-words words --json Hi
    [ "$(member new_ids "$output" | tr -d '[' | cut -d, -f1)" != "$first" ]
}

@test "--output writes to the file, - to stdout" {
    gen -n 0 -o file Hello
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(cat file)" = Hello ]
    gen -n 0 -o - Hello
    [ "$output" = Hello ]
    gen -n 0 -o nosuch/file Hello
    refused 1 "nosuch/file: cannot create: No such file"
}

@test "--output does not overwrite what is read" {
    echo Hello >file
    gen -n 0 --lines -f file -o file
    refused 1 "overwritten"
    [ "$(cat file)" = Hello ]
    gen -n 0 -o both --save-logits both Hello
    refused 1 "are one file"
    echo precious >kept
    gen -n 0 -m nosuch -o kept Hello
    [ "$status" -eq 1 ]
    [ "$(cat kept)" = precious ]
}

@test "a batch does not write into its own input" {
    printf 'one\ntwo\n' >file
    run --separate-stderr timeout 20 "$GEN" -n 1 --lines -o file <file
    refused 1 "file: would be overwritten"
    [ "$(cat file)" = $'one\ntwo' ]
    run --separate-stderr bash -c 'timeout 20 "$0" -n 1 --lines <file >>file' "$GEN"
    refused 1 "stdout: would be overwritten"
    [ "$(cat file)" = $'one\ntwo' ]
    # A single prompt is read before anything is written.
    "$GEN" -n 0 -f file >>file
    [ "$(cat file)" = $'one\ntwo\none\ntwo' ]
    "$GEN" -n 0 --lines -o /dev/null </dev/null
}

@test "text and logits are never written over each other" {
    gen -n 1 -o both --save-logits ./both Hello
    refused 1 "are one file"
    gen -n 1 --save-logits - Hello
    refused 1 "are one file"
    gen -n 0 -o /dev/null --save-logits /dev/null Hello
    [ "$status" -eq 0 ]
}

@test "- is stdout for every command that writes text" {
    gen tokenize -o - -p Hi
    [ "$status" -eq 0 ]
    [ -n "$output" ]
    "$GEN" -n 1 -o text --save-logits - --prompt-ids "1 2" >logits
    [ "$(wc -c <logits)" -eq $((3 * 512 * 4)) ]
    gen convert "$MODEL" -
    refused 2 "stdout"
    [ ! -e - ]
}

@test "a seed that was drawn fits a double, so that jq gives it back" {
    for _ in 1 2 3; do
        gen -n 0 --json Hi
        [ "$(member seed "$output")" -lt $((1 << 53)) ]
    done
}

@test "a non-blocking pipe whose reader is slow gets the whole text" {
    command -v python3 >/dev/null || skip "no python3 to make a pipe non-blocking"
    run python3 - "$GEN" <<'END'
import os, subprocess, sys, time
text = b"0123456789" * 100000
open("text", "wb").write(text)
r, w = os.pipe()
os.set_blocking(w, False)
command = [sys.argv[1], "-n", "0", "--context", "slide", "-f", "text"]
gen = subprocess.Popen(command, stdout=w)
os.close(w)
time.sleep(1)
got = b""
while True:
    more = os.read(r, 65536)
    if not more:
        break
    got += more
print(gen.wait(), got == text + b"\n")
END
    echo "$output"
    [ "$output" = "0 True" ]
}

@test "stdout has nothing but text; --quiet and --verbose concern stderr" {
    gen -n 0 Hello
    [ -z "$stderr" ]
    gen -n 0 --verbose Hello
    [ "$output" = Hello ]
    [[ $stderr == *"seed"* ]]
    [[ $stderr == *"/s"* ]]
    gen -n 0 --quiet Hello
    [ -z "$stderr" ]
}

@test "a full disk is noticed" {
    [ -c /dev/full ] || skip "no /dev/full"
    for command in "-n 2 Hi" "-n 2 --json Hi" "tokenize -p Hi" "inspect" "--help" "--version"; do
        # shellcheck disable=SC2086 # several words
        run "$GEN" $command >/dev/full
        # shellcheck disable=SC2086
        run bash -c '"$0" "$@" >/dev/full' "$GEN" $command
        [ "$status" -eq 1 ]
        [[ $output == "gen: stdout: No space left on device" ]]
    done
    gen -n 2 --save-logits /dev/full Hi
    [ "$status" -eq 1 ]
    [[ $stderr == "gen: /dev/full: No space left on device" ]]
}

@test "a closed stdout is noticed" {
    run bash -c '"$0" -n 2 Hi >&-' "$GEN"
    [ "$status" -eq 1 ]
    [[ $output == "gen: stdout: "* ]]
}

@test "a closed pipe ends it quietly" {
    run bash -c 'yes "a b" | "$0" -n 2 --lines 2>stderr | head -n 1 >/dev/null; echo "${PIPESTATUS[1]}"' "$GEN"
    [ "$output" = 141 ]
    [ ! -s stderr ]
}

# Wait until a file has something in it.
wait_for() {
    for _ in $(seq 1000); do
        [ -s "$1" ] && return
        sleep 0.05
    done
    return 1
}

# signal NAME PID: send it, and have the exit status in $status. Who does not end is killed. The
# watchdog is a program of its own, not a subshell: that would have the traps of bats, and report
# another test when it is ended.
signal() {
    kill -"$1" "$2"
    # shellcheck disable=SC2016 # $1 is the watchdog's
    bash -c 'sleep 30; kill -KILL "$1"' watchdog "$2" >/dev/null 2>&1 3>&- &
    local watchdog=$!
    status=0
    wait "$2" || status=$?
    kill -KILL "$watchdog" 2>/dev/null || true
    wait "$watchdog" 2>/dev/null || true
}

@test "Ctrl-C while waiting for a line: status 130; SIGTERM: 143" {
    mkfifo lines
    for pair in INT:130 TERM:143; do
        rm -f out
        "$GEN" --lines -n 1 <lines >out 3>&- &
        pid=$!
        exec 5>lines
        echo Hello >&5
        wait_for out
        signal "${pair%:*}" "$pid"
        exec 5>&-
        [ "$status" -eq "${pair#*:}" ]
        [ "$(head -c 5 out)" = Hello ]
    done
}

@test "Ctrl-C while the prompt is read: status 130 and nothing printed" {
    mkfifo prompt
    "$GEN" -n 1 <prompt >out 2>err 3>&- &
    pid=$!
    exec 5>prompt
    printf 'half a' >&5
    sleep 0.5
    signal INT "$pid"
    exec 5>&-
    [ "$status" -eq 130 ]
    [ ! -s out ]
    [ ! -s err ]
}

@test "Ctrl-C in the middle of a text ends it with a newline" {
    mkfifo pipe
    cat pipe >out 3>&- &
    reader=$!
    "$GEN" --context slide --ignore-eos --max-length 100000000 Hello 3>&- >pipe &
    pid=$!
    wait_for out
    signal INT "$pid"
    [ "$status" -eq 130 ]
    wait "$reader"
    [ "$(tail -c 1 out | od -An -tx1)" = " 0a" ]
    [ "$(head -c 5 out)" = Hello ]
}

@test "Ctrl-C leaves whole JSON" {
    mkfifo pipe
    cat pipe >out 3>&- &
    reader=$!
    "$GEN" --context slide --ignore-eos --max-length 100000000 --json Hello 3>&- >pipe 2>stderr &
    pid=$!
    sleep 1
    signal INT "$pid"
    [ "$status" -eq 130 ]
    wait "$reader"
    [[ $(cat out) == '{"index":0,'*'"finish_reason":"canceled",'*'}' ]]
    [ ! -s stderr ]
}

@test "the prompt is bold on a terminal only, and NO_COLOR is heeded" {
    need_terminal
    bold=$'\033[1mHello\033[0m'
    gen -n 0 Hello
    [ "$output" = "Hello" ]
    gen -n 0 --color always Hello
    [ "$output" = "$bold" ]
    export TERM=xterm
    run on_terminal "$GEN -n 0 Hello"
    [ "$output" = "$bold"$'\r' ]
    run on_terminal "$GEN -n 0 --color never Hello"
    [ "$output" = $'Hello\r' ]
    NO_COLOR=1 run on_terminal "$GEN -n 0 Hello"
    [ "$output" = $'Hello\r' ]
    NO_COLOR=1 run on_terminal "$GEN -n 0 --color always Hello"
    [ "$output" = "$bold"$'\r' ]
    TERM=dumb run on_terminal "$GEN -n 0 Hello"
    [ "$output" = $'Hello\r' ]
}

@test "a model that overflows leaves one line on stderr and nothing on stdout" {
    cp "$MODEL"/{config.json,vocab.json,merges.txt} .
    # The last weights are ln_f's 64 and its bias; all of the matrix before them become 3e38.
    head -c -66048 "$MODEL/model.safetensors" >model.safetensors
    for _ in $(seq 16384); do printf '\x99\x76\x61\x7f'; done >>model.safetensors
    tail -c 512 "$MODEL/model.safetensors" >>model.safetensors
    gen -m . -n 5 Hello
    refused 1 "not finite"
}

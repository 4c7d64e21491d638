#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# gen convert --calibrate: files that lose less by the same types, and what is refused

setup() {
    load helper
    TEXT=$ROOT/README.md
}


@test "a calibrated file has the size of another one and is closer to the original" {
    for type in q4_0 q4_1 q5_0 q5_1 q8_0 q4_k_m q6_k iq4_nl; do
        "$GEN" convert -q --type $type "$MODEL" plain.gguf
        gen convert -q --type $type --calibrate "$TEXT" "$MODEL" calibrated.gguf
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        [ "$(wc -c <plain.gguf)" -eq "$(wc -c <calibrated.gguf)" ]
        run ! cmp -s plain.gguf calibrated.gguf
        gen -m calibrated.gguf -n 5 Hi
        [ "$status" -eq 0 ]
    done
}

@test "what is not rounded to blocks is the same with a text" {
    "$GEN" convert -q --type f16 "$MODEL" plain.gguf
    gen convert -q --type f16 --calibrate "$TEXT" "$MODEL" calibrated.gguf
    [ "$status" -eq 0 ]
    cmp plain.gguf calibrated.gguf
    "$GEN" convert -q --type q8_0 "$MODEL" q8.gguf
    gen convert -q --calibrate "$TEXT" q8.gguf again.gguf
    cmp q8.gguf again.gguf
}

@test "the same bytes from any number of threads, and of several texts" {
    head -c 20000 "$TEXT" >a.txt
    printf '{"text": "once upon"}\n{"text": "a time"}\n' >b.jsonl
    "$GEN" convert -q --type q4_0 --calibrate a.txt --calibrate b.jsonl "$MODEL" all.gguf
    taskset -c "$(taskset -cp $$ | grep -Eo '[0-9]+' | tail -n 1)" "$GEN" convert -q --type q4_0 \
        --calibrate a.txt --calibrate b.jsonl "$MODEL" one.gguf
    cmp all.gguf one.gguf
    "$GEN" convert -q --type q4_0 --calibrate a.txt --calibrate-tokens 256 "$MODEL" few.gguf
    run ! cmp -s all.gguf few.gguf
    "$GEN" convert -q --type auto --size 190K --calibrate a.txt "$MODEL" all.gguf
    taskset -c "$(taskset -cp $$ | grep -Eo '[0-9]+' | tail -n 1)" "$GEN" convert -q --type auto \
        --size 190K --calibrate a.txt "$MODEL" one.gguf
    cmp all.gguf one.gguf
}

@test "texts that are none are refused" {
    gen convert -q --type q4_0 --calibrate "$TEXT" "$ROOT/tests/golden/models/neo-local" c.gguf
    refused 1 "has no tokenizer"
    gen convert -q --type q4_0 --calibrate nowhere.txt "$MODEL" c.gguf
    refused 1 nowhere.txt
    : >empty.txt
    gen convert -q --type q4_0 --calibrate empty.txt "$MODEL" c.gguf
    refused 1 empty.txt
    printf 'a\0b' >odd.txt
    gen convert -q --type q4_0 --calibrate odd.txt "$MODEL" c.gguf
    refused 1 odd.txt
    gen convert -q --type q4_0 --calibrate "$TEXT" --calibrate-tokens 0 "$MODEL" c.gguf
    refused 2 calibrate-tokens
    [ ! -e c.gguf ]
}

@test "auto keeps the size, and a larger one is better" {
    head -c 20000 "$TEXT" >a.txt
    for size in 150000 "190K" ".25MB"; do
        gen convert -q --type auto --size "$size" --calibrate a.txt "$MODEL" "$size.gguf"
        [ "$status" -eq 0 ]
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == *" bytes, matrices: "* ]]
        gen -m "$size.gguf" -n 5 Hi
        [ "$status" -eq 0 ]
    done
    [ "$(wc -c <150000.gguf)" -le 150000 ]
    [ "$(wc -c <190K.gguf)" -le 190000 ]
    [ "$(wc -c <190K.gguf)" -gt 150000 ]
    [ "$(wc -c <.25MB.gguf)" -le 250000 ]
    gen convert -q --type auto --size 190K "$MODEL" plain.gguf
    [ "$status" -eq 0 ]
    [ "$(wc -c <plain.gguf)" -le 190000 ]
    # Room for all: what the source has.
    gen convert -q --type auto --size 5MiB "$MODEL" all.gguf
    [[ $stderr == *"matrices: 10 f32"* ]]
}

@test "auto says the least size, and wants one that is a size" {
    gen convert -q --type auto --size 1000 "$MODEL" c.gguf
    refused 1 "takes at least "
    least=${stderr#*at least }
    least=${least%% *}
    gen convert -q --type auto --size "$least" "$MODEL" c.gguf
    [ "$status" -eq 0 ]
    [ "$(wc -c <c.gguf)" -eq "$least" ]
    gen convert -q --type auto --size "$((least - 1))" "$MODEL" d.gguf
    refused 1 "takes at least $least bytes"
    [ ! -e d.gguf ]
    for size in 0 M -5 1x 1.2.3M 99999999T "" nan; do
        gen convert --type auto --size="$size" "$MODEL" d.gguf
        refused 2 "is not a size"
    done
    gen convert --type auto "$MODEL" d.gguf
    refused 2 "needs --size"
    gen convert --type q4_0 --size 5M "$MODEL" d.gguf
    refused 2 "goes with --type auto"
}

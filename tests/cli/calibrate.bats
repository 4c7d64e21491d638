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
}

@test "texts that are none are refused" {
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

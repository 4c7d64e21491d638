#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# One reader of JSON lines for all who read them: a line that is none has the same sentence from
# `gen generate`, `gen train` and `gen finetune`.

setup() {
    load helper
}

# flaw LINE: what each of the three says is wrong with it, after the name of the file
flaw() {
    printf '%b\n' "$1" >bad.jsonl
    gen -n 0 --jsonl -f bad.jsonl
    [ "$status" -eq 1 ]
    said=${stderr#gen: prompt with index 0: bad.jsonl: line 1}
    gen train -o m.gguf --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 bad.jsonl
    [ "$status" -eq 1 ]
    [ "$stderr" = "gen: bad.jsonl: line 1$said" ]
    gen finetune -o m.gguf bad.jsonl
    [ "$status" -eq 1 ]
    [ "$stderr" = "gen: bad.jsonl: line 1$said" ]
    [[ $said == *"$2"* ]]
}

@test "prompts, texts and pairs: one reader of lines" {
    flaw 'nonsense' 'at byte 1: unknown word (each line must be a JSON object)'
    flaw '[1]' 'is an array, but each line must be an object'
    flaw '5' 'holds a number, but must hold a JSON object'
    flaw '{"prompt":"a"' 'not valid JSON at byte 14'
    flaw '{"prompt":"a"} x' 'text after the JSON value'
    flaw '{"prompt":"a","prompt":"b"}' 'the JSON member "prompt" is there twice'
    flaw '{"prompt":"a\\u0000b"}' '\u0000 in a string'
    flaw '{"prompt":"a\tb"}' 'control character in a string'
    flaw '{"prompt":"\0377"}' 'bytes that are not UTF-8'
}

@test "a line without a prompt says which members it has" {
    gen_stdin '{"text":"a"}\n' -n 0 --jsonl
    [ "$status" -eq 1 ]
    [[ $stderr == *'stdin: line 1 has no member "prompt", but "text" (it must be'* ]]
    gen_stdin '{"text":"a","prompt":5}\n' -n 0 --jsonl
    [ "$status" -eq 1 ]
    [[ $stderr == *'stdin: line 1 has a member "prompt" that must be text, but is a number (it must'* ]]
}

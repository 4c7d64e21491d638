#!/usr/bin/env bats
# shellcheck disable=SC2154 # helper.bash sets them
# What a run learns at, once it is resumed: as it was, whether the model that it was begun with is
# named again or not.

setup() {
    load helper
    for _ in $(seq 200); do echo "The fox and the hen went to town."; done >text
    options=(-q -b 64 --schedule constant --metrics m.jsonl text)
}

@test "a run begun with a model keeps its rate and warm-up where the model is named again" {
    gen train -o m.gguf --init "$MODEL" --n-ctx 32 --steps 2 "${options[@]}"
    [ "$status" -eq 0 ]
    gen train -o m.gguf --init "$MODEL" --n-ctx 32 --resume --steps 4 "${options[@]}"
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 9.99999975e-05 ]
    gen train -o m.gguf -m "$MODEL" --n-ctx 32 --resume --steps 5 "${options[@]}"
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 9.99999975e-05 ]
}

@test "a run begun without a model keeps its rate where one is named, and after that" {
    shape=(--n-layer 1 --n-head 1 --n-embd 8 --n-ctx 16)
    gen train -o m.gguf --vocab "$MODEL" "${shape[@]}" --warmup 1 --steps 2 "${options[@]}"
    [ "$status" -eq 0 ]
    cp m.gguf same.gguf
    gen train -o m.gguf --init same.gguf --resume --steps 3 "${options[@]}"
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 0.00100000005 ]
    gen train -o m.gguf --resume --steps 4
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 0.00100000005 ]
}

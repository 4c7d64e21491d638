#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Files of other programs that are no models here: what they are is said, and what to do.

setup() {
    load helper
}

@test "files of other programs are named, alone and in a directory" {
    while IFS='|' read -r name bytes what; do
        mkdir "of.$name"
        # shellcheck disable=SC2059 # the bytes are a format
        printf "$bytes" > "of.$name/$name"
        gen -m "of.$name/$name" Hi
        refused 1 "of.$name/$name: $what"
        gen -m "of.$name" Hi
        refused 1 "of.$name/$name: $what"
        gen convert "of.$name/$name" out.gguf
        refused 1 "of.$name/$name: $what"
        [ ! -e out.gguf ]
    done <<'END'
tf_model.h5|\211HDF\r\n\032\n|is a Keras file (HDF5)
model.keras|PK\003\004\024|is a Keras file (HDF5)
flax_model.msgpack|\201\245trans|is a file of Flax
rust_model.ot|PK\003\004\024|is a file of rust-bert
model.onnx|\010\007|is a file of ONNX
model.tflite|\034\000\000\000TFL3|is a file of TensorFlow Lite
END
}

@test "a ggml file from before GGUF is one by its first bytes" {
    for magic in lmgg fmgg tjgg; do
        printf '%s\1\0\0\0' "$magic" > ggml-model-f16.bin
        gen -m ggml-model-f16.bin Hi
        refused 1 "ggml-model-f16.bin: is a file of ggml from before GGUF"
    done
}

@test "a model of llm.c runs, converts and is looked at" {
    gen -m "$ROOT/tests/golden/llmc/v3.bin" --prompt-ids "7 41 299" --greedy -n 5 --json
    [ "$status" -eq 0 ]
    ids=$(member new_ids "$output")
    gen convert "$ROOT/tests/golden/llmc/v3.bin" out.gguf
    [ "$status" -eq 0 ]
    gen -m out.gguf --prompt-ids "7 41 299" --greedy -n 5 --json
    [ "$(member new_ids "$output")" = "$ids" ]
    gen inspect "$ROOT/tests/golden/llmc/v3.bin"
    [[ $output == *"llm.c"* ]]
    gen -m "$ROOT/tests/golden/llmc/v3.bin" Hi
    [ "$status" -eq 1 ]
    [[ ${stderr_lines[0]} == *"v3.bin brings no tokenizer: put GPT-2's vocab.json and merges.txt next to it" ]]
}

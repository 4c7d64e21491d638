#!/usr/bin/env bats
# shellcheck disable=SC2154
# Models that torch.save() wrote: pytorch_model.bin and nanoGPT's ckpt.pt on the command line. Their
# numbers are test_torch.c's.

setup() {
    load helper
    TORCH=$ROOT/tests/golden/torch
}

@test "generate, inspect and convert take pytorch_model.bin in every form" {
    for name in zip legacy sharded odd; do
        gen inspect -m "$TORCH/$name"
        [ "$status" -eq 0 ]
        [[ $output == *"format "*" pytorch"* ]]
        gen -m "$TORCH/$name" --greedy -n 5 --prompt-ids '5 3 7'
        [ "$status" -eq 0 ]
        first=${first:-$output}
        [ "$output" = "$first" ]
        gen convert -q "$TORCH/$name" "$name.gguf"
        [ "$status" -eq 0 ]
        # A shard of its own has lm_head's numbers a second time; elsewhere they are wte's.
        [ -z "$stderr" ] || [ "$name" = sharded ]
        gen -m "$name.gguf" --greedy -n 5 --prompt-ids '5 3 7'
        [ "$output" = "$first" ]
    done
    gen -m "$TORCH/zip/pytorch_model.bin" --greedy -n 5 --prompt-ids '5 3 7'
    [ "$output" = "$first" ]
}

@test "a character model of nanoGPT: its meta.pkl lies next to it, and survives gen convert" {
    gen -m "$TORCH/characters" --greedy -n 4 'hé'
    [ "$status" -eq 0 ]
    said=$output
    gen convert -q "$TORCH/characters/ckpt.pt" c.gguf
    [ "$status" -eq 0 ]
    gen -m c.gguf --greedy -n 4 'hé'
    [ "$output" = "$said" ]
    for model in "$TORCH/characters" "$TORCH/characters/meta.pkl" c.gguf; do
        gen tokenize -m "$model" -p 'hé!'
        [ "$output" = '10 19 2' ]
        gen tokenize -m "$model" -p 'hö'
        refused 1 'the text has the character "ö" (U+00F6), for which this vocabulary has no token'
    done
}

@test "a checkpoint without a tokenizer says which file it needs" {
    cp "$TORCH/characters/ckpt.pt" .
    gen -m ckpt.pt hello
    [ "$status" -eq 1 ]
    [[ $stderr == *"ckpt.pt: no tokenizer lies next to it (copy nanoGPT's data/characters/meta.pkl there)"* ]]
    [[ $stderr == *"--prompt-ids"* ]]
    gen -m . -n 1 --prompt-ids 3
    [ "$status" -eq 0 ]
}

@test "rows of the vocabulary that are no tokens are cut off" {
    gen inspect -m "$TORCH/padded"
    [[ $output == *"n_vocab "*" 512"* ]]
    gen -m "$TORCH/padded" --temperature 50 --seed 1 -n 8 Once
    [ "$status" -eq 0 ]
}

@test "weights without their configuration are named with what is missing" {
    mkdir d
    cp "$TORCH/zip/pytorch_model.bin" d
    gen -m d/pytorch_model.bin x
    refused 1 'd/pytorch_model.bin: has no settings of a model in it'
    gen -m d x
    refused 1 'd/pytorch_model.bin: has no config.json next to it'
}

@test "a model in the Hub's cache may be of PyTorch" {
    hub=$HOME/.cache/huggingface/hub/models--me--old
    mkdir -p "$hub/blobs" "$hub/snapshots/abc" "$hub/refs"
    printf abc >"$hub/refs/main"
    for name in config.json pytorch_model.bin; do
        cp "$TORCH/legacy/$name" "$hub/blobs/$name-1"
        ln -s "../../blobs/$name-1" "$hub/snapshots/abc/$name"
    done
    gen -m me/old -n 1 --prompt-ids 3
    [ "$status" -eq 0 ]
}

@test "inspect --check holds the weights against the sums of the ZIP" {
    gen inspect --check -m "$TORCH/zip"
    [ "$status" -eq 0 ]
    mkdir d
    cp "$TORCH/zip/config.json" d
    cp "$TORCH/zip/pytorch_model.bin" d
    printf '\x01' | dd of=d/pytorch_model.bin bs=1 seek=40000 conv=notrunc status=none
    gen inspect --check -m d
    [ "$status" -eq 1 ]
    [[ $output$stderr == *"CRC-32"* ]]
}

@test "code in a pickle is refused by name and never run" {
    mkdir d
    cp "$TORCH/zip/config.json" d
    printf '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02cos\nsystem\nX\x09\x00\x00\x00touch ran\x85R.' \
        >d/pytorch_model.bin
    gen -m d x
    refused 1 'd/pytorch_model.bin: data.pkl: names os.system at offset 2, which can run code and is not read'
    [ ! -e ran ]
}

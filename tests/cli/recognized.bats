#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What lies where a model must be is recognized, and the message says what to do.

setup() {
    load helper
    mkdir d
}

@test "a folder of PEFT is no model and no adapter of this kind, and how to merge it is said" {
    echo '{"peft_type": "LORA"}' >d/adapter_config.json
    printf '\2\0\0\0\0\0\0\0{}' >d/adapter_model.safetensors
    for path in d d/adapter_model.safetensors d/adapter_config.json; do
        gen inspect -m $path
        refused 1 merge_and_unload
        [[ $stderr == *d/adapter_* ]]
        gen convert --lora $path "$MODEL" out.gguf
        refused 1 merge_and_unload
        [ ! -e out.gguf ]
    done
    cp "$MODEL/config.json" d
    gen -m d -n 1 x
    refused 1 merge_and_unload
}

@test "a folder with one GGUF stands for it, of several one must be chosen" {
    "$GEN" convert -q "$MODEL" d/one.gguf
    echo '# Card' >d/README.md
    gen inspect --json -m d
    [ "$status" -eq 0 ]
    [[ $output == *'"format":"gguf v3"'* ]]
    [ "$("$GEN" tokenize -m d -p 'the king')" = "$("$GEN" tokenize -m "$MODEL" -p 'the king')" ]
    cp "$MODEL/config.json" d # as many repositories of GGUFs have it
    gen -m d -n 2 --greedy --no-echo x
    [ "$status" -eq 0 ]
    [ "$output" = "$("$GEN" -m "$MODEL" -n 2 --greedy --no-echo x)" ]
    cp d/one.gguf d/two.gguf
    gen inspect -m d
    refused 1 'd: holds 2 GGUF files: one.gguf, two.gguf (choose one: name the file)'
    rm d/config.json
    mv d/one.gguf d/m-00001-of-00002.gguf
    mv d/two.gguf d/m-00002-of-00002.gguf
    gen inspect -m d
    refused 1 'llama-gguf-split --merge'
}

@test "weights of PyTorch, TensorFlow and Flax are named" {
    for name in ckpt.pt pytorch_model.bin model.pth tf_model.h5 flax_model.msgpack model.ckpt.index; do
        rm -rf d && mkdir d
        echo x >d/$name
        gen inspect -m d
        refused 1 "d/$name: "
        [[ $stderr == *save_pretrained* ]]
        cp "$MODEL/config.json" d
        gen inspect -m d
        refused 1 "d/$name: "
    done
    printf 'PK\3\4....' >ckpt.pt
    gen inspect -m ckpt.pt
    refused 1 'ckpt.pt: does not end as a ZIP file must'
    printf 'PK\3\4....' >t.json
    gen tokenize -m t.json -p x
    refused 1 't.json: is a PyTorch or other ZIP file'
}

@test "what is missing from a directory is named as the file that it is" {
    gen inspect -m d
    refused 1 'd/config.json: is missing'
    cp "$MODEL/config.json" d
    gen inspect -m d
    refused 1 'd/model.safetensors: is missing'
    gen inspect -m d/config.json
    refused 1 'd/config.json: is a JSON file, not a model: name the directory'
    gen inspect -m "$MODEL/model.safetensors"
    refused 1 'name the directory'
}

@test "a git-lfs pointer and a saved web page are seen in every file" {
    for name in config.json model.safetensors vocab.json merges.txt; do
        rm -rf d && cp -r "$MODEL" d && chmod -R u+w d
        printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 99\n' 0 >d/$name
        gen inspect -m d
        refused 1 "d/$name: is a git-lfs pointer, not the file itself (fetch it: git lfs pull)"
        printf '<!DOCTYPE html>\n<html><head><title>Log in</title>' >d/$name
        gen inspect -m d
        refused 1 "d/$name: is a web page"
    done
    printf 'version https://git-lfs.github.com/spec/v1\n' >m.gguf
    gen inspect -m m.gguf
    refused 1 'm.gguf: is a git-lfs pointer'
}

@test "a git-lfs pointer or a compressed file is no text to learn, a text about them is" {
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548\n' >lfs.txt
    yes 'the king and the fox' | head -300 | gzip >packed.txt
    for file in lfs.txt packed.txt; do
        for how in 'train -o out.gguf --vocab '"$MODEL" 'finetune -o out.gguf -m '"$MODEL" 'vocab -o v'; do
            # shellcheck disable=SC2086 # several words
            gen $how $file
            refused 1 "gen: $file: is "
            [[ $stderr == *'fetch it: git lfs pull'* || $stderr == *'unpack it: gunzip'* ]]
        done
    done
    [ ! -e out.gguf ] && [ ! -e v ]
    (cat lfs.txt && yes 'the king and the fox' | head -300) >about.txt
    gen vocab -q -o v --size 300 about.txt
    [ "$status" -eq 0 ]
}

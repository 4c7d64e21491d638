#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Added tokens whose description says how the text around them counts, from a directory of Hugging
# Face to a GGUF and into training.

setup() {
    load helper
    mkdir dir
    cp "$MODEL"/{config.json,model.safetensors,vocab.json,merges.txt} dir
    # Of tokens that have a row: "in" is one of the vocabulary.
    cat >dir/tokenizer_config.json <<'END'
{"added_tokens_decoder": {
  "511": {"content": "<|endoftext|>", "lstrip": true, "rstrip": true, "special": true},
  "260": {"content": "in", "single_word": true, "special": false}}}
END
}

ids_of() {
    gen tokenize --special -m "$1" -p "$2"
    echo "$stderr"
    [ "$status" -eq 0 ]
    ids=$output
}

@test "a GGUF finds added tokens where the directory it was made of does" {
    gen convert dir model.gguf
    [ "$status" -eq 0 ]
    [[ $stderr == *"llama.cpp ignores gen.added_token_flags"* ]]
    gen convert model.gguf again.gguf
    [ "$status" -eq 0 ]
    for text in $'the \n<|endoftext|>  king' 'in' 'inner in' 'king_in in-'; do
        ids_of dir "$text"
        expected=$ids
        for file in model.gguf again.gguf; do
            ids_of "$file" "$text"
            [ "$ids" = "$expected" ]
        done
    done
    ids_of dir $'the \n<|endoftext|>  king'
    stripped=$ids
    ids_of "$MODEL" 'the<|endoftext|>king'
    [ "$ids" = "$stripped" ]
}

@test "a model that is trained keeps the flags of its tokens" {
    printf 'the king was in the garden <|endoftext|> and the queen\n' >t.txt
    gen train -q --init dir --n-ctx 8 -b 8 --steps 1 -o out.gguf t.txt
    echo "$stderr"
    [ "$status" -eq 0 ]
    ids_of dir $'the \n<|endoftext|>  king'
    expected=$ids
    ids_of out.gguf $'the \n<|endoftext|>  king'
    [ "$ids" = "$expected" ]
}

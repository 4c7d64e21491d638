#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen inspect and gen convert

setup() {
    load helper
}

@test "inspect shows the shape" {
    gen inspect "$MODEL"
    [ "$status" -eq 0 ]
    [[ $output =~ format\ +safetensors ]]
    shown=$output
    run awk '/^$/ { exit } substr($0, 32, 2) !~ /^ [^ ]/' <<<"$output"
    echo "not in its column: $output"
    [ -z "$output" ]
    output=$shown
    [[ $output =~ n_vocab\ +512 ]]
    [[ $output =~ n_ctx\ +64 ]]
    [[ $output =~ n_layer\ +2 ]]
    [[ $output =~ activation\ +gelu_new ]]
    [[ $output != *"wte.weight"* ]]
    gen inspect --tensors "$MODEL"
    [[ $output == *"wte.weight"*"F32"*"[512, 64]"* ]]
}

@test "inspect --json is one object" {
    gen inspect --json --tensors "$MODEL"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [ "$(member n_embd "$output")" = 64 ]
    [[ $output == *'"shape":[512,64]'* ]]
    if command -v jq >/dev/null; then
        printf '%s' "$output" | jq -e '.config.n_head == 4 and (.tensors | length) == .n_tensors' >/dev/null
    fi
    gen inspect a b
    refused 2 "too much"
}

@test "a converted model gives the same text" {
    gen -n 20 --greedy --json Hi
    ids=$(member ids "$output")
    for type in "" f32; do
        "$GEN" convert ${type:+--type $type} "$MODEL" model.gguf
        gen -m model.gguf -n 20 --greedy --json Hi
        [ "$status" -eq 0 ]
        [ "$(member ids "$output")" = "$ids" ]
    done
    # Once more, from GGUF to GGUF, over a file that exists.
    echo "was here" >again.gguf
    "$GEN" convert model.gguf again.gguf
    gen -m again.gguf -n 20 --greedy --json Hi
    [ "$(member ids "$output")" = "$ids" ]
    gen inspect --json again.gguf
    [[ $output == *'"format":"gguf v3"'* ]]
}

@test "the type of the weights can be chosen" {
    for type in f16 bf16 q8_0; do
        gen convert --type "$type" "$MODEL" "$type.gguf"
        [ "$status" -eq 0 ]
        [ -z "$output$stderr" ]
        gen inspect --json --tensors "$type.gguf"
        [[ $output == *"\"type\":\"${type^^}\""* ]]
        gen -m "$type.gguf" -n 2 Hi
        [ "$status" -eq 0 ]
    done
    gen convert --type f64 "$MODEL" out.gguf
    refused 2 "(f32, f16, bf16, q8_0"
}

@test "weights can be quantized, and once more" {
    for type in q8_0 q4_0 q4_1 q5_0 q5_1 q4_k_m q5_k_m q6_k iq4_nl; do
        gen convert --type "$type" "$MODEL" "$type.gguf"
        [ "$status" -eq 0 ]
        [ -z "$output$stderr" ]
        gen inspect --json --tensors "$type.gguf"
        main=${type%_m}
        [[ $output == *"\"type\":\"${main^^}\""* ]]
        [[ $output == *'"general.quantization_version":"2"'* ]]
        gen -m "$type.gguf" -n 20 --greedy Hi
        [ "$status" -eq 0 ]
        [ "$output" != Hi ]
    done
    gen convert --type q4_0 q8_0.gguf again.gguf
    [ "$status" -eq 0 ]
    gen -m again.gguf -n 2 Hi
    [ "$status" -eq 0 ]
    [ "$("$GEN" inspect --json q4_k_m.gguf | grep -o '"parameters":[0-9]*')" = \
        "$("$GEN" inspect --json "$MODEL" | grep -o '"parameters":[0-9]*')" ]
}

@test "convert: wrong usage and targets that cannot be" {
    gen convert "$MODEL"
    refused 2 "gen convert SRC DST.gguf"
    gen convert a b c
    refused 2 "gen convert SRC DST.gguf"
    gen convert nosuch out.gguf
    refused 1 "nosuch"
    gen convert "$MODEL" nosuch/out.gguf
    refused 1 "nosuch/out.gguf"
    "$GEN" convert "$MODEL" model.gguf
    cp model.gguf copy
    gen convert model.gguf ./model.gguf
    refused 1 "one file"
    cmp model.gguf copy
}

@test "convert leaves nothing but the target" {
    mkdir here
    "$GEN" convert "$MODEL" here/model.gguf
    [ "$(ls -A here)" = model.gguf ]
    # No room: neither a target nor a part of one is left.
    if (ulimit -f 100 && trap '' XFSZ && "$GEN" convert "$MODEL" here/other.gguf 2>stderr); then
        false
    fi
    [ "$(ls -A here)" = model.gguf ]
    [ "$(wc -l <stderr)" -eq 1 ]
}

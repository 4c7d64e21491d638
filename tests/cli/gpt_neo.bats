#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# GPT-Neo from outside: whatever a GPT-2 can be used for, it can be used for. What is computed is held
# against transformers in unit/test_golden_models.c and unit/test_train_pass.c.

setup() {
    load helper
    NEO=$ROOT/tests/golden/models/neo-words
}

ids() {
    "$GEN" -m "$1" -n 20 --seed 3 --ignore-eos --prompt-ids '5 17 3 200 9' --json | grep -Eo '"ids":\[[^]]*\]'
}

@test "GPT-Neo: inspect, and GGUFs of every type" {
    gen inspect "$NEO"
    [ "$status" -eq 0 ]
    [[ $output =~ architecture\ +gpt_neo ]]
    [[ $output =~ scale_attn_weights\ +no ]]
    [[ $output =~ window\ +16 ]]
    [[ $output =~ local_layers\ +1 ]]
    for type in "" f32 f16 bf16 q8_0; do
        gen convert ${type:+--type $type} "$NEO" m.gguf
        [ "$status" -eq 0 ]
        [[ $stderr == *"llama.cpp has no architecture gpt_neo: only gen runs the file"* ]]
        gen inspect --json --tensors m.gguf
        [[ $output == *'"architecture":"gpt_neo"'* ]]
        [[ $output == *'"local_layers":[1]'* ]]
        [[ $output == *'"name":"blk.1.attn_qkv.weight"'*'"shape":[48,16]'* ]]
        [[ $output != *'blk.1.attn_qkv.bias'* ]]
        case $type in
        "" | f32 | f16) [ "$(ids m.gguf)" = "$(ids "$NEO")" ] ;;
        *) ids m.gguf >said ;;
        esac
    done
    gen convert -q m.gguf again.gguf
    cmp m.gguf again.gguf
    gen bench -m m.gguf --quick --prompt-lengths 8 --decode-lengths 24 --batch 1,2 --batch-length 20
    [ "$status" -eq 0 ]
}

@test "GPT-Neo: a batch, threads and a shared window change no text" {
    for i in $(seq 1 12); do echo "the king $i"; done >prompts
    "$GEN" -m "$NEO" --lines --ignore-eos -n 24 --seed 5 --batch 1 -t 1 <prompts >one
    "$GEN" -m "$NEO" --lines --ignore-eos -n 24 --seed 5 --batch 12 -t 3 <prompts >all
    cmp one all
    "$GEN" -m "$NEO" --ignore-eos -n 100 --greedy --context slide Once >slid
    "$GEN" -m "$NEO" --ignore-eos -n 100 --greedy --context slide --no-speculate -t 2 Once >plain
    cmp slid plain
}

@test "GPT-Neo: training goes on, and a resumed run equals an unbroken one" {
    seq 1 400 | sed 's/^/the king had a fox and a tree /' >text
    options=(-q --init "$NEO" --seed 2 -b 128 --n-ctx 32 --schedule constant text)
    mkdir whole
    "$GEN" train -o whole/m.gguf --steps 6 "${options[@]}"
    gen inspect whole/m.gguf
    [[ $output =~ architecture\ +gpt_neo ]]
    "$GEN" train -o m.gguf --steps 3 "${options[@]}" -t 1
    "$GEN" train -o m.gguf --steps 6 --resume "${options[@]}"
    cmp m.gguf whole/m.gguf
    same_state m.gguf.state whole/m.gguf.state
    # Without the model that it was begun with: its shape is in the state.
    gen train -q -o m.gguf --steps 7 --resume --vocab "$NEO" --seed 2 -b 128 text
    [ "$status" -eq 0 ]
    # With another one of the same shape but for the window.
    cp -r "$NEO" other
    chmod -R u+w other
    sed -i 's/"window_size": 16/"window_size": 8/' other/config.json
    gen train -q -o m.gguf --steps 8 --resume --init other --seed 2 -b 128 --n-ctx 32 text
    refused 2 "m.gguf.state: its window is 16, that of other is 8"
    sed -i 's/"window_size": 8/"window_size": 16/; s/"global"/"local"/' other/config.json
    gen train -q -o m.gguf --steps 8 --resume --init other --seed 2 -b 128 --n-ctx 32 text
    refused 2 "m.gguf.state: its local_layers is not that of other"
    gen train -q -o m.gguf --steps 8 --resume --init "$MODEL" --seed 2 -b 128 text
    refused 2 "m.gguf.state: its architecture is gpt_neo, that of $MODEL is gpt2"
}

@test "GPT-Neo: an adapter is learned, inspected and merged, and is for GPT-Neo only" {
    for i in 1 2 3 4; do
        printf '{"prompt": "%d", "completion": " %s"}\n' "$i" "$(echo king queen fox wolf | cut -d ' ' -f "$i")"
    done >pairs.jsonl
    gen finetune -q -o a.gguf -m "$NEO" --lora-rank 8 --lr 0.05 --epochs 100 --batch-size 4 pairs.jsonl
    [ "$status" -eq 0 ]
    gen inspect a.gguf
    [[ $output =~ targets\ +attn.c_attn,attn.c_proj,mlp.c_fc,mlp.c_proj,\ 8\ matrices ]]
    [[ $output == *general.architecture*gpt_neo* ]]
    gen convert -q --lora a.gguf "$NEO" merged.gguf
    [ "$status" -eq 0 ]
    gen -m merged.gguf --greedy --no-echo -n 4 3
    [[ $output == " fox"* ]]
    gen convert -q --lora a.gguf "$MODEL" no.gguf
    refused 1 'a.gguf: general.architecture is "gpt_neo", but must be "gpt2" in a LoRA adapter for gpt2'
    [ ! -e no.gguf ]
    # The same adapter on a GGUF, where the three matrices are one already.
    "$GEN" convert -q "$NEO" base.gguf
    "$GEN" convert -q --lora a.gguf base.gguf again.gguf
    [ "$(ids merged.gguf)" = "$(ids again.gguf)" ]
}

@test "GPT-Neo: fine-tuning of all weights" {
    printf '{"prompt": "fox", "completion": " wolf"}\n{"prompt": "king", "completion": " queen"}\n' >pairs.jsonl
    gen finetune -q -o m.gguf -m "$NEO" --lr 0.01 --epochs 60 --batch-size 2 pairs.jsonl
    [ "$status" -eq 0 ]
    gen -m m.gguf --greedy --no-echo -n 4 king
    [[ $output == " queen"* ]]
}

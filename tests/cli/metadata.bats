#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What a converted or learned model says of itself, and where its texts end.

setup() {
    load helper
    cp -r "$MODEL" dir
}

# described FILE: one line a key, as `gen inspect` has it.
described() {
    "$GEN" inspect "$1" | sed -n 's/^  \([a-z][a-z0-9_.]*\) */\1=/p'
}

# set_metadata FILE KEY=TEXT...
set_metadata() {
    command -v python3 >/dev/null || skip "python3 is missing"
    python3 "$ROOT/scripts/set_metadata.py" "$@"
}

@test "keys that gen does not know pass through convert" {
    "$GEN" convert dir a.gguf
    set_metadata a.gguf general.license=apache-2.0 general.author=Ann 'general.languages=[nl,de]' \
        my.note=hello tokenizer.chat_template='{{ m }}' general.quantized_by=Bob split.note=x
    "$GEN" convert a.gguf same.gguf
    "$GEN" convert --type q8_0 a.gguf small.gguf
    for file in same small; do
        described "$file.gguf" >keys
        for line in general.license=apache-2.0 general.author=Ann 'general.languages=[2 strings]' \
            my.note=hello 'tokenizer.chat_template={{ m }}' general.name=dir; do
            grep -Fx "$line" keys
        done
        run ! grep split keys
    done
    described same.gguf | grep -Fx general.quantized_by=Bob
    run ! grep quantized_by keys
    grep -Fx general.file_type=7 keys
    grep -Fx general.quantization_version=2 keys
}

@test "a model that learned from another names it, and keeps its licence" {
    "$GEN" convert dir a.gguf
    set_metadata a.gguf general.name=Tales general.license=mit general.author=Ann my.note=hello \
        general.uuid=1234
    printf '%s\n' '{"prompt": "a", "completion": "b"}' '{"prompt": "c", "completion": "d"}' >pairs.jsonl
    gen finetune -q -m a.gguf -o tuned.gguf --steps 1 pairs.jsonl
    [ "$status" -eq 0 ]
    printf 'the cat sat on the mat %.0s' {1..100} >text.txt
    gen train -q --init a.gguf -o b.gguf -n 1 -b 64 text.txt
    [ "$status" -eq 0 ]
    # Without the model it began with the run finds these keys in what it wrote.
    gen train -q --resume -o b.gguf -n 2 -b 64 text.txt
    [ "$status" -eq 0 ]
    for name in tuned b; do
        described "$name.gguf" >keys
        for line in "general.name=$name" general.license=mit my.note=hello \
            general.base_model.count=1 general.base_model.0.name=Tales \
            general.base_model.0.author=Ann; do
            grep -Fx "$line" keys
        done
        run ! grep -E 'general.(author|uuid)' keys
    done
}

@test "the chat template of a directory is written" {
    printf '{"chat_template": [{"name": "default", "template": "A"}, {"name": "tool_use", "template": "B"}]}' \
        >dir/tokenizer_config.json
    "$GEN" convert dir list.gguf
    described list.gguf >keys
    grep -Fx tokenizer.chat_template=A keys
    grep -Fx tokenizer.chat_template.tool_use=B keys
    grep -Fx 'tokenizer.chat_templates=[1 strings]' keys
    printf '{"chat_template": "C"}' >dir/tokenizer_config.json
    "$GEN" convert dir text.gguf
    described text.gguf | grep -Fx tokenizer.chat_template=C
    printf D >dir/chat_template.jinja
    "$GEN" convert dir file.gguf
    described file.gguf | grep -Fx tokenizer.chat_template=D
    rm dir/chat_template.jinja
    printf '{"chat_template": 7}' >dir/tokenizer_config.json
    gen convert dir bad.gguf
    refused 1 "tokenizer_config.json: chat_template must be"
    [ ! -e bad.gguf ]
}

@test "a model without a name is called by its folder, or by its repository of the Hub" {
    mkdir -p models--owner--my--small-gpt/snapshots
    cp -r dir models--owner--my--small-gpt/snapshots/0123456789abcdef
    "$GEN" convert models--owner--my--small-gpt/snapshots/0123456789abcdef/ a.gguf
    described a.gguf | grep -Fx general.name=small-gpt
    "$GEN" convert ./dir/ b.gguf
    described b.gguf | grep -Fx general.name=dir
    (cd dir && "$GEN" convert . ../c.gguf)
    described c.gguf | grep -Fx general.name=model
}

@test "convert says what llama.cpp ignores" {
    sed -i 's/"activation_function": "[a-z_]*"/"activation_function": "relu"/' dir/config.json
    gen convert dir relu.gguf
    [ "$status" -eq 0 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *"llama.cpp ignores gen.activation_function"*"only gen"* ]]
    gen convert "$MODEL" plain.gguf
    [ -z "$stderr" ]
}

@test "every end-of-text id ends a text, and --ignore-eos ignores all" {
    gen -m dir --prompt-ids '46 5 77 130' -n 6 --greedy --json
    [ "$(member new_ids "$output")" = '[261,226,234,11,234,226]' ]
    printf '{"eos_token_id": [511, 234]}' >dir/generation_config.json
    "$GEN" convert dir a.gguf
    for model in dir a.gguf; do
        gen -m "$model" --prompt-ids '46 5 77 130' -n 6 --greedy --json
        [ "$(member new_ids "$output")" = '[261,226,234]' ]
        [[ $output == *'"finish_reason":"eos"'* ]]
        gen -m "$model" --prompt-ids '46 5 77 130' -n 6 --greedy --json --ignore-eos
        [ "$(member new_ids "$output")" = '[261,226,234,11,234,226]' ]
        gen -m "$model" --prompt-ids '46 5 77 130' -n 6 --greedy --json --min-new-tokens 6
        [[ $(member new_ids "$output") != *234* ]]
        gen inspect --json "$model"
        [ "$(member eos_token_ids "$output")" = '[511,234]' ]
    done
}

@test "a model that learned ends its texts where its parent did" {
    printf '{"eos_token_id": [511, 234, 7]}' >dir/generation_config.json
    printf '{"chat_template": "C"}' >dir/tokenizer_config.json
    printf '%s\n' '{"prompt": "a", "completion": "b"}' >pairs.jsonl
    gen finetune -q -m dir -o tuned.gguf --steps 1 pairs.jsonl
    [ "$status" -eq 0 ]
    gen inspect --json tuned.gguf
    [ "$(member eos_token_ids "$output")" = '[511,234,7]' ]
    [[ $output == *'"general.base_model.0.name":"dir"'* ]]
    # And is talked to as it was taught, not as its parent.
    [[ $output == *'"gen.template":"{prompt}{completion}"'* ]]
    [[ $output != *'"tokenizer.chat_template":"C"'* ]]
    # What cannot be written is known before the first step.
    printf '{"chat_template": {}}' >dir/tokenizer_config.json
    gen finetune -q -m dir -o other.gguf --steps 1 pairs.jsonl
    refused 1 "tokenizer_config.json: chat_template must be"
}

@test "tensors that the model does not need are left out, and that is said" {
    command -v python3 >/dev/null || skip "python3 is missing"
    python3 - <<'PYTHON'
import json, struct
data = open('dir/model.safetensors', 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
header, end = json.loads(data[8:8 + n]), len(data) - 8 - n
header['score.weight'] = {'dtype': 'F32', 'shape': [2], 'data_offsets': [end, end + 8]}
text = json.dumps(header).encode()
text += b' ' * (-len(text) % 8)
open('dir/model.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data[8 + n:] + bytes(8))
PYTHON
    gen convert dir a.gguf
    [ "$status" -eq 0 ]
    [ "$stderr" = "gen: dir: 1 tensor that the model does not need is left out" ]
    gen inspect --tensors a.gguf
    [[ $output != *score* ]]
}

@test "--verbose names the settings of generation that the model asks for" {
    printf '{"eos_token_id": 511, "temperature": 1.0, "top_k": 7, "do_sample": true, "suppress_tokens": []}' \
        >dir/generation_config.json
    gen -m dir -n 1 --verbose x
    [ "$status" -eq 0 ]
    [[ $stderr == *"dir/generation_config.json asks for do_sample true, temperature 1, top_k 7 (--defaults model"* ]]
    gen -m dir -n 1 x
    [ -z "$stderr" ]
    # Where there is no such file config.json has them, as for transformers.
    rm dir/generation_config.json
    sed -i 's/"activation_function"/"repetition_penalty": 1.5, &/' dir/config.json
    gen -m dir -n 1 --verbose x
    [[ $stderr == *"dir/config.json asks for repetition_penalty 1.5 ("* ]]
}

@test "a target named as another format is refused" {
    for name in a.safetensors A.BIN a.onnx; do
        gen convert "$MODEL" "$name"
        refused 2 "convert writes GGUF"
        [ ! -e "$name" ]
    done
    gen convert "$MODEL" model.v2
    [ "$status" -eq 0 ]
}

@test "the built-in model says what it is" {
    gen inspect tales-6m
    [ "$status" -eq 0 ] || skip "built without a model"
    [[ $output =~ general.name\ +tales-6m ]]
    [[ $output =~ general.license\ +mit ]]
    id=$(member eos_token_id "$("$GEN" inspect --json tales-6m)")
    grep -F "$id is \`<\\|endoftext\\|>\`" "$ROOT/models/README.md"
}

@test "inspect tells what an adapter is" {
    "$GEN" convert dir a.gguf
    set_metadata a.gguf general.name=Tales general.license=mit
    printf '%s\n' '{"prompt": "a", "completion": "b"}' >pairs.jsonl
    gen finetune -q -m a.gguf -o lora.gguf --steps 1 --lora-rank 3 --lora-alpha 6 \
        --lora-targets attn.c_attn,mlp.c_proj pairs.jsonl
    [ "$status" -eq 0 ]
    gen inspect --tensors lora.gguf
    [ "$status" -eq 0 ]
    [[ $output == *"LoRA adapter"* ]]
    [[ $output =~ rank\ +3 ]]
    [[ $output =~ alpha\ +6 ]]
    [[ $output =~ targets\ +attn.c_attn,mlp.c_proj,\ 4\ matrices ]]
    [[ $output =~ n_embd\ 64,\ at\ least\ 2\ layers ]]
    [[ $output =~ general.base_model.0.name\ +Tales ]]
    [[ $output =~ general.license\ +mit ]]
    [[ $output == *"blk.0.attn_qkv.weight.lora_a"* ]]
    gen inspect --json lora.gguf
    [[ $output == *'"kind":"adapter"'* ]]
    [ "$(member rank "$output")" = 3 ]
    gen tokenize -m lora.gguf -p x
    refused 1 "is a LoRA adapter"
    gen -m lora.gguf x
    refused 1 "is a LoRA adapter"
}

@test "inspect tells what a vocabulary alone is" {
    command -v python3 >/dev/null || skip "python3 is missing"
    "$GEN" convert dir a.gguf
    # The same keys without the tensors.
    python3 - <<'PYTHON'
import struct
data = open('a.gguf', 'rb').read()
n = struct.unpack_from('<Q', data, 8)[0]
end = data.index(struct.pack('<Q', 17) + b'token_embd.weight')
head = data[:8] + struct.pack('<Q', 0) + data[16:end]
open('vocab.gguf', 'wb').write(head + bytes(-len(head) % 32))
PYTHON
    gen inspect vocab.gguf
    [ "$status" -eq 0 ]
    [[ $output == *"vocabulary, without a model"* ]]
    [[ $output == *"byte-level BPE, 512 tokens"* ]]
    gen -m vocab.gguf x
    refused 1 "has a vocabulary, but no token_embd.weight"
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# --special, ordinary added tokens, and tokens that have no row

setup() {
    load helper
    cp -r "$MODEL" model
    # Rows 510 and 511 of the embedding: 510 is an ordinary added word, 511 <|endoftext|>.
    cat >model/tokenizer_config.json <<'END'
{"added_tokens_decoder": {
  "511": {"content": "<|endoftext|>", "special": true},
  "512": {"content": "<|user|>", "special": true},
  "513": {"content": "[PAD]", "special": false}}}
END
    export GEN_MODEL=model
}

@test "a token without a row refuses the prompts that hold it, and no others" {
    gen -n 1 'a[PAD]b'
    refused 1 'the token 513, "[PAD]", for which the model has no row'
    printf 'the\na[PAD]b\nthe\n' >lines
    gen --lines --greedy -n 2 --json -f lines
    [ "$status" -eq 1 ]
    [ "$(grep -c '"prompt":"the"' <<<"$output")" -eq 2 ]
    [[ $stderr == *'index 1'*'token 513'* ]]
    gen -n 1 '<|user|>'
    [ "$status" -eq 0 ]
    gen -n 1 --special '<|user|>'
    refused 1 'token 512'
    gen tokenize -p 'a[PAD]'
    [[ $output == *" 513" ]]
    printf '{"prompt":"a[PAD]","completion":"b"}\n' >pairs.jsonl
    gen finetune -q -o out.gguf --steps 1 pairs.jsonl
    refused 1 'token 513'
    [ ! -e out.gguf ]
}

@test "convert leaves tokens without a row out, and says so" {
    gen convert -q model out.gguf
    [ "$status" -eq 0 ]
    [[ $stderr == *'from id 512 on are left out'* ]]
    gen -m out.gguf --greedy -n 3 --json the
    ids=$(member ids "$output")
    gen --greedy -n 3 --json the
    [ "$(member ids "$output")" = "$ids" ]
}

@test "--special: prompts of every kind" {
    want='[64,511,65]'
    gen -n 0 --json --special 'a<|endoftext|>b'
    [ "$(member ids "$output")" = "$want" ]
    gen -n 0 --json --special -p 'a<|endoftext|>b'
    [ "$(member ids "$output")" = "$want" ]
    printf 'a<|endoftext|>b\n' >text
    gen -n 0 --json --special -f text
    [ "$(member ids "$output")" = "$want" ]
    gen -n 0 --json --special --lines -f text
    [ "$(member ids "$output")" = "$want" ]
    printf '{"prompt":"a<|endoftext|>b"}\n' >text
    gen -n 0 --json --special --jsonl -f text
    [ "$(member ids "$output")" = "$want" ]
    gen -n 0 --json --jsonl -f text
    [ "$(member ids "$output")" != "$want" ]
    gen -n 0 --special --prompt-ids '1 2'
    refused 2 'special'
    gen -n 0 --json --special '<|endoftext|>'
    [ "$(member ids "$output")" = '[511]' ]
    [[ $output == *'"prompt":"<|endoftext|>"'* ]]
}

@test "a prompt that cannot fit is refused before it is made tokens" {
    head -c 2000000 /dev/zero | tr '\0' 'a' >long
    gen -n 1 -f long
    refused 1 'the prompt has 2000000 bytes, but the context of this model holds'
}

@test "what tokenizer.json and the older pair say differently is said once" {
    cat >pair.py <<'END'
import json
v = json.load(open('model/vocab.json', encoding='utf8'))
m = [l for l in open('model/merges.txt', encoding='utf8').read().split('\n')[1:] if l]
b = {'type': 'ByteLevel', 'add_prefix_space': False}
json.dump({'added_tokens': [{'id': 511, 'content': '<|endoftext|>', 'special': True}],
           'normalizer': None, 'pre_tokenizer': b, 'post_processor': None, 'decoder': b,
           'model': {'type': 'BPE', 'vocab': v, 'merges': m[:-1]}},
          open('model/tokenizer.json', 'w'))
END
    command -v python3 >/dev/null || skip "no python3"
    python3 pair.py
    for arguments in 'tokenize -p the' '-n 1 -q the' 'inspect'; do
        # shellcheck disable=SC2086 # words
        gen $arguments
        [ "$status" -eq 0 ]
        [ "$(grep -c 'tokenizer.json is used; vocab.json and merges.txt next to it have' <<<"$stderr")" -eq 1 ]
    done
}

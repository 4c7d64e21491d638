#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # bats and helper.bash set them
# The shapes of records that gen finetune reads: whatever says the same teaches the same.

setup() {
    load helper
}

# learn NAME OPTIONS FILE: the state after two steps, which has the digest of the pairs in it
learn() {
    local name=$1
    shift
    gen finetune -q -o "$name.gguf" --steps 2 --lr 1e-3 "$@"
    echo "$stderr"
    [ "$status" -eq 0 ]
}

@test "instructions, renamed members, marks, ends of lines and names of files" {
    printf '{"prompt":"Say a\\n","completion":"b"}\n{"prompt":"Add\\n1 2\\n","completion":"3\\ufffd"}\n' >plain.jsonl
    learn plain plain.jsonl
    printf '\xef\xbb\xbf{"instruction":"Say a","input":"","output":"b","text":"x"}\r\n\r\n{"instruction":"Add","input":"1 2","output":"3\\udc00"}\r\n' >alpaca.json
    learn alpaca alpaca.json
    same_state plain.gguf.state alpaca.gguf.state
    sed 's/prompt/q/; s/completion/a/' plain.jsonl >named.NDJSON
    learn named --prompt-field q --completion-field a named.NDJSON
    same_state plain.gguf.state named.gguf.state
    # A template that has something between the two needs no line end.
    printf '{"prompt":"Say a","completion":"b"}\n' >one.jsonl
    printf '{"instruction":"Say a","input":null,"output":"b"}\n' >two.jsonl
    learn one --template '{prompt}: {completion}' one.jsonl
    learn two --template '{prompt}: {completion}' two.jsonl
    same_state one.gguf.state two.gguf.state
}

@test "conversations of ShareGPT are messages" {
    printf '{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n' >plain.jsonl
    learn plain plain.jsonl
    printf '{"id":"1","conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}\n' >share.jsonl
    learn share share.jsonl
    same_state plain.gguf.state share.gguf.state
}

@test "what is none of them names the line and what is there" {
    for line in '{"question":"a","answer":"b"}' '{"prompt":"a","output":"b"}' \
        '{"prompt":"a","completion":"b","conversations":[]}' '{"messages":[],"conversations":[]}' \
        '{"instruction":"a"}' '{"instruction":"a","input":1,"output":"b"}' '{}'; do
        printf '{"prompt":"a","completion":"b"}\n%s\n' "$line" >pairs.jsonl
        gen finetune -q -o a.gguf --steps 1 pairs.jsonl
        refused 1 'pairs.jsonl: line 2 must be an object with the texts "prompt" and "completion"'
    done
    printf '{"question":"a","answer":"b"}\n' >pairs.jsonl
    gen finetune -q -o a.gguf --steps 1 pairs.jsonl
    refused 1 '; it has "question", "answer"'
    printf '[{"prompt":"a","completion":"b"}]\n' >array.json
    gen finetune -q -o a.gguf --steps 1 array.json
    refused 1 "line 1 is an array"
    printf '\xff\xfe{\0' >wide.jsonl
    gen finetune -q -o a.gguf --steps 1 wide.jsonl
    refused 1 "iconv -f UTF-16"
}

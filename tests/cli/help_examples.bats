#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# The examples of the help, which are those of the man pages: each is run. Those that learn or measure
# for minutes are read to their end, with --version there.

setup() {
    load helper
    mkdir bin models books
    ln -s "$GEN" bin/gen
    # The answers of jq and mpirun are not what is tested.
    printf '#!/bin/sh\ncat >/dev/null\n' >bin/jq
    printf '#!/bin/sh\nshift 2\nexec "$@"\n' >bin/mpirun
    chmod +x bin/jq bin/mpirun
    export PATH=$PWD/bin:$PATH GEN_MODEL_PATH=$PWD/models
    mkdir models/openai-community
    ln -s "$MODEL" models/openai-community/gpt2
    ln -s "$MODEL" gpt2
    gen convert "$MODEL" gpt2.gguf
    cp gpt2.gguf mine.gguf
    cp "$(find "$ROOT/tests/golden/lora" -name '*.gguf' | sort | head -n 1)" adapter.gguf
    for text in tales tales-valid diary my stories prompts book; do
        printf 'Once upon a time there was a king.\nHe had a son.\n' >$text.txt
    done
    cp "$ROOT/tests/golden/tale.txt" book.txt
    cp "$ROOT/tests/golden/eval/hellaswag.jsonl" hellaswag_val.jsonl
    cp "$ROOT/tests/golden/eval/choices.jsonl" mine.jsonl
    cp "$ROOT/tests/golden/eval/pairs.jsonl" records.jsonl
    gzip -c tales.txt >books/tales.gz
    printf '{"prompt": "a", "completion": "b"}\n' >pairs.jsonl
    printf '{"messages": [{"role": "user", "content": "a"}]}\n' >conversations.jsonl
}

# The examples of a command, one a line: what is indented and begins with a program's name.
examples() {
    "$GEN" help "$1" | sed '1,/^Examples:/d' | sed -e :more -e '/\\$/{N;s/\\\n *//;b more' -e '}' |
        sed -n 's/^ \{2,4\}\(\(gen\|echo\|printf\|zcat\|mpirun\) .*\)/\1/p'
}

@test "each example of each help does what it says, or is read to its end" {
    n=0
    for command in $("$GEN" help | sed -n 's/^  gen \([a-z]*\)  *.*/\1/p'); do
        examples "$command" >lines
        [ -s lines ]
        while read -r line; do
            n=$((n + 1))
            case $line in
            *"gen train"* | *"gen finetune"*) line="$line --version" ;;
            *"gen bench"*) line=${line/gen bench/gen bench --version} ;;
            esac
            bash -o pipefail -c "$line" <prompts.txt >out 2>err || { echo "$line" && cat err && false; }
        done <lines
    done
    [ "$n" -ge 30 ]
}

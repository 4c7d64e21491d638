#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# `--resume` without anything else: the options are those in the state, or it is said why not.

setup() {
    load helper
    unset GEN_MODEL
    cp "$ROOT/tests/golden/train/text.txt" text.txt
    SHAPE=(--vocab "$MODEL" --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64)
}

@test "a state that is damaged, or not there, is named" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 1 text.txt
    [ "$status" -eq 0 ]
    printf X | dd of=m.gguf.state bs=1 seek=400 conv=notrunc status=none
    gen train -o m.gguf --resume
    refused 1 "m.gguf.state: is damaged"
    gen finetune -o m.gguf --resume
    refused 1 "m.gguf.state: is damaged"
    for command in train finetune; do
        gen "$command" -o nothing.gguf --resume
        refused 2 "nothing.gguf.state: is missing, so there is no run to resume"
    done
    mkdir d.gguf.state
    gen train -o d.gguf --resume
    refused 1 "d.gguf.state: is a directory"
}

@test "names that are not UTF-8 are found again" {
    mv text.txt $'t\xffxt.txt'
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 2 --checkpoint-every 1 $'t\xffxt.txt'
    [ "$status" -eq 0 ]
    gen train -o m.gguf --steps 3 --resume
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"going on after step 2"* ]]
    printf '{"prompt": "a", "completion": " b"}\n' >$'p\xe4rs "\\.jsonl'
    gen finetune -q -o f.gguf -m "$MODEL" --steps 1 $'p\xe4rs "\\.jsonl'
    [ "$status" -eq 0 ]
    gen finetune -q -o f.gguf --steps 2 --resume
    [ "$status" -eq 0 ]
}

# The check sum of all but the last eight bytes of a state, as eight bytes to be written there: src/train/digest.c.
check_sum() {
    local state=0 word size
    size=$(stat -c %s "$1")
    for word in $(head -c $(((size - 8) / 8 * 8)) "$1" | od -An -v -t d8 -w8) \
        $( (tail -c +$(((size - 8) / 8 * 8 + 1)) "$1" | head -c $(((size - 8) % 8)); printf '\0\0\0\0\0\0\0\0') | od -An -t d8 -N 8) \
        $((size - 8)) 0; do
        state=$(((state ^ word) * 0x9E3779B97F4A7C15))
        state=$((state ^ ((state >> 29) & 0x7ffffffff)))
    done
    # shellcheck disable=SC2059 # the text has escapes
    printf "$(printf '%016x' "$state" | sed 's/\(..\)/\1\n/g' | tac | tr -d '\n' | sed 's/\(..\)/\\x\1/g')"
}

@test "an option of the state that cannot be taken ends the run" {
    gen train -q -o m.gguf --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 4 --n-ctx 4 -b 8 --lr 0.01 --steps 1 text.txt
    [ "$status" -eq 0 ]
    sed -i 's/--lr=0.01/--lr=zero/' m.gguf.state
    size=$(stat -c %s m.gguf.state)
    check_sum m.gguf.state | dd of=m.gguf.state bs=1 seek=$((size - 8)) conv=notrunc status=none
    gen train -q -o m.gguf --resume
    refused 1 "m.gguf.state: "
    [[ $stderr == *"zero"*"(an option of its run; give another)" ]]
    gen train -q -o m.gguf --resume --lr 0.01
    [ "$status" -eq 0 ]
}

@test "a state has nothing written that does not lie next to the model" {
    mkdir run other
    echo precious >other/precious
    gen train -q -o run/m.gguf "${SHAPE[@]}" --steps 1 --metrics run/m.jsonl --last other/last.gguf text.txt
    [ "$status" -eq 0 ]
    rm other/last.gguf
    gen train -q -o run/m.gguf --resume --steps 2
    [ "$status" -eq 0 ]
    echo "$stderr"
    [[ $stderr == *"run/m.gguf.state: --last was /"*"/other/last.gguf, which is not next to the model and not written (give it again)" ]]
    [ "$(ls other)" = precious ]
    [ "$(wc -l <run/m.jsonl)" -eq 2 ]
    gen train -q -o run/m.gguf --resume --steps 3 --last other/last.gguf
    [ "$status" -eq 0 ]
    [ -s other/last.gguf ]
}

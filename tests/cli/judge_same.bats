#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # helper.bash sets them
# Figures of gen score, eval, compare and explain depend on nothing but model and text, to the bit:
# not on threads, instruction sets, company or order; of weights in blocks, too.

setup() {
    load helper
    head -c 600 "$ROOT/tests/golden/tale.txt" | tr '\n' ' ' >text
    { fold -w 75 text && echo; } >lines
}

# figures SUFFIX COMMON...: all commands, into files of that suffix.
figures() {
    local suffix=$1 model=$2
    shift 2
    "$GEN" score -m "$model" -f lines --tokens --logprobs 2 --json "$@" >score."$suffix"
    "$GEN" eval -m "$model" --text text --stride 40 --json "$@" >eval."$suffix"
    "$GEN" eval -m "$model" --choices "$ROOT/tests/golden/eval/choices.jsonl" --json "$@" >choices."$suffix"
    "$GEN" compare -m "$model" -m "$MODEL" --text text --no-timings --json "$@" >compare."$suffix"
    "$GEN" explain -m "$model" --json "$@" "$(head -n 1 lines)" >explain."$suffix"
}

same_figures() {
    local kind threads=1
    figures first "$1"
    for kernels in generic avx2 avx2vnni avx512 avx512vnni neon; do
        GEN_KERNELS=$kernels "$GEN" score -m "$1" a b >found 2>&1 || continue
        threads=$((threads % 3 + 1))
        GEN_KERNELS=$kernels figures other "$1" -t $threads
        for kind in score eval choices compare explain; do
            cmp $kind.first $kind.other || { echo "$1 $kernels $kind" && return 1; }
        done
    done
    # Other lines before and between, in reverse.
    tac lines | sed 's/^/x\n/' >reversed
    "$GEN" score -m "$1" -f reversed --tokens --logprobs 2 --json | jq -c 'select(.index % 2 == 1) | del(.index)' | tac >other
    jq -c 'del(.index)' score.first | cmp - other
}

@test "f32" {
    same_figures "$MODEL"
}

@test "q8_0" {
    "$GEN" convert -q --type q8_0 "$MODEL" q.gguf
    same_figures q.gguf
}

@test "q4_0" {
    "$GEN" convert -q --type q4_0 "$MODEL" q.gguf
    same_figures q.gguf
}

@test "f16, another architecture" {
    "$GEN" convert -q --type f16 "$ROOT/tests/golden/models/neo-words" q.gguf
    same_figures q.gguf
}

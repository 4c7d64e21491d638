#!/bin/sh
# Train the model that is built into gen, from nothing but text: a vocabulary, then pre-training on
# two corpora, then tales alone, then eight bits a weight.
#
#   scripts/train_default_model.sh CORPUS [DIRECTORY]
#
# CORPUS is a folder with tales.txt, novels.txt and, held out, tales-valid.txt, documents divided by
# lines `<|endoftext|>`. All that is made goes to DIRECTORY (default: build/default-model), the model
# as tales-6m.gguf. It takes many hours on two cores. Cut off at any time, by Ctrl-C too, it goes on
# where it was when it is called again, to the same bits. GEN=build/gen and the numbers of
# steps below may be set.
#
# The learning rate stays until the last phase, so that more text can always be learned before:
#   phase 1   AdamW, both corpora as they are
#   phase 2   Muon, begun with the weights of phase 1; tales three times as often, for they are what
#             the model shall tell
#   phase 3   the same run goes on, tales alone, and the rate falls to 0
set -eu

STEPS_1=${STEPS_1:-961}
STEPS_2=${STEPS_2:-4000}
STEPS_3=${STEPS_3:-6000} # those of phase 2 included
DECAY_SHARE=0.25 # of these

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -f "$1/tales.txt" ] || [ ! -f "$1/novels.txt" ] ||
    [ ! -f "$1/tales-valid.txt" ]; then
    echo "usage: $0 CORPUS [DIRECTORY]; CORPUS has tales.txt, novels.txt and tales-valid.txt" >&2
    exit 2
fi
gen=${GEN:-build/gen}
tales=$1/tales.txt
novels=$1/novels.txt
valid=$1/tales-valid.txt
out=${2:-build/default-model}
mkdir -p "$out"

# A phase is done when the file that it leaves last is there.
finished() {
    [ -f "$out/$1.done" ]
}

# train NAME OPTIONS...: begin the phase or go on with it.
train() {
    name=$1
    shift
    "$gen" train -o "$out/$name.gguf" --vocab "$out/vocab" --valid "$valid" --batch-size 8192 \
        --lr 0.0015 --beta2 0.98 --valid-every 250 --checkpoint-minutes 5 \
        --metrics "$out/$name.jsonl" --svg "$out/$name.svg" --resume "$@"
}

if ! finished vocab; then
    "$gen" vocab "$tales" "$novels" --size 4096 -o "$out/vocab"
    : >"$out/vocab.done"
fi
if ! finished first; then
    train first --n-layer 6 --n-head 8 --n-embd 256 --n-ctx 512 --warmup 200 --schedule constant \
        --steps "$STEPS_1" --seed 1 "$tales" "$novels"
    : >"$out/first.done"
fi
if ! finished second; then
    train second --init "$out/first.gguf" --optimizer muon --warmup 20 --schedule constant \
        --steps "$STEPS_2" --seed 2 "$tales" "$tales" "$tales" "$novels"
    : >"$out/second.done"
fi
if ! finished third; then
    train second --optimizer muon --warmup 20 --schedule wsd --decay-share "$DECAY_SHARE" \
        --steps "$STEPS_3" --seed 2 "$tales"
    : >"$out/third.done"
fi
"$gen" convert --type q8_0 "$out/second.gguf" "$out/tales-6m.gguf"
echo "$out/tales-6m.gguf is done; to build it in: make EMBEDDED_MODEL=$out/tales-6m.gguf"

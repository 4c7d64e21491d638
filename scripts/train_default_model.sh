#!/bin/sh
# Train the model that is built into gen, from nothing but text: a vocabulary, then pre-training on
# two corpora, then tales alone, then eight bits a weight.
#
#   scripts/train_default_model.sh CORPUS [DIRECTORY]
#
# CORPUS is a folder with tales.txt, novels.txt and, held out, tales-valid.txt, documents divided by
# lines `<|endoftext|>`. All that is made goes to DIRECTORY (default: build/default-model), the model
# as tales-6m.gguf. It takes one to two hours on two cores. Cut off at any time, by Ctrl-C too, it
# goes on where it was when it is called again, to the same bits. GEN=build/gen and the numbers of
# steps below may be set; python3 writes the licence and the like into the file.
#
# There are two phases, in one run of Muon:
#   first    both corpora, tales three times as often, for they are what the model shall tell; the
#            rate stays, so that with more steps the model only gets better
#   second   tales alone, while the rate falls to 0
set -eu

STEPS_1=${STEPS_1:-2200}
STEPS_2=${STEPS_2:-3100} # those of the first phase included

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
mkdir -p "$out/f32"

# A phase is done when the file that it leaves last is there.
finished() {
    [ -f "$out/$1.done" ]
}

# train OPTIONS...: begin the run or go on with it.
train() {
    "$gen" train -o "$out/f32/tales-6m.gguf" --vocab "$out/vocab" --valid "$valid" --optimizer muon \
        --n-layer 6 --n-head 8 --n-embd 256 --n-ctx 512 --batch-size 8192 --lr 0.0015 --beta2 0.98 \
        --warmup 100 --seed 1 --valid-every 250 --checkpoint-minutes 5 --metrics "$out/run.jsonl" \
        --svg "$out/run.svg" --resume "$@"
}

if ! finished vocab; then
    "$gen" vocab "$tales" "$novels" --size 4096 -o "$out/vocab"
    : >"$out/vocab.done"
fi
if ! finished first; then
    train --schedule constant --steps "$STEPS_1" "$tales" "$tales" "$tales" "$novels"
    : >"$out/first.done"
fi
if ! finished second; then
    share=$(awk -v a="$STEPS_1" -v b="$STEPS_2" 'BEGIN { printf "%.6f", (b - a) / b }')
    train --schedule wsd --decay-share "$share" --steps "$STEPS_2" "$tales"
    : >"$out/second.done"
fi
"$gen" convert --type q8_0 "$out/f32/tales-6m.gguf" "$out/tales-6m.gguf"
python3 "$(dirname "$0")/set_metadata.py" "$out/tales-6m.gguf" \
    general.license=mit general.license.name='MIT License' \
    'general.languages=[en]' 'general.tags=[text-generation]' \
    general.description='Fairy tales in the English of the 19th century, of 5.9 million parameters, made by gen from public-domain books'
echo "$out/tales-6m.gguf is done; to build it in: make EMBEDDED_MODEL=$out/tales-6m.gguf"

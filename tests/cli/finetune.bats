#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen finetune from outside, and the adapters it writes. The arithmetic is tested in
# unit/test_finetune.c and unit/test_lora.c.

setup() {
    load helper
    for i in 1 2 3 4 5 6 7 8; do
        printf '{"prompt": "What is %d?", "completion": "%s"}\n' "$i" "$(word "$i")"
    done >pairs.jsonl
}

# A word for a number, so that there is something to learn.
word() {
    echo "king queen fox wolf bird giant tree river" | cut -d ' ' -f "$1"
}

# How many of the eight questions the model of these options answers exactly: answers OPTIONS
answers() {
    "$GEN" "$@" --greedy --no-echo -n 20 --jsonl --file asked.jsonl >answers
    for i in 1 2 3 4 5 6 7 8; do
        echo " $(word "$i")"
    done | paste -d '|' - answers | awk -F '|' '$1 == $2 { n++ } END { print n + 0 }'
}

asked() {
    sed 's/.*\("What.*\)", "completion.*/{"prompt": \1\\n->"}/' pairs.jsonl >asked.jsonl
}

@test "a task is learned: every answer is exactly right, and the text ends" {
    asked
    gen finetune -o m.gguf --template '{prompt}\n-> {completion}' --epochs 60 --batch-size 8 \
        --lr 0.01 --metrics m.jsonl --svg m.svg pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [[ $stderr == *"8 pairs of "*" tokens at most, 0 more to validate; 60 steps of 8 pairs"* ]]
    [[ $stderr == *"m.gguf: written after step 60" ]]
    [ "$(wc -l <m.jsonl)" -eq 60 ]
    [ "$(head -c 4 m.svg)" = "<svg" ]
    [ "$(answers -m m.gguf)" -eq 8 ]
    [ "$(answers -m "$MODEL")" -eq 0 ]
    gen -m m.gguf --greedy --no-echo --json $'What is 3?\n->'
    [[ $output == *'"finish_reason":"eos"'* ]]
}

@test "an adapter is learned on a quantized model, merged, and answers the same" {
    asked
    "$GEN" convert -q --type q8_0 "$MODEL" base.gguf
    gen finetune -o a.gguf -m base.gguf --lora-rank 8 --lr 0.03 --epochs 100 --batch-size 8 \
        --template '{prompt}\n-> {completion}' --log-every 0 pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *" million of them learn, in adapters"* ]]
    [ "$(stat -c %s a.gguf)" -lt "$(($(stat -c %s base.gguf) / 2))" ]
    gen -m a.gguf Once
    refused 1 "a.gguf: is a LoRA adapter, not a model (merge it"
    [[ $stderr == *"gen convert --lora"* ]]
    gen finetune -q -o b.gguf -m a.gguf pairs.jsonl
    refused 1 "a.gguf: is a LoRA adapter, not a model"
    gen convert -q --lora a.gguf --type f32 base.gguf merged.gguf
    [ "$status" -eq 0 ]
    [ "$(answers -m merged.gguf)" -eq 8 ]
    gen convert -q --lora a.gguf base.gguf merged-q8.gguf
    [ "$status" -eq 0 ]
    # Of the same size, but for the template that was taught.
    more=$(($(stat -c %s merged-q8.gguf) - $(stat -c %s base.gguf)))
    [ "$more" -gt 0 ] && [ "$more" -lt 1024 ]
    # What it does not touch stays to the last bit; what it does, does not.
    "$GEN" convert -q --lora a.gguf "$MODEL" hf.gguf
    "$GEN" convert -q "$MODEL" plain.gguf
    more=$(($(stat -c %s hf.gguf) - $(stat -c %s plain.gguf)))
    [ "$more" -gt 0 ] && [ "$more" -lt 1024 ]
    run cmp -s hf.gguf plain.gguf
    [ "$status" -eq 1 ]
}

@test "a rank above the widths of the matrix is taken, as by peft" {
    gen finetune -q -o a.gguf -m "$MODEL" --lora-rank 300 --lr 0.01 --steps 2 pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    gen inspect a.gguf
    [[ $output =~ rank\ +300 ]]
    gen convert -q --lora a.gguf "$MODEL" merged.gguf
    [ "$status" -eq 0 ]
    gen convert -q "$MODEL" plain.gguf
    run ! cmp -s plain.gguf merged.gguf
}

@test "held-out pairs: the best model is kept, and learning ends early" {
    gen finetune -o m.gguf --valid pairs.jsonl --valid-every 1 --patience 2 --lr 1 --clip 0 \
        --warmup 0 --steps 500 --schedule constant pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"8 more to validate"* ]]
    [[ $stderr == *"m.gguf: written after step "*", the best model; the state next to it after step "* ]]
    [[ $stderr != *"step 500/500"* ]]
    gen finetune -q -o n.gguf --valid-share 0.25 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o k.gguf --patience 2 pairs.jsonl
    refused 2 "stopping early needs pairs"
}

@test "Ctrl-C writes a checkpoint, and a resumed run equals an unbroken one" {
    options=(--batch-size 4 --dropout 0.1 --valid-share 0.25 --lora-rank 2 pairs.jsonl)
    mkdir whole
    "$GEN" finetune -q -o whole/m.gguf --steps 60 "${options[@]}"
    interrupt_at 5 finetune --steps 100000000 "${options[@]}"
    echo "$stderr"
    [ "$status" -eq 130 ]
    [[ $stderr == *"; --resume goes on" ]]
    rm m.gguf.state m.jsonl
    interrupt_at 10 finetune -q --steps 60 "${options[@]}"
    gen finetune -q -o m.gguf --steps 60 --resume -t 1 "${options[@]}"
    [ "$status" -eq 0 ]
    cmp m.gguf whole/m.gguf
    same_state m.gguf.state whole/m.gguf.state
}

@test "resumed as another kind of training" {
    gen finetune -q -o m.gguf --steps 1 --lora-rank 2 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o other.gguf --steps 1 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o other.gguf --steps 2 --lora-rank 2 --resume pairs.jsonl
    refused 1 "give the kind of training, rank and targets that it was begun with"
    gen finetune -q -o m.gguf -m other.gguf --steps 2 --lora-rank 2 --resume pairs.jsonl
    refused 2 "m.gguf.state: the adapter was begun for another model than other.gguf"
    # Models of another shape, or with another vocabulary.
    "$GEN" train -q -o wide.gguf --vocab "$MODEL" --n-layer 2 --n-head 4 --n-embd 32 --n-ctx 64 \
        --steps 1 "$ROOT/tests/golden/train/text.txt"
    cp -r "$MODEL" swapped
    awk 'NR == 101 { held = $0; next } { print } NR == 102 { print held }' "$MODEL/merges.txt" \
        >swapped/merges.txt
    rm -f swapped/tokenizer.json
    gen finetune -q -o m.gguf -m wide.gguf --steps 2 --lora-rank 2 --resume pairs.jsonl
    refused 2 "that of wide.gguf is 32 (go on"
    gen finetune -q -o other.gguf -m wide.gguf --steps 2 --resume pairs.jsonl
    refused 2 "that of wide.gguf is 32 (go on"
    gen finetune -q -o m.gguf -m swapped --steps 2 --lora-rank 2 --resume pairs.jsonl
    refused 2 "m.gguf.state: its vocabulary of 512 tokens is not that of swapped, which has 512"
    gen finetune -q -o other.gguf -m swapped --steps 2 --resume pairs.jsonl
    refused 2 "other.gguf.state: its vocabulary of 512 tokens is not that of swapped"
    gen finetune -q -o m.gguf --steps 2 --lora-rank 2 --resume pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o m.gguf --steps 2 --metrics pairs.jsonl pairs.jsonl
    refused 2 "pairs.jsonl is read by this run"
}

@test "a byte order mark before pairs" {
    { printf '\357\273\277' && cat pairs.jsonl; } >marked.jsonl
    for name in marked pairs; do
        gen finetune -q -o "$name.gguf" --steps 1 "$name.jsonl"
        [ "$status" -eq 0 ]
    done
    tail -c 1000 pairs.gguf >pairs
    tail -c 1000 marked.gguf | cmp - pairs
}

@test "long pairs are left out and counted" {
    printf '{"prompt": "%s", "completion": "no"}\n' "$(seq -s ' ' 60)" >>pairs.jsonl
    gen finetune -o m.gguf --epochs 1 pairs.jsonl
    [ "$status" -eq 0 ]
    [[ $stderr == *"1 more pairs are longer than 64 tokens and left out"* ]]
    tail -n 1 pairs.jsonl >long.jsonl
    gen finetune -q -o n.gguf long.jsonl
    refused 1 "long.jsonl: there is no pair in it that fits a context of 64 tokens"
}

@test "the built-in model is the default" {
    unset GEN_MODEL
    "$GEN" -n 1 Once >/dev/null 2>&1 || skip "gen was built without one"
    gen finetune -q -o m.gguf --steps 1 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o m.gguf --steps 2 --resume pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -q -o a.gguf --steps 1 --lora-rank 1 pairs.jsonl
    [ "$status" -eq 0 ]
    # It can be named, and an adapter be merged into it.
    name=$("$GEN" inspect --json | sed -n 's/.*"model":"\([^"]*\)","embedded":true.*/\1/p')
    gen convert -q --lora a.gguf "$name" merged.gguf
    [ "$status" -eq 0 ]
    gen convert -q "$name" copy.gguf
    [ "$status" -eq 0 ]
    [ "$("$GEN" -m copy.gguf -n 9 --greedy Once)" = "$("$GEN" -n 9 --greedy Once)" ]
    [ "$("$GEN" -m "$name" -n 9 --greedy Once)" = "$("$GEN" -n 9 --greedy Once)" ]
    gen train -q --init "$name" --n-ctx 16 --batch-size 16 --steps 1 -o t.gguf \
        "$ROOT/tests/golden/train/text.txt"
    [ "$status" -eq 0 ]
}

@test "wrong pairs and options are one line" {
    gen finetune pairs.jsonl
    refused 2 "-o FILE.gguf"
    gen finetune -o m.gguf
    refused 2 "needs pairs"
    gen finetune -q -o m.gguf nowhere.jsonl
    refused 1 "nowhere.jsonl: cannot open"
    : >empty.jsonl
    gen finetune -q -o m.gguf empty.jsonl
    refused 1 "empty.jsonl: there is no pair in it"
    echo 'Once upon a time' >text
    gen finetune -q -o m.gguf text
    refused 1 "text: line 1"
    gen finetune -q -o m.gguf --template '{prompt}' pairs.jsonl
    refused 2 "{completion}"
    gen finetune -q -o m.gguf --lora-rank 2 --lora-targets wte pairs.jsonl
    refused 2 'target "wte" is unknown'
    gen finetune -q -o m.gguf --epochs 1 --steps 5 pairs.jsonl
    refused 2 "epochs"
    gen finetune -q -o pairs.jsonl pairs.jsonl
    refused 2 "is read by this run"
    gen finetune -q -o m.gguf -m nowhere pairs.jsonl
    refused 1 "nowhere"
    gen convert -q --lora nowhere "$MODEL" c.gguf
    refused 1 "nowhere: cannot open"
    "$GEN" convert -q "$MODEL" base.gguf
    gen convert -q --lora base.gguf "$MODEL" c.gguf
    refused 1 'base.gguf: general.type is ""'
    [ ! -e c.gguf ]
    [ ! -e m.gguf ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What a run of gen train or gen finetune keeps, forgets, writes and says: the best model, the state,
# epochs, options of a resumed run, a checkpoint on request.

setup() {
    load helper
    unset GEN_MODEL
    TEXT=$ROOT/tests/golden/train/text.txt
    SHAPE=(--vocab "$MODEL" --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64)
    for i in $(seq 31); do
        printf '{"prompt": "What is %d?", "completion": " number %d"}\n' "$i" "$((i * 7 % 40))"
    done >pairs.jsonl
    for i in $(seq 60 67); do
        printf '{"prompt": "Who was %d?", "completion": " king %d"}\n' "$i" "$i"
    done >others.jsonl
}

# The sum of a member over all lines of a file: sum NAME FILE
sum() {
    grep -o "\"$1\":[^,}]*" "$2" | cut -d : -f 2 | awk '{ s += $1 } END { print s }'
}

@test "finetune: an epoch has every pair once" {
    gen finetune -o m.gguf -m "$MODEL" --metrics m.jsonl pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"31 pairs of "*"; 6 steps of 16 pairs (the last of an epoch 15)"* ]]
    [ "$(wc -l <m.jsonl)" -eq 6 ]
    for epoch in 1 2 3; do
        line=$(sed -n "$((2 * epoch))p" m.jsonl)
        [ "$(member epoch "$line")" = "$epoch" ]
        tokens=$(member tokens "$line")
        [ "$epoch" -gt 1 ] || first=$tokens
        [ "$tokens" -eq "$((epoch * first))" ]
    done
    # A step of one pair has the mean loss over its own tokens, not over those of a whole step.
    gen finetune -q -o n.gguf -m "$MODEL" --epochs 1 --batch-size 30 --lr 0 --metrics n.jsonl pairs.jsonl
    awk -F '"loss":' '{ split($2, a, ","); if (a[1] < 4 || a[1] > 15) exit 1 }' n.jsonl
    gen finetune -q -o k.gguf -m "$MODEL" --epochs 0.1 --batch-size 3 --metrics k.jsonl pairs.jsonl
    [ "$(wc -l <k.jsonl)" -eq 2 ] # 1.1 of 11 steps
    head -n 30 pairs.jsonl >thirty.jsonl
    gen finetune -q -o l.gguf -m "$MODEL" --epochs 0.1 --batch-size 3 --metrics l.jsonl thirty.jsonl
    [ "$(wc -l <l.jsonl)" -eq 1 ] # a tenth of ten, and no more
}

@test "finetune: resumed in the middle of an epoch and with threads it has the same bits" {
    options=(-q -o m.gguf -m "$MODEL" -b 4 --dropout 0.1 --schedule constant pairs.jsonl)
    gen finetune --steps 16 "${options[@]}"
    [ "$status" -eq 0 ]
    mkdir whole
    mv m.gguf m.gguf.state whole
    gen finetune --steps 7 "${options[@]}"
    for steps in 9 16; do # the eighth step is the last of an epoch, of three pairs
        gen finetune --steps "$steps" --resume "${options[@]}"
        [ "$status" -eq 0 ]
    done
    cmp m.gguf whole/m.gguf
    same_state m.gguf.state whole/m.gguf.state
    [ "$(od -An -t u8 -j 32 -N 8 m.gguf.state | tr -d ' ')" -eq 62 ] # pairs taken: two epochs
    for n in 1 3; do
        rm m.gguf m.gguf.state
        gen finetune --steps 16 -t "$n" --micro-batch "$n" "${options[@]}"
        cmp m.gguf whole/m.gguf
    done
}

@test "finetune: with other data the best model begins anew, with the same it stays" {
    run1=(finetune -o m.gguf -m "$MODEL" --lr 1e-3 --valid-every 2)
    gen "${run1[@]}" --steps 20 --valid pairs.jsonl pairs.jsonl
    [ "$status" -eq 0 ]
    cp m.gguf first.gguf
    cp m.gguf.state first.state
    # The other pairs have a higher loss, which was compared with the lower one of the first.
    gen "${run1[@]}" --steps 30 --resume --valid others.jsonl others.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"the best validation so far was on other data"* ]]
    [[ $stderr == *"they are read from their beginning"* ]]
    [[ $stderr == *"step 20: validation loss "*"m.gguf: written after step 30, the best model"* ]]
    run ! cmp -s m.gguf first.gguf
    # Only what is validated on is another one.
    cp first.gguf m.gguf
    cp first.state m.gguf.state
    gen "${run1[@]}" --steps 30 --resume --valid others.jsonl pairs.jsonl
    [ "$status" -eq 0 ]
    [[ $stderr == *"the best model begins anew"* ]]
    # The same data, no better validation: the file is as it was, and nobody says that it was written.
    cp first.gguf m.gguf
    cp first.state m.gguf.state
    gen "${run1[@]}" --steps 22 --resume --lr 10 --warmup 0 --clip 0 --schedule constant \
        --valid pairs.jsonl pairs.jsonl
    echo "$stderr"
    cmp m.gguf first.gguf
    [[ $stderr != *"begins anew"* ]]
    [[ $stderr == *"m.gguf: "*" step 20, the best model; the state next to it after step 22"* ]]
    # The best model is gone: it is not claimed to be there.
    rm m.gguf
    gen "${run1[@]}" --steps 24 --resume
    [ "$status" -eq 0 ]
    [[ $stderr == *"the best model so far is not there any more"* ]]
    [ -s m.gguf ]
}

@test "patience begins anew with other data" {
    run1=(finetune -m "$MODEL" -o m.gguf --valid-every 1 --patience 1 --steps 9 --lr 10 --warmup 0 --clip 0
        --schedule constant)
    gen "${run1[@]}" --valid pairs.jsonl pairs.jsonl
    echo "$stderr"
    [[ $stderr == *"stopped early: no better validation after that of step 0"* ]]
    gen "${run1[@]}" --lr 1e-4 --resume --valid others.jsonl pairs.jsonl
    [[ $stderr == *"step 2: validation loss"* ]]
}

@test "a share that is held out is never nothing and never all" {
    gen finetune -o m.gguf -m "$MODEL" --valid-share 0.001 --steps 1 pairs.jsonl
    [[ $stderr == *"30 pairs of "*", 1 more to validate"* ]]
    head -n 2 pairs.jsonl >two.jsonl
    gen finetune -o n.gguf -m "$MODEL" --valid-share 0.9 --steps 1 two.jsonl
    [[ $stderr == *"1 pair of "*", 1 more to validate"* ]]
    gen train -o t.gguf "${SHAPE[@]}" --valid-share 0.00001 --steps 1 "$TEXT"
    [[ $stderr == *" tokens of text in "*", 2 more to validate"* ]]
    [[ $stderr == *"step 1: validation loss "* ]]
}

@test "train: the best model is kept, the last one on request, and worse is said" {
    "$GEN" finetune -q -m "$MODEL" -o begun.gguf --steps 1 pairs.jsonl
    gen train -o m.gguf --init begun.gguf --valid-share 0.3 --n-ctx 16 -b 64 --lr 1 --clip 0 --warmup 0 \
        --steps 6 --valid-every 2 --patience 2 --last last.gguf --metrics m.jsonl "$TEXT"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"4 steps"* || $stderr == *"6 steps: "*" times over "*" tokens"* ]]
    [[ $stderr == *"step 0: validation loss "* ]]
    [[ $stderr == *"stopped early: no better validation after that of step 0"* ]]
    [[ $stderr == *"m.gguf: written after step 0, the best model; the state next to it after step 4"* ]]
    [[ $stderr == *"is worse than that before the first step"* ]]
    [ "$(gen -m m.gguf --greedy -n 9 Once)" = "$(gen -m begun.gguf --greedy -n 9 Once)" ]
    run ! cmp -s m.gguf last.gguf
    [ "$(head -n 1 m.jsonl | cut -c 1-37)" = '{"step":0,"tokens":0,"epoch":0,"valid' ]
    gen train -q -o m2.gguf "${SHAPE[@]}" --patience 2 "$TEXT"
    refused 2 "stopping early needs data to validate with"
    gen train -q -o m2.gguf "${SHAPE[@]}" --last "$TEXT" "$TEXT"
    refused 2 "--last: "
    gen train -q -o m2.gguf "${SHAPE[@]}" --last nowhere/l.gguf "$TEXT"
    refused 1 "nowhere/l.gguf: "
}

@test "train: epochs, the learning rate for a model that exists, short runs" {
    gen train -o m.gguf "${SHAPE[@]}" --epochs 2.5 --metrics m.jsonl "$TEXT"
    [ "$status" -eq 0 ]
    [ "$(wc -l <m.jsonl)" -eq 8 ] # 2.5 of twelve sequences, four a step
    [[ $stderr != *"warm-up"* ]]
    gen train -q -o n.gguf "${SHAPE[@]}" --epochs 2 --steps 3 "$TEXT"
    refused 2 "--epochs and --steps exclude each other"
    gen train -q -o n.gguf -m m.gguf --steps 3 --schedule constant --metrics n.jsonl "$TEXT"
    [ "$(member lr "$(tail -n 1 n.jsonl)")" = 9.99999975e-05 ]
    gen train -o k.gguf "${SHAPE[@]}" --steps 40 "$TEXT"
    [[ $stderr == *"the warm-up of 100 steps is longer than the run of 40: the learning rate ends at 0.0004 of 0.001"* ]]
    gen train -o l.gguf "${SHAPE[@]}" --steps 40 --warmup 5 "$TEXT"
    [[ $stderr != *"warm-up"* ]]
    gen train -q -o n.gguf "${SHAPE[@]}" -n 0 "$TEXT"
    refused 2 "the number of steps must be at least 1"
    gen finetune -q -o f.gguf --init "$MODEL" --steps 1 pairs.jsonl
    [ "$status" -eq 0 ]
}

@test "--resume alone goes on with the options of the run" {
    mkdir run
    cp pairs.jsonl run
    options=(--valid-share 0.2 --valid-every 3 --lr 3e-3 --warmup 2 --optimizer muon -s 7 --metrics m.jsonl)
    (cd run && "$GEN" train -q -o m.gguf "${SHAPE[@]}" "${options[@]}" --steps 9 --checkpoint-every 4 "$TEXT")
    cp -r run whole
    # From another folder, with one option that is another one.
    gen train --resume -o run/m.gguf --steps 14
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"run/m.gguf: going on with --steps 14 (was 9)"* ]]
    [ "$(wc -l <run/m.jsonl)" -eq 15 ]
    (cd whole && "$GEN" train -q -o m.gguf "${SHAPE[@]}" "${options[@]}" --steps 14 --resume "$TEXT")
    cmp run/m.gguf whole/m.gguf
    same_state run/m.gguf.state whole/m.gguf.state
    # An option that is given excludes the ones that cannot go with it.
    gen train -q --resume -o run/m.gguf --steps 15 --valid "$TEXT"
    [ "$status" -eq 0 ]
    # Nothing to go on from is a run without data.
    gen train -q --resume -o other.gguf
    refused 2 "there is no run to resume"
    gen finetune -q -o f.gguf -m "$MODEL" --lora-rank 2 -b 4 --epochs 1 pairs.jsonl
    gen finetune --resume -o f.gguf --epochs 2
    [ "$status" -eq 0 ]
    [[ $stderr == *"f.gguf: going on with --epochs 2 (was 1)"* ]]
    [[ $stderr == *"going on after step 8"*"f.gguf: written after step 16" ]]
}

@test "a run that began with a model goes on without it, at its learning rate" {
    "$GEN" convert -q "$MODEL" base.gguf
    gen train -q -o m.gguf --init base.gguf -b 64 --steps 2 --schedule constant "$TEXT"
    rm base.gguf
    gen train -q -o m.gguf --steps 4 --resume --metrics m.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 9.99999975e-05 ]
    # Once more: what the state knows of the beginning outlives a resumption without it.
    gen train -q -o m.gguf --steps 6 --resume
    [ "$status" -eq 0 ]
    [ "$(member lr "$(tail -n 1 m.jsonl)")" = 9.99999975e-05 ]
}

@test "an empty or missing model next to a whole state" {
    gen train -q -o m.gguf --vocab-size 300 --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 -b 64 --steps 3 "$TEXT"
    gen finetune -q -o f.gguf -m "$MODEL" --steps 2 pairs.jsonl
    for kind in empty missing; do
        for run in "train m" "finetune f"; do
            read -r command name <<<"$run"
            rm "$name.gguf"
            [ "$kind" = missing ] || : >"$name.gguf"
            size=()
            [ "$command" = finetune ] || size=(--vocab-size 300)
            gen "$command" -q --resume -o "$name.gguf" "${size[@]}"
            [ "$status" -eq 0 ]
            "$GEN" inspect "$name.gguf" >inspected
        done
    done
    # A model without a state is written over, as ever.
    rm f.gguf.state
    gen finetune -q -o f.gguf -m "$MODEL" --steps 1 --resume pairs.jsonl
    [ "$status" -eq 0 ]
}

@test "SIGUSR1 writes a checkpoint and training goes on" {
    for command in train finetune; do
        if [ "$command" = train ]; then
            options=("${SHAPE[@]}" "$TEXT")
        else
            options=(-m "$MODEL" pairs.jsonl)
        fi
        "$GEN" "$command" -o "$command.gguf" --steps 100000000 --checkpoint-minutes 0 --log-every 0 \
            --metrics "$command.jsonl" "${options[@]}" 2>said &
        job=$!
        until [ -s "$command.jsonl" ]; do sleep 0.01; done
        kill -USR1 "$job"
        for _ in $(seq 1000); do
            grep -q "as SIGUSR1 asked" said && break
            sleep 0.01
        done
        [ -s "$command.gguf" ]
        [ -s "$command.gguf.state" ]
        kill -0 "$job"
        n_before=$(wc -l <"$command.jsonl")
        sleep 0.2
        [ "$(wc -l <"$command.jsonl")" -gt "$n_before" ]
        kill -INT "$job"
        code=0
        wait "$job" || code=$?
        [ "$code" -eq 130 ]
    done
}

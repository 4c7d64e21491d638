#!/usr/bin/env bats
# gen train from outside. The arithmetic is tested in unit/test_train.c.

setup() {
    load helper
    unset GEN_MODEL
    TEXT=$ROOT/tests/golden/train/text.txt
    SHAPE=(--vocab "$MODEL" --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64)
}

# The number of plain lines on stderr that begin with "gen: step".
n_lines() {
    printf '%s\n' "$stderr" | grep -c '^gen: step [0-9]*/'
}

@test "a model is trained, and runs" {
    gen train -o m.gguf "${SHAPE[@]}" --steps 25 --valid-share 0.2 --valid-every 10 \
        --sample-every 25 --sample-prompt "Once upon" --metrics m.jsonl --svg m.svg "$TEXT"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(n_lines)" -eq 4 ] # 1, 10, 20, 25
    [[ $stderr == *"step 20: validation loss "*" bits per byte"* ]]
    [[ $stderr == *"---- step 25 ----"*"Once upon"* ]]
    [[ $stderr == *"step 0: validation loss "* ]]
    [[ $stderr == *"m.gguf: written after step 25, the best model" ]]
    gen -m m.gguf -n 5 --no-echo --seed 1 Once
    [ "$status" -eq 0 ]
    gen inspect m.gguf --json
    [ "$(member n_layer "$output")" = 1 ]
}

@test "metrics are JSON lines, the loss curve is an SVG" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 25 --valid-share 0.2 --valid-every 10 \
        --metrics m.jsonl --svg m.svg "$TEXT"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(wc -l <m.jsonl)" -eq 26 ] # step 0 is a validation alone
    [ "$(grep -c valid_loss m.jsonl)" -eq 4 ]
    for name in step loss lr grad_norm tokens epoch tokens_per_second valid_perplexity \
        valid_bits_per_byte; do
        member "$name" "$(sed -n 21p m.jsonl)" | grep -qE '^[0-9.e+-]+$'
    done
    [ "$(member step "$(sed -n 21p m.jsonl)")" = 20 ]
    [ "$(member tokens "$(sed -n 21p m.jsonl)")" = 1280 ]
    [ "$(head -c 4 m.svg)" = "<svg" ]
    [ "$(tail -n 1 m.svg)" = "</svg>" ]
    [ "$(grep -c '<polyline' m.svg)" -eq 2 ]
    [ "$(grep -c '<circle' m.svg)" -eq 4 ]
    grep -q 'loss (nats per token)' m.svg
    grep -q '>steps<' m.svg
}

@test "bytes of validation are counted exactly" {
    # One document of one sequence: bits per byte = loss * tokens / ln 2 / bytes.
    printf 'Once upon a time there was a king.\n' >valid
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 1 --valid valid --metrics m.jsonl "$TEXT"
    [ "$status" -eq 0 ]
    printf 'Once upon a time there was a king.' >text # as documents are, without the newline
    read -r first _ <<<"$("$GEN" tokenize -m "$MODEL" text)"
    n_first=$(echo "$first" | "$GEN" tokenize -m "$MODEL" --decode | wc -c) # has no prediction
    # Every other token, and end-of-text, which spells nothing.
    n=$("$GEN" tokenize -m "$MODEL" --count text)
    awk -v loss="$(member valid_loss "$(cat m.jsonl)")" -v n="$n" -v bytes="$((34 - n_first))" \
        -v bits="$(member valid_bits_per_byte "$(cat m.jsonl)")" 'BEGIN {
            wanted = loss * n / log(2) / bytes
            print wanted, bits
            exit !(wanted / bits > 0.99999 && wanted / bits < 1.00001) }'
}

@test "Ctrl-C writes a checkpoint, and a resumed run equals an unbroken one" {
    options=("${SHAPE[@]}" --dropout 0.1 --checkpoint-every 90 --svg m.svg "$TEXT")
    mkdir whole parts
    (cd whole && "$GEN" train -q -o m.gguf --steps 600 --metrics m.jsonl "${options[@]}")
    cd parts
    interrupt_at 20 train --steps 100000000 "${options[@]}"
    [ "$status" -eq 130 ]
    [[ $stderr == *"; --resume goes on" ]]
    stopped=$(printf '%s\n' "$stderr" | sed -n 's/.*written after step \([0-9]*\);.*/\1/p')
    [ "$(wc -l <m.jsonl)" -eq "$stopped" ]
    rm m.gguf.state m.jsonl
    interrupt_at 50 train --steps 600 "${options[@]}"
    interrupt_at 200 train --steps 600 --resume -t 1 "${options[@]}"
    gen train -q -o m.gguf --steps 600 --metrics m.jsonl --resume --micro-batch 1 "${options[@]}"
    [ "$status" -eq 0 ]
    cmp m.gguf ../whole/m.gguf
    same_state m.gguf.state ../whole/m.gguf.state
    # And its metrics are those of one run, but for the speed.
    for run in . ../whole; do
        sed 's/"tokens_per_second":[^,}]*//' "$run/m.jsonl" >"$run/figures"
    done
    cmp figures ../whole/figures
    [ "$(wc -l <figures)" -eq 600 ]
}

# One number wide, for there the losses fill their double precision, and their sum is rounded.
@test "how many sequences are taken at a time changes no figure" {
    seq 3000 >text
    for n in 1 3 16; do
        mkdir "$n"
        (cd "$n" && "$GEN" train -q -o m.gguf --micro-batch "$n" --vocab-size 300 --n-layer 1 \
            --n-head 1 --n-embd 1 --n-ctx 5 --steps 3 --warmup 1 --batch-size 700 \
            --valid-share 0.2 --metrics m.jsonl ../text)
        sed 's/"tokens_per_second":[^,}]*//' "$n/m.jsonl" >"$n/figures"
        cmp "$n/figures" 1/figures
        same_state "$n/m.gguf.state" 1/m.gguf.state
    done
}

@test "killed while it writes checkpoints, 50 times: there is always one to go on from" {
    options=(-q -o m.gguf "${SHAPE[@]}" --schedule constant --checkpoint-every 1 --resume "$TEXT")
    n_cut=0
    for i in $(seq 50); do
        timeout -s KILL "0.0$((i % 5 + 3))" "$GEN" train --steps 1000000 "${options[@]}" || true
        [ ! -e m.gguf ] || "$GEN" inspect m.gguf >inspected
        [ -z "$(find . -name '.gen-*.tmp')" ] || n_cut=$((n_cut + 1))
    done 2>/dev/null
    echo "$n_cut of 50 were cut off in the middle of a file"
    [ "$n_cut" -gt 0 ]
    gen train --steps 3000 "${options[@]}" --checkpoint-every 0
    [ "$status" -eq 0 ]
    # What the killed ones left behind is gone.
    [ "$(find . -name '.gen-*.tmp' | wc -l)" -eq 0 ]
    mkdir whole
    cd whole
    gen train --steps 3000 "${options[@]}" --checkpoint-every 0
    cmp m.gguf ../m.gguf
}

@test "a full disk is one line, and the last checkpoint stays" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 5 "$TEXT"
    cp m.gguf before.gguf
    cp m.gguf.state before.state
    run --separate-stderr bash -c 'ulimit -f 20; exec "$@"' - \
        "$GEN" train -q -o m.gguf "${SHAPE[@]}" --steps 10 --resume "$TEXT"
    refused 1 "m.gguf.state: cannot write: File too large"
    cmp m.gguf before.gguf
    cmp m.gguf.state before.state
    [ "$(find . -name '.gen-*.tmp' | wc -l)" -eq 0 ]
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 10 --resume "$TEXT"
    [ "$status" -eq 0 ]
    gen train -q -o n.gguf "${SHAPE[@]}" --steps 5 --metrics /dev/full "$TEXT"
    refused 1 "/dev/full"
}

@test "bad text is one line" {
    : >empty
    gen train -q -o m.gguf "${SHAPE[@]}" empty
    refused 1 "empty: there is no text in it"
    printf 'good\nb\351d\n' >latin1
    gen train -q -o m.gguf "${SHAPE[@]}" latin1
    refused 1 "latin1: line 2 is not valid UTF-8 at byte e9"
    echo "A few words." >short
    gen train -q -o m.gguf "${SHAPE[@]}" --n-ctx 64 short
    refused 2 "a sequence of n_ctx 64 needs 65"
    gen train -q -o m.gguf "${SHAPE[@]}" nowhere
    refused 1 "nowhere: cannot open"
    gen train -q -o m.gguf "${SHAPE[@]}" .
    refused 1 "is a directory"
    printf '{"text":"a"}\n{"words":"b"}\n' >lines.jsonl
    gen train -q -o m.gguf "${SHAPE[@]}" lines.jsonl
    refused 1 'lines.jsonl: line 2 has no member "text"'
    [ ! -e m.gguf ]
    [ ! -e m.gguf.state ]
}

@test "more files of text than a process may have open" {
    mkdir files
    for i in {1..80}; do
        printf 'Once upon a time there were %d kings.\n' "$i" >"files/$i.txt"
    done
    ulimit -n 40
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 1 files/*.txt
    echo "$stderr"
    [ "$status" -eq 0 ]
}

@test "wrong options are one line" {
    gen train "$TEXT"
    refused 2 "-o FILE.gguf"
    gen train -o m.gguf "${SHAPE[@]}"
    refused 2 "needs a text"
    gen train -q -o m.gguf "${SHAPE[@]}" --n-head 3 "$TEXT"
    refused 2 "n_head 3 does not divide n_embd 16"
    gen train -q -o m.gguf "${SHAPE[@]}" --valid "$TEXT" --valid-share 0.1 "$TEXT"
    refused 2 "valid"
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 0 "$TEXT"
    refused 2 "0 steps"
    gen train -q -o nowhere/m.gguf "${SHAPE[@]}" "$TEXT"
    refused 1 "No such file or directory"
    gen train -q -o m.gguf --init "$MODEL" --n-embd 32 "$TEXT"
    refused 2 "its n_embd is "
    gen train -q -o m.gguf --init "$MODEL" --n-ctx 128 "$TEXT"
    refused 2 "its n_ctx is 64, the options ask for 128"
    cp "$TEXT" text
    gen train -q -o text "${SHAPE[@]}" ./text
    refused 2 "--output: text is read by this run"
    cmp "$TEXT" text
    "$GEN" convert -q "$MODEL" model.gguf
    gen train -q -o model.gguf --init model.gguf "$TEXT"
    refused 2 "--output: model.gguf is read by this run"
    # The same tokens in another order.
    mkdir vocab
    cp "$MODEL"/vocab.json vocab
    awk 'NR == 101 { held = $0; next } { print } NR == 102 { print held }' "$MODEL/merges.txt" \
        >vocab/merges.txt
    gen train -q -o m.gguf --init "$MODEL" --vocab vocab "$TEXT"
    refused 2 "is not the one this model was trained with"
}

@test "a vocabulary that is given has no size to choose" {
    gen train -q -o m.gguf "${SHAPE[@]}" --vocab-size 300 "$TEXT"
    refused 2 "--vocab-size and --vocab exclude each other"
    gen train -q -o m.gguf --init "$MODEL" --vocab-size 300 "$TEXT"
    refused 2 "--vocab-size and --init exclude each other"
    [ ! -e m.gguf.state ]
}

@test "a batch wants as many sequences as the data have" {
    # 194 tokens are twelve sequences of 16.
    gen train -q -o m.gguf "${SHAPE[@]}" -b 4294967296 "$TEXT"
    refused 2 "text.txt: a batch of 4294967296 tokens is 268435456 sequences of n_ctx 16, but there are 12"
    gen train -q -o m.gguf "${SHAPE[@]}" -b 193 "$TEXT"
    refused 2 "a batch of 193 tokens is 13 sequences of n_ctx 16, but there are 12 (ask for 192 tokens at most"
    gen train -q -o m.gguf "${SHAPE[@]}" -b 18446744073709551615 "$TEXT"
    refused 2 "18446744073709551615"
    gen train -q -o m.gguf "${SHAPE[@]}" -b 192 --steps 1 "$TEXT"
    [ "$status" -eq 0 ]
    # Who names none gets all of a text that is smaller than the usual batch.
    gen train -o n.gguf "${SHAPE[@]:0:10}" --steps 1 "$TEXT"
    [ "$status" -eq 0 ]
    [[ $stderr == *"a step has 12 sequences of 16"* ]]
    gen help train
    [[ $output == *"default: 4096"* ]]
}

@test "a resumed run keeps its shape, and the same options may be given again" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 2 "$TEXT"
    [ "$status" -eq 0 ]
    again=(train -q -o m.gguf --vocab "$MODEL" -b 64 --steps 3 --resume "$TEXT")
    gen "${again[@]}" --n-embd 32
    refused 2 "m.gguf.state: its n_embd is 16, the options ask for 32 (leave it out"
    gen "${again[@]}" --n-ctx 32
    refused 2 "m.gguf.state: its n_ctx is 16, the options ask for 32 (leave it out"
    gen "${again[@]}" --n-ctx 8
    refused 2 "m.gguf.state: its n_ctx is 16, the options ask for 8 (leave it out"
    gen "${again[@]}" --preset tiny
    refused 2 "m.gguf.state: its n_layer is 1, the preset tiny has 6 (leave it out"
    gen "${again[@]}" --preset tiny --n-layer 1 --n-head 2 --n-embd 16
    refused 2 "m.gguf.state: its n_ctx is 16, the preset tiny has 256 (leave it out"
    gen train -q -o m.gguf -b 64 --vocab-size 300 --steps 3 --resume "$TEXT"
    refused 2 "m.gguf.state: its vocabulary has 512 tokens, the options ask for 300"
    gen "${again[@]}" --preset small "${SHAPE[@]}"
    [ "$status" -eq 0 ]
    gen "${again[@]}" --steps 4
    [ "$status" -eq 0 ]
    # A model to begin with has its own shape, too.
    gen train -q -o n.gguf --init m.gguf --preset tiny "$TEXT"
    refused 2 "m.gguf: its n_layer is 1, the preset tiny has 6"
}

@test "a resumed run is not begun with another model" {
    for name in m unbroken; do
        gen train -q -o "$name.gguf" "${SHAPE[@]}" --steps 2 "$TEXT"
        [ "$status" -eq 0 ]
    done
    gen train -q -o wide.gguf "${SHAPE[@]}" --n-embd 32 --steps 1 "$TEXT"
    [ "$status" -eq 0 ]
    # The same tokens in another order.
    mkdir vocab
    cp "$MODEL"/vocab.json vocab
    awk 'NR == 101 { held = $0; next } { print } NR == 102 { print held }' "$MODEL/merges.txt" \
        >vocab/merges.txt
    gen train -q -o other.gguf "${SHAPE[@]}" --vocab vocab --steps 1 "$TEXT"
    [ "$status" -eq 0 ]
    again=(train -q -o m.gguf -b 64 --steps 4 --resume "$TEXT")
    gen "${again[@]}" --init wide.gguf
    refused 2 "m.gguf.state: its n_embd is 16, that of wide.gguf is 32 (go on"
    gen "${again[@]}" --init "$MODEL"
    refused 2 "m.gguf.state: its n_ctx is 16, that of "
    gen "${again[@]}" --init other.gguf
    refused 2 "m.gguf.state: its vocabulary of 512 tokens is not that of other.gguf, which has 512 (go on"
    gen "${again[@]}" --init other.gguf --vocab "$MODEL"
    refused 2 "m.gguf.state: its vocabulary of 512 tokens is not that of other.gguf"
    gen "${again[@]}" --vocab vocab
    refused 2 "m.gguf.state: the run was begun with another vocabulary of 512 tokens, this one has 512 (go on"
    # One of the same shape and vocabulary changes nothing: the weights are those of the run.
    "$GEN" convert -q unbroken.gguf same.gguf
    gen "${again[@]}" --init same.gguf
    [ "$status" -eq 0 ]
    gen "${again[@]}" -o unbroken.gguf
    same_state m.gguf.state unbroken.gguf.state
    # Sequences shorter than the context of the model that a run was begun with.
    gen train -q -o short.gguf --init m.gguf --n-ctx 8 -b 64 --steps 1 "$TEXT"
    [ "$status" -eq 0 ]
    gen train -q -o short.gguf --init m.gguf --n-ctx 8 -b 64 --steps 2 --resume "$TEXT"
    [ "$status" -eq 0 ]
}

@test "an adapter is no model to begin with" {
    gen train -q -o m.gguf --init "$ROOT/tests/golden/lora/adapter.gguf" "$TEXT"
    refused 1 "adapter.gguf: is a LoRA adapter, not a model (merge it"
    [[ $stderr == *"gen convert --lora"* ]]
    gen train -q -o m.gguf --init "$ROOT/tests/golden/lora/adapter.gguf" --vocab "$MODEL" "$TEXT"
    refused 1 "adapter.gguf: is a LoRA adapter"
}

@test "a run keeps its optimizer" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 5 --optimizer muon "$TEXT"
    [ "$status" -eq 0 ]
    gen -m m.gguf -n 5 --seed 1 Once
    [ "$status" -eq 0 ]
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 10 --resume --optimizer adamw "$TEXT"
    refused 2 "m.gguf.state: the run was begun with the optimizer muon, the options have adamw"
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 10 --resume --momentum 0.9 "$TEXT"
    [ "$status" -eq 0 ]
    gen train -q -o n.gguf "${SHAPE[@]}" --optimizer sgd "$TEXT"
    refused 2 "adamw, muon"
}

@test "metrics and loss curve fall on no file of the run" {
    cp "$TEXT" text
    cp "$MODEL"/{vocab.json,merges.txt} .
    "$GEN" convert -q "$MODEL" model.gguf
    for option in --metrics --svg; do
        for file in text ./text vocab.json; do
            gen train -q -o m.gguf "${SHAPE[@]}" --vocab . "$option" "$file" text
            refused 2 "$option: $file is read by this run"
        done
        gen train -q -o m.gguf "${SHAPE[@]}" --valid text "$option" text "$TEXT"
        refused 2 "$option: text is read by this run"
        gen train -q -o m.gguf --init model.gguf "$option" model.gguf text
        refused 2 "$option: model.gguf is read by this run"
        for file in m.gguf m.gguf.state; do
            gen train -q -o m.gguf "${SHAPE[@]}" "$option" "$file" text
            refused 2 "$option: $file is the model or its state"
        done
    done
    gen train -q -o m.gguf "${SHAPE[@]}" --metrics both --svg both text
    refused 2 "--svg and --metrics are one file"
    gen train -q -o m.gguf "${SHAPE[@]}" --svg - text
    refused 2 "which stdout may not be"
    cmp text "$TEXT"
    cmp vocab.json "$MODEL/vocab.json"
    [ ! -e m.gguf.state ]
}

@test "what cannot be written is said before the first step" {
    mkdir here
    for file in '' here /dev/null; do
        gen train -q -o "$file" "${SHAPE[@]}" "$TEXT"
        refused 1 ""
        [ ! -e "$file.state" ]
    done
    gen train -o m.gguf "${SHAPE[@]}" --svg nowhere/m.svg "$TEXT"
    [ "$status" -eq 1 ]
    [[ $stderr == *"nowhere/m.svg: cannot create: No such file or directory"* ]]
    [ "$(n_lines)" -eq 0 ]
}

@test "metrics that no run wrote do not spoil the loss curve" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 3 "$TEXT"
    printf 'x\n{"step":1,"loss":1e308,"valid_loss":-1e308}\n[]\n{"step":2' >m.jsonl
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 5 --resume --metrics m.jsonl --svg m.svg "$TEXT"
    [ "$status" -eq 0 ]
    grep -q '<polyline' m.svg
    run ! grep -E 'points=.*(nan|inf)' m.svg
}

@test "two runs with one output: the second does not write over the first" {
    gen train -q -o other.gguf "${SHAPE[@]}" --steps 3 "$TEXT"
    "$GEN" train -q -o m.gguf "${SHAPE[@]}" --steps 100000000 --checkpoint-minutes 0 \
        --metrics m.jsonl "$TEXT" 2>said &
    until [ -s m.jsonl ]; do sleep 0.02; done
    cp other.gguf.state m.gguf.state
    kill -TERM $!
    wait $! || true
    cat said
    grep -q "m.gguf.state: was written by another run meanwhile" said
    cmp other.gguf.state m.gguf.state
    [ ! -e m.gguf ]
}

@test "a terminal that goes away leaves a checkpoint, a reader that does is not missed" {
    "$GEN" train -q -o m.gguf "${SHAPE[@]}" --steps 100000000 --metrics m.jsonl "$TEXT" 2>said &
    until [ -s m.jsonl ]; do sleep 0.02; done
    kill -HUP $!
    code=0
    wait $! || code=$?
    [ "$code" -eq 129 ]
    [ -e m.gguf.state ]
    "$GEN" train -o n.gguf "${SHAPE[@]}" --steps 300 --log-every 1 "$TEXT" 2>&1 | head -n 1
    [ "${PIPESTATUS[0]}" -eq 0 ]
    [ -e n.gguf ]
}

@test "a byte order mark before JSON lines" {
    { printf '\357\273\277' && printf '{"text":"%s"}\r\n' "$(tr -d '\n"' <"$TEXT")"; } >marked.jsonl
    printf '{"text":"%s"}\n' "$(tr -d '\n"' <"$TEXT")" >plain.jsonl
    for name in marked plain; do
        gen train -q -o "$name.gguf" "${SHAPE[@]}" --steps 2 --dropout 0.99 "$name.jsonl"
        [ "$status" -eq 0 ]
    done
    tail -c 1000 plain.gguf >plain
    tail -c 1000 marked.gguf | cmp - plain
}

@test "without a vocabulary one is learned, the same that gen vocab learns" {
    gen train -q -o m.gguf --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64 --steps 5 \
        --vocab-size 300 "$TEXT"
    [ "$status" -eq 0 ]
    "$GEN" vocab -q --size 300 -o vocab "$TEXT"
    "$GEN" tokenize -m vocab "$TEXT" >wanted
    "$GEN" tokenize -m m.gguf "$TEXT" >found
    cmp wanted found
    # A run goes on with the one in its model; where that is gone, it learns the same again.
    gen train -q -o m.gguf --steps 6 --resume "$TEXT"
    [ "$status" -eq 0 ]
    mv m.gguf six.gguf
    gen train -q -o m.gguf --steps 6 --vocab-size 300 --resume "$TEXT"
    [ "$status" -eq 0 ]
    cmp m.gguf six.gguf
    printf '{"text":"%s"}\n' "once" "upon a time" "once" "upon a time" >lines.jsonl
    gen train -q -o n.gguf --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 4 --batch-size 8 --steps 1 \
        lines.jsonl
    [ "$status" -eq 0 ]
    printf 'a\nb\351d\n' >latin1
    gen train -q -o o.gguf latin1
    refused 1 "latin1: line 2 is not valid UTF-8 at byte e9"
    : >empty
    gen train -q -o o.gguf empty
    refused 1 "empty: there is no text in it"
}

@test "a trained model, quantized, is taught more" {
    "$GEN" convert -q --type q8_0 "$MODEL" q8.gguf
    gen train -q -o m.gguf --init q8.gguf --n-ctx 32 --batch-size 64 --steps 5 --lr 1e-4 "$TEXT"
    [ "$status" -eq 0 ]
    gen inspect m.gguf --json
    [ "$(member n_ctx "$output")" = 64 ]
    # Nothing learned: the same weights.
    gen train -q -o n.gguf --init "$MODEL" --steps 1 --lr 0 --batch-size 64 "$TEXT"
    [ "$(gen -m n.gguf --greedy -n 20 Once)" = "$(gen -m "$MODEL" --greedy -n 20 Once)" ]
}

@test "tokenized data are kept, and made again where they are damaged" {
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 3 "$TEXT"
    cache=$(echo m.gguf.tokens-*)
    [ -s "$cache" ]
    cp "$cache" before
    cp m.gguf model
    truncate -s 100 "$cache"
    rm m.gguf.state
    gen train -q -o m.gguf "${SHAPE[@]}" --steps 3 "$TEXT"
    [ "$status" -eq 0 ]
    cmp "$cache" before
    cmp m.gguf model
}

@test "the moving line is no wider than the terminal" {
    need_terminal
    on_terminal "stty cols 40; $GEN train -o m.gguf ${SHAPE[*]} --steps 2000 $TEXT" >shown
    tr '\r' '\n' <shown | sed -n 's/^.\[Kstep/step/p' >lines # the drawings, without a bar
    [ -s lines ]
    [ "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' lines)" -eq 39 ]
}

@test "a run on a terminal shows one moving line" {
    need_terminal
    on_terminal "'$GEN' train -o m.gguf ${SHAPE[*]} --steps 3000 '$TEXT'" >shown
    grep -q $'\r\033\\[K\\[#*\\.*\\] step [0-9]*/3000  loss [0-9.]*  [0-9]* tok/s  .* left' shown
    [ "$(grep -c 'gen: step' shown)" -eq 0 ]
    grep -q 'written after step 3000' shown
}

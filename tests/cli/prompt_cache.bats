#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2053,SC2153,SC2154 # scripts in quotes; set by bats and helper.bash
# --prompt-cache FILE: the same texts, less read; what is made anew, what is refused, what stays.

setup() {
    load helper
    # 30 ids that all begin with, and an end for each.
    prefix="$(seq -s ' ' 1 30)"
}

# cached N: so many ids of some text were not read; N may be a pattern.
cached() {
    echo "$stderr"
    [ "$status" -eq 0 ]
    local pattern="*tokens, $1 of them cached*"
    [[ $stderr == $pattern ]]
}

# same ARGUMENTS: with the cache p, and -v, the text of a run without.
same() {
    gen --greedy -n 6 "$@"
    [ "$status" -eq 0 ]
    local text=$output
    gen --greedy -n 6 -v --prompt-cache p "$@"
    [ "$output" = "$text" ]
}

@test "runs whose prompts begin alike read the beginning once" {
    same --prompt-ids "$prefix 40 41 42"
    cached 0
    [[ $stderr == *"prompt cache p: missing or empty, so it is made anew"* ]]
    [[ $stderr == *"prompt cache p: written with 33 tokens; 0 of them were in it"* ]]
    cp p first
    for end in "50 51" "60 61 62" "40 41 70"; do
        same --prompt-ids "$prefix $end"
        [[ $stderr == *"prompt cache p: 33 tokens"* ]]
        [[ $stderr == *"prompt cache p: stays as it is; it has 3"[02]" of the prompt's 3"* ]]
        cmp p first
    done
    cached 32
    # Nothing else is left.
    [ "$(find . -name '.gen*' -o -name '*.partial' | wc -l)" -eq 0 ]
}

@test "a prompt in a file, and a loop of questions" {
    printf 'Once upon a time there was a king and a queen, and they lived in a ' >examples
    for question in house castle tree; do
        { cat examples && printf %s "$question"; } >question
        same -f question
    done
    [[ $stderr != *" 0 of them cached"* ]]
}

@test "prompts of a batch share it, and the first is kept" {
    printf 'Once upon a time there was a king who had %s\n' gold silver nothing >lines
    same --lines -f lines
    [[ $stderr == *"written with"* ]]
    same --lines -f lines --batch 2 -t 2
    cached '[1-9]*'
    [ "$(grep -c ' 0 of them cached' <<<"$stderr")" -eq 0 ]
    sed 's/.*/{"prompt": "&"}/' lines >records
    same --jsonl --json --no-timings -f records
    cached '[1-9]*'
    { echo prompt && cat lines; } >table
    same --csv -f table --num-return-sequences 2 --output-dir out
    cached '[1-9]*'
    [ "$(find out -type f | wc -l)" -eq 6 ]
}

@test "another prompt, model or type makes it anew" {
    same --prompt-ids "$prefix"
    same --prompt-ids "100 101 102 103"
    [[ $stderr == *"prompt cache p: 30 tokens"* ]]
    [[ $stderr == *"written with 4 tokens; 0 of them were in it"* ]]
    same --prompt-ids "100 101 102 103" --kv-type f16
    [[ $stderr == *"made with another kv_type, so it is made anew"* ]]
    same --prompt-ids "100 101 102 103" --kv-type f16 -m "$ROOT/tests/golden/models/f16"
    [[ $stderr == *"made with another model, so it is made anew"* ]]
    same --prompt-ids "100 101 102 103" --kv-type f16 -m "$ROOT/tests/golden/models/f16"
    cached 3
    # A prompt that goes on, as a conversation does.
    same --prompt-ids "100 101 102 103 104 105 106" --kv-type f16 -m "$ROOT/tests/golden/models/f16"
    cached 4
    [[ $stderr == *"written with 7 tokens; 4 of them were in it"* ]]
}

@test "nothing is said without --verbose" {
    gen --greedy -n 2 --prompt-cache p --prompt-ids "$prefix"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    gen --greedy -n 2 --prompt-cache p --prompt-ids "$prefix" -q
    [ -z "$stderr" ]
}

@test "odd prompts: empty, one token, the whole context, one that slides, logits" {
    same -p ''
    [ ! -e p ]
    same --prompt-ids 7
    [ ! -e p ]
    same --prompt-ids "$(seq -s ' ' 1 64)"
    [ ! -e p ] # nothing is read, as there is no room for an answer
    same --prompt-ids "$(seq -s ' ' 1 63)"
    same --prompt-ids "$(seq -s ' ' 1 63)"
    cached 62
    rm p
    same --prompt-ids "$(seq -s ' ' 1 100)" --context slide -n 80
    same --prompt-ids "$(seq -s ' ' 1 100)" --context slide -n 80
    [[ $stderr != *", 0 of them cached"* ]]
    # All rows of logits are there, so all ids are read.
    "$GEN" --greedy -n 3 --save-logits without --prompt-ids "$prefix" >text
    for _ in 1 2; do
        "$GEN" --greedy -n 3 --save-logits with --prompt-cache l --prompt-ids "$prefix" | cmp - text
        cmp with without
    done
}

@test "the first prompt is kept where nothing is drawn, and where the run is stopped" {
    gen -n 0 --prompt-cache p --prompt-ids "$prefix"
    [ "$status" -eq 0 ]
    # A text of no tokens needs nothing of the model.
    [ ! -e p ]
    "$GEN" --greedy -n -1 --context slide --ignore-eos --prompt-cache p --prompt-ids "$prefix" >out &
    job=$!
    for _ in $(seq 1000); do
        [ ! -s out ] || break
        sleep 0.01
    done
    kill -INT "$job"
    code=0
    wait "$job" || code=$?
    [ "$code" -eq 130 ]
    same --prompt-ids "$prefix 9"
    cached 30
}

@test "what is no prompt cache is refused and stays" {
    printf 'a diary' >p
    gen --prompt-cache p -n 2 Hi
    refused 1 'p: is no prompt cache of gen: it begins with "a diary", but must with "GENCACHE"'
    [ "$(cat p)" = 'a diary' ]
    cp "$MODEL/model.safetensors" p
    gen --prompt-cache p -n 2 Hi
    refused 1 'p: is no prompt cache of gen'
    cmp p "$MODEL/model.safetensors"
    mkdir d
    gen --prompt-cache d -n 2 Hi
    refused 1 'd: '
    gen --prompt-cache /nonexistent/p -n 2 Hi
    refused 1 '/nonexistent/p: cannot create: No such file or directory'
    gen --prompt-cache /dev/null -n 2 Hi
    refused 1 '/dev/null: '
}

@test "a damaged one is refused and stays; an empty one is filled" {
    : >p
    same --prompt-ids "$prefix"
    [[ $stderr == *"prompt cache p: missing or empty, so it is made anew"* ]]
    head -c 1000 p >short
    cp short before
    gen --prompt-cache short -n 2 --prompt-ids "$prefix" -o out
    refused 1 'short: is damaged: it has 1000 bytes, but must have '
    cmp short before
    [ ! -e out ]
    printf X | dd of=p bs=1 seek=5000 conv=notrunc 2>/dev/null
    gen --prompt-cache p -n 2 --prompt-ids "$prefix"
    refused 1 'p: is damaged: its check sum is not that of what is in it (remove it, and the next run makes it anew)'
}

@test "it cannot be another file of the run" {
    gen --prompt-cache p -o p -n 2 Hi
    refused 2 '--prompt-cache and --output are one file, p (give two)'
    ln -s p link
    gen --prompt-cache p --save-logits ./link -n 2 Hi
    refused 2 '--prompt-cache and --save-logits are one file, p (give two)'
    [ ! -e p ]
}

@test "a file that cannot be written costs a line, and no text" {
    gen --greedy -n 4 --prompt-ids "$prefix"
    text=$output
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 10; exec "$0" "$@"' \
        "$GEN" --greedy -n 4 --prompt-ids "$prefix" --prompt-cache p
    echo "$status $stderr"
    [ "$status" -eq 0 ]
    [ "$output" = "$text" ]
    [[ $stderr == "gen: p: cannot write: File too large (the texts are whole; the next run reads its prompt again)" ]]
    [ -z "$(find . -name 'p' -o -name '.gen*')" ]
    # What was there before stays.
    "$GEN" -n 1 --prompt-ids "1 2 3" --prompt-cache p >/dev/null
    cp p before
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 10; exec "$0" "$@"' \
        "$GEN" --greedy -n 4 --prompt-ids "9 8 7 $prefix" --prompt-cache p
    [ "$status" -eq 0 ]
    [[ $stderr == *"p: cannot write"* ]]
    cmp p before
}

@test "several processes use one file at once" {
    gen --greedy -n 6 --prompt-ids "$prefix 3"
    text=$output
    for round in 1 2 3; do
        jobs=()
        for i in 1 2 3 4; do
            "$GEN" --greedy -n 6 --prompt-cache p --prompt-ids "$prefix 3" >"out$i" &
            jobs+=($!)
            [ "$round" -ne 2 ] || rm -f p
        done
        for job in "${jobs[@]}"; do
            wait "$job"
        done
        for i in 1 2 3 4; do
            [ "$(cat "out$i")" = "$text" ]
        done
    done
    [ -z "$(find . -name '.gen*')" ]
}

@test "llama.cpp's other spellings are answered" {
    gen --prompt-cache-ro --prompt-cache p Hi
    refused 2 'only reads a file that may not be written'
    gen --prompt-cache-all --prompt-cache p Hi
    refused 2 'give prompt and answer as the next one'
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Batches that outlive a night: --resume after a kill, and --shard.

setup() {
    load helper
    seq -f 'line %g' 30 >list
    OPTIONS=(-n 8 --lines --json --no-timings -f list)
}

@test "killed at random and resumed: every prompt is answered once, with the bytes of an unbroken run" {
    MODEL=$MODEL GEN=$GEN "$ROOT/tests/resume/kill" 400 6
}

@test "--resume: half a last line is cut off, and a prompt of which texts are missing is answered anew" {
    "$GEN" "${OPTIONS[@]}" -s 4 --num-return-sequences 2 -o whole
    # Where each line begins, in its middle, one byte before its end.
    for n in 0 1 700 701 $(($(head -n 1 whole | wc -c) - 1)) "$(head -n 1 whole | wc -c)" \
        "$(head -n 2 whole | wc -c)" "$(head -n 7 whole | wc -c)" $(($(wc -c <whole) - 1)) "$(wc -c <whole)"; do
        head -c "$n" whole >out.partial
        gen "${OPTIONS[@]}" -s 4 --num-return-sequences 2 --resume -o out
        echo "$n: $stderr"
        [ "$status" -eq 0 ]
        cmp whole out
        [ ! -e out.partial ]
        rm out
    done
    # What was cut by --lines that say nothing of their number is answered anew, by lines of JSON too.
    jq -Rc '{prompt: .}' list >list.jsonl
    "$GEN" -n 8 --jsonl --json --no-timings -f list.jsonl -s 4 --num-return-sequences 2 -o lines
    head -n 7 lines >out.partial
    gen -n 8 --jsonl --json --no-timings -f list.jsonl -s 4 --num-return-sequences 2 --resume -o out
    [[ $stderr == "gen: going on after the prompt with index 2, the last that out.partial answers" ]]
    cmp lines out
}

@test "--resume: a list that has grown since" {
    "$GEN" "${OPTIONS[@]}" -s 4 -o whole
    head -n 20 list >shorter
    "$GEN" -n 8 --lines --json --no-timings -f shorter -s 4 -o out
    gen "${OPTIONS[@]}" -s 4 --resume -o out
    [ "$stderr" = "gen: going on after the prompt with index 19, the last that out answers" ]
    cmp whole out
    gen "${OPTIONS[@]}" -s 4 --resume -o out
    [[ $stderr == *"index 29"* ]]
    cmp whole out
    gen "${OPTIONS[@]}" -s 4 --resume -o new
    [ -z "$stderr" ]
    cmp whole new
}

@test "--resume after Ctrl-C" {
    "$GEN" -n 3000 --context slide --ignore-eos --lines --json --no-timings -f list -s 4 --batch 1 --no-speculate -o out 2>said &
    job=$!
    while kill -0 "$job" && ! [ -s out.partial ]; do sleep 0.01; done
    kill -INT "$job"
    wait "$job" || [ $? -eq 130 ]
    n=$(wc -l <out.partial)
    [ "$n" -ge 1 ]
    head -n $((n + 1)) list >some
    gen -n 3000 --context slide --ignore-eos --lines --json --no-timings -f some -s 4 --resume -o out
    [ "$status" -eq 0 ]
    "$GEN" -n 3000 --context slide --ignore-eos --lines --json --no-timings -f some -s 4 | cmp - out
}

@test "--resume: another model, other options, another seed are refused by name" {
    "$GEN" "${OPTIONS[@]}" -s 4 -o out
    cp out before
    [ "$(jq -r .run out | uniq | wc -l)" -eq 1 ]
    again() {
        gen "${OPTIONS[@]}" -s 4 "${@:2}" --resume -o out
        refused 2 "out: was made with $1 (give another --output"
        cmp before out
        [ ! -e out.partial ]
    }
    again "another model" -m "$ROOT/tests/golden/models/odd-width"
    again "another seed" -s 5
    for options in '-n 9' '--top-p 0.9' '--stop x' '--kv-type f16' '--logprobs 1' '--context slide' '--greedy' \
        '--num-return-sequences 2' '--logit-bias 5=1'; do
        # shellcheck disable=SC2086 # several words
        again "other options" $options
    done
    echo word >words
    again "other options" --bad-words words
    # What changes no text is free.
    gen "${OPTIONS[@]}" -s 4 -t 1 --batch 3 --no-speculate -q --resume -o out
    [ "$status" -eq 0 ]
    cp -r "$MODEL" elsewhere
    gen "${OPTIONS[@]}" -s 4 -m elsewhere --resume -o out
    [ "$status" -eq 0 ]
    cmp before out
    mv out out.partial
    gen "${OPTIONS[@]}" -s 5 --resume -o out
    refused 2 "out.partial: was made with another seed"
    cmp before out.partial
}

@test "--resume: what is no such file is refused, and stays" {
    no() {
        cp "$1" kept
        gen "${OPTIONS[@]}" -s 4 --resume -o "$1"
        refused 2 "$1: $2"
        cmp kept "$1"
    }
    echo 'My diary.' >text
    no text 'does not begin with a record of --json'
    echo '{"index":0}' >old
    no old 'has a record without "run"'
    "$GEN" "${OPTIONS[@]}" -s 4 -o out
    { head -n 3 out && sed -n 2p out; } >turned
    no turned 'its records are not in the order of their prompts'
    gen "${OPTIONS[@]}" -s 4 --resume -o /dev/null
    refused 2 "/dev/null: --resume needs a regular file"
    mkdir directory
    gen "${OPTIONS[@]}" -s 4 --resume -o directory
    [ "$status" -ne 0 ]
}

@test "--resume says what it needs" {
    gen --resume -s 1 --json -o out Hi
    refused 2 "--resume needs many prompts"
    gen --resume -s 1 --lines -o out -f list
    refused 2 "--resume needs --json"
    gen --resume -s 1 --lines --json -f list
    refused 2 "--resume needs -o FILE"
    gen --resume --lines --json -o out -f list
    refused 2 "--resume needs --seed N"
    gen --resume -s 1 --lines --json --save-logits l -o out -f list
    refused 2 "--resume needs a run without --save-logits"
    gen --resume --greedy -q -n 1 --lines --json -o out -f list
    [ "$status" -eq 0 ]
}

@test "two runs do not write one file" {
    mkfifo in
    "$GEN" -n 1 --lines --json --no-timings -s 1 -f in -o out 2>/dev/null &
    job=$!
    exec 5>in
    while kill -0 "$job" && ! [ -e out.partial ]; do sleep 0.01; done
    gen -n 1 --lines --json --no-timings -s 1 -f list --resume -o out
    exec 5>&-
    wait "$job"
    refused 1 "out.partial: is there and cannot be replaced, or another process is writing it"
}

@test "--shard: N runs answer all, with the texts of one" {
    "$GEN" "${OPTIONS[@]}" -s 4 >whole
    for n in 1 3 40; do
        for i in $(seq "$n"); do
            "$GEN" "${OPTIONS[@]}" -s 4 --shard "$i/$n" --resume -o "part.$i.$n"
        done
        cat part.*."$n" | jq -c --slurp 'sort_by(.index)[]' | cmp - <(jq -c . whole)
    done
    head -n 2 part.2.3 >part.2.3.partial
    rm part.2.3
    gen "${OPTIONS[@]}" -s 4 --shard 2/3 --resume -o part.2.3
    [[ $stderr == *"going on after the prompt with index 4,"* ]]
    [ "$(jq -s -c 'map(.index)' part.2.3)" = "[1,4,7,10,13,16,19,22,25,28]" ]
    "$GEN" "${OPTIONS[@]}" -s 4 --shard 1/2 --first-index 5 | jq -s -e 'map(.index)[0:2] == [6, 8]'
    for shard in 0/3 4/3 1 1/0 /3 1/ a/b -1/3 1/2/3 1/99999999; do
        gen "${OPTIONS[@]}" "--shard=$shard"
        refused 2 "--shard: \"$shard\" is not I/N"
    done
    gen --shard 1/2 Hi
    refused 2 "--shard needs many prompts"
}

@test "--resume: answers of another --shard or --first-index are refused, as prompts would be left out" {
    no() {
        cp "$1" kept
        gen "${OPTIONS[@]}" -s 4 "${@:2}" --resume -o "$1"
        refused 2 "$1: was made with another --shard or --first-index, or lacks records"
        cmp kept "$1"
    }
    "$GEN" "${OPTIONS[@]}" -s 4 --shard 2/4 -o part
    no part
    no part --shard 1/4
    no part --shard 2/3
    no part --shard 2/2
    "$GEN" "${OPTIONS[@]}" -s 4 -o out
    no out --shard 1/2
    no out --first-index 31
    sed 4d out >lacks
    no lacks
    sed 1d out >later
    no later
    no later --shard 1/1
    # A list that was cut where the answers end, or before, goes on.
    "$GEN" -n 8 --lines --json --no-timings --first-index 30 -s 4 <list >rest
    for n in 30 20; do
        cp out whole
        { tail -n +$((n + 1)) list && cat list; } | "$GEN" -n 8 --lines --json --no-timings -s 4 --first-index "$n" --resume -o whole
        cat out rest | cmp - whole
    done
}

@test "--resume: a list that ends before its answers do is told, and they stay" {
    "$GEN" "${OPTIONS[@]}" -s 4 -o out
    cp out kept
    head -n 5 list >shorter
    for list in shorter /dev/null; do
        for shard in 1/1 1/2; do
            "$GEN" "${OPTIONS[@]}" -s 4 --shard "$shard" -o part
            last=$(tail -n 1 part | jq .index)
            cp part before
            gen -n 8 --lines --json --no-timings -f "$list" -s 4 -q --shard "$shard" --resume -o part
            echo "$stderr"
            [ "$status" -eq 1 ]
            [ "${stderr_lines[0]}" = "gen: $list: ends before the prompt with index $last, which part answers already: another list? (give another --output, or --first-index if the list was cut)" ]
            cmp before part
            gen "${OPTIONS[@]}" -s 4 -q --shard "$shard" --resume -o part
            [ "$status" -eq 0 ]
            [ -z "$stderr" ]
            cmp before part
            [ ! -e part.partial ]
        done
    done
    # Without its line of names a CSV has nothing, either.
    (echo prompt && cat list) | "$GEN" -n 8 --csv --json --no-timings -s 4 -o answers
    gen_stdin '' -n 8 --csv --json --no-timings -s 4 --resume -o answers
    [ "$status" -eq 1 ]
    [[ $stderr == *"stdin: ends before the prompt with index 28, which answers answers already"* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# --resume of a part of a list, of two files that were left, and of files that are no such thing.

setup() {
    load helper
    seq -f 'line %g' 12 >list
    RUN=(-n 2 -s 4 --lines --json --no-timings -f list)
    "$GEN" "${RUN[@]}" >whole
}

@test "--resume: another shard or another beginning of the list is refused, as prompts would never be answered" {
    "$GEN" "${RUN[@]}" --shard 2/3 -o part
    cp part kept
    for other in '' '--shard 1/3' '--shard 3/3' '--shard 2/2' '--shard 1/1' '--first-index 30' '--shard 2/3 --first-index 30'; do
        # shellcheck disable=SC2086 # several words
        gen "${RUN[@]}" $other --resume -o part
        refused 2 "part: was made with another --shard or --first-index, or lacks records"
        cmp kept part
    done
    "$GEN" "${RUN[@]}" -o all
    gen "${RUN[@]}" --shard 1/2 --resume -o all
    refused 2 "all: was made with another --shard"
    tail -n 5 whole >rest
    gen "${RUN[@]}" --resume -o rest
    refused 2 "rest: was made with another --shard or --first-index"
    sed 5d whole >gap
    gen "${RUN[@]}" --resume -o gap
    refused 2 "gap: was made with another"
}

@test "--resume: a list that comes in parts goes on in one file" {
    head -n 5 list | "$GEN" -n 2 -s 4 --lines --json --no-timings -o out
    tail -n +6 list | "$GEN" -n 2 -s 4 --lines --json --no-timings --first-index 5 --resume -o out
    cmp whole out
    # Parts may overlap.
    head -n 5 whole >out
    tail -n +3 list | "$GEN" -n 2 -s 4 --lines --json --no-timings --first-index 2 --resume -o out
    cmp whole out
}

@test "--resume: of FILE and FILE.partial the one with more answers counts" {
    head -n 7 whole >out
    for n in 0 1 3 9; do
        head -n "$n" whole >out.partial
        gen "${RUN[@]}" --resume -o out
        [ "$status" -eq 0 ]
        [ "$stderr" = "gen: going on after the prompt with index $((n > 7 ? n - 1 : 6)), the last that out$( ((n > 7)) && echo .partial) answers" ]
        cmp whole out
        [ ! -e out.partial ]
        head -n 7 whole >out
    done
    # What is another run's in FILE is replaced in the end, as by every run.
    head -n 3 whole >out.partial
    echo 'My diary.' >out
    gen "${RUN[@]}" --resume -o out
    [[ $stderr == *"index 2, the last that out.partial answers" ]]
    cmp whole out
}

@test "--resume: hostile files are refused, and stay" {
    no() {
        cp "$1" kept
        gen "${RUN[@]}" --resume -o "$1"
        refused 2 "$1: $2"
        cmp kept "$1"
    }
    printf '\xef\xbb\xbf' | cat - whole >marked
    no marked 'does not begin with a record of --json'
    printf '\n' | cat - whole >blank
    no blank 'does not begin with a record'
    head -n 3 whole | tr -d '\n' >line
    echo >>line
    no line 'has a line that is no record'
    for index in -1 1.5 '"0"' null 9223372036854775808; do
        head -n 1 whole | sed "s/\"index\":0/\"index\":$index/" >odd
        no odd 'its records are not in the order'
    done
    head -n 1 whole | sed "s/\"index\":0/\"index\":9007199254740991/" >odd
    no odd 'was made with another --shard'
    head -n 1 whole | sed 's/"run":"[^"]*"/"run":"abc"/' >odd
    no odd 'was made with another model'
    head -c 100000 /dev/zero | tr '\0' '[' >deep
    echo >>deep
    no deep 'does not begin with'
    printf '{"a":%s\n' "$(head -c 100000 /dev/zero | tr '\0' '[')" >deep
    no deep 'has a line that is no record'
    mkfifo out.partial
    gen "${RUN[@]}" --resume -o out
    refused 2 "out.partial: --resume needs a regular file"
    [ -p out.partial ]
    rm out.partial
    ln -s whole out.partial
    gen "${RUN[@]}" --resume -o out
    [ "$status" -eq 1 ]
    [ -L out.partial ]
}

@test "--resume: what a text and its data may hold" {
    # A NUL byte, which the model writes, data as deep as can be read, and a million numbers.
    deep=$(head -c 63 /dev/zero | tr '\0' '[')$(head -c 63 /dev/zero | tr '\0' ']')
    nul=188
    for i in 1 2 3; do printf '{"prompt":"p%d","data":%s,"logit_bias":{"%d":900}}\n' "$i" "$deep" "$nul"; done >deep.jsonl
    "$GEN" -n 2 -s 4 --jsonl --json --no-timings -f deep.jsonl -o whole.jsonl
    grep -q 'u0000' whole.jsonl
    [ "$(jq -c .index whole.jsonl | xargs)" = "0 1 2" ]
    head -n 2 whole.jsonl >out.partial
    gen -n 2 -s 4 --jsonl --json --no-timings -f deep.jsonl --resume -o out
    echo "$stderr"
    [ "$status" -eq 0 ]
    cmp whole.jsonl out
    "$GEN" -n 63 -s 4 --lines --json --no-timings --ignore-eos --logprobs 512 -f list -o whole.long
    [ "$(head -n 1 whole.long | tr -cd , | wc -c)" -gt 130000 ]
    head -n 5 whole.long >long.partial
    gen -n 63 -s 4 --lines --json --no-timings --ignore-eos --logprobs 512 -f list --resume -o long
    [ "$status" -eq 0 ]
    cmp whole.long long
    # Zeros that a disk has left in the middle of a line.
    { head -c 300 whole.jsonl && head -c 4 /dev/zero && tail -c +305 whole.jsonl; } >out
    gen -n 2 -s 4 --jsonl --json --no-timings -f deep.jsonl --resume -o out
    refused 2 "out: has a line that is no record of --json"
}

@test "--resume: a prompt for which there was no memory is answered anew" {
    run=$(jq -r .run whole | head -n 1)
    { head -n 2 whole && echo "{\"index\":2,\"error\":\"out of memory for a batch\",\"run\":\"$run\"}" && sed -n 4,5p whole; } >out
    gen "${RUN[@]}" --resume -o out
    [ "$stderr" = "gen: going on after the prompt with index 1, the last that out answers" ]
    cmp whole out
}

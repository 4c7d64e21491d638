#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Many texts at once, and texts that are guessed ahead: faster, and the same.

setup() {
    load helper
    printf 'line %s\n' $(seq 30) >lines
}

@test "--batch N: the same texts in the same order for every N" {
    "$GEN" -s 3 -n 20 --lines --batch 1 --num-return-sequences 2 <lines >alone
    [ "$(wc -l <alone)" -ge 60 ]
    for n in 2 7 64 1024; do
        "$GEN" -s 3 -n 20 --lines --batch "$n" --num-return-sequences 2 <lines >together
        cmp alone together
    done
    "$GEN" -s 3 -n 20 --lines --num-return-sequences 2 <lines >together
    cmp alone together
}

@test "--batch is from 1 to 1024" {
    for n in 0 1025 -1 x; do
        gen --batch "$n" Hi
        refused 2 "--batch"
    done
}

@test "--kv-type f16: the same texts for every batch and thread count; other names are refused" {
    "$GEN" -s 3 -n 20 --lines --batch 1 --kv-type f16 -t 1 <lines >alone
    "$GEN" -s 3 -n 20 --lines --batch 16 --kv-type f16 -t 2 <lines >together
    cmp alone together
    "$GEN" -s 3 -n 20 --lines --batch 16 <lines >f32
    "$GEN" -s 3 -n 20 --lines --batch 16 --kv-type f32 <lines >named
    cmp f32 named
    "$GEN" -n 1 --save-logits f32.bin Hi >text
    "$GEN" -n 1 --kv-type f16 --save-logits f16.bin Hi >text
    if cmp -s f32.bin f16.bin; then false; fi
    for type in "" q8_0 F64 bf16; do
        gen --kv-type "$type" Hi
        refused 2 "--kv-type"
    done
}

@test "--kv-type f16: a text that overflows it fails, and takes no other with it" {
    cp -r "$BATS_TEST_DIRNAME/../golden/models/base" overflow
    chmod -R u+w overflow
    file=overflow/model.safetensors
    header=$(od -An -tu8 -N8 "$file" | tr -d ' ')
    # One number of all values lies about 65517: tokens decide whether it reaches 65520.
    at=$(tail -c +9 "$file" | head -c "$header" | jq '."h.0.attn.c_attn.bias".data_offsets[0]')
    printf '\x00\xed\x7f\x47' |
        dd of="$file" bs=1 seek=$((8 + header + at + 2 * 64 * 4)) conv=notrunc 2>/dev/null
    printf '%s\n' Once 'the and' of a 'it was' said The And >words
    answer() {
        "$GEN" -m overflow -s 1 -n 12 --ignore-eos --lines --json "$@" <words 2>/dev/null |
            jq -c 'del(.timings, .counts)'
    }
    answer --kv-type f16 --batch 1 --no-speculate >alone
    answer --kv-type f16 --batch 16 >together
    cmp alone together
    grep -q "try f32" alone
    grep -q '"finish_reason":"length"' alone
    answer >f32
    [ "$(grep -c '"finish_reason":"length"' f32)" -eq 8 ]
}

@test "--lines with JSON: index and sequence come in order" {
    gen_stdin 'a\nb c d e f g\n\nc\n' -n 9 --lines --json --num-return-sequences 2
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 8 ]
    for i in 0 1 2 3 4 5 6 7; do
        [[ ${lines[i]} == "{\"index\":$((i / 2)),\"sequence\":$((i % 2)),"* ]]
    done
}

@test "a line that is not whole yet holds up nobody, nor does one that is blank" {
    mkfifo in out
    "$GEN" -n 5 --greedy --ignore-eos --no-echo --jsonl --json <in >out 3>&- &
    exec 5>in 6<out
    printf '{"prompt":"first"}\n{"prompt"' >&5
    read -r -t 20 answer <&6
    [[ $answer == '{"index":0,'*'"prompt":"first"'* ]]
    printf ':"second"}\n\n  \n' >&5
    read -r -t 20 answer <&6
    [[ $answer == '{"index":1,'*'"prompt":"second"'* ]]
    printf '{"prompt":"third"}' >&5
    exec 5>&-
    read -r -t 20 answer <&6
    [[ $answer == '{"index":2,'*'"prompt":"third"'* ]]
    exec 6<&-
    wait $!
}

@test "lines that come while a text is under way are answered in their turn" {
    mkfifo in
    "$GEN" -n 2000 --context slide --ignore-eos -s 1 --lines --json <in >out 3>&- &
    exec 5>in
    for i in 0 1 2 3; do
        echo "line $i" >&5
        sleep 0.1
    done
    exec 5>&-
    wait $!
    printf 'line %s\n' 0 1 2 3 | "$GEN" -n 2000 --context slide --ignore-eos -s 1 --lines --json --batch 1 >alone
    sed 's/,"timings.*//' out >out.texts
    sed 's/,"timings.*//' alone | cmp - out.texts
}

@test "--verbose tells what a batch came to" {
    gen -n 5 --ignore-eos --lines -v -f lines
    [ "$status" -eq 0 ]
    [[ $stderr == *"gen: 30 texts: prompts "*" tokens, new 150 tokens, in "*" new/s in all)" ]]
    gen -n 5 -v Hi
    [[ $stderr != *"in all"* ]]
}

@test "--save-logits: the rows of a batch come in order" {
    "$GEN" -n 3 --ignore-eos -s 1 --lines -f lines --save-logits all >texts
    for i in $(seq 3); do
        head -n "$i" lines | "$GEN" -n 3 --ignore-eos -s 1 --lines --save-logits "upto.$i" >texts
        cmp -n "$(wc -c <"upto.$i")" all "upto.$i"
    done
}

@test "--speculate and --no-speculate: the same text" {
    for options in "--greedy" "-s 1" "-s 2 --temperature 0.3" "-s 3 --num-return-sequences 3"; do
        # shellcheck disable=SC2086 # several words
        "$GEN" --speculate $options -n 300 --ignore-eos --context slide "ab ab ab ab" >with
        # shellcheck disable=SC2086
        "$GEN" --no-speculate $options -n 300 --ignore-eos --context slide "ab ab ab ab" >without
        cmp with without
    done
    gen -n 100 --greedy --ignore-eos --context slide -v "ab ab ab ab"
    [[ $stderr =~ ([0-9]+)\ of\ them\ guessed ]]
    [ "${BASH_REMATCH[1]}" -gt 10 ]
    gen -n 100 --greedy --ignore-eos --context slide -v --no-speculate "ab ab ab ab"
    [[ $stderr == *" 0 of them guessed"* ]]
    gen --speculate --no-speculate Hi
    refused 2 "--no-speculate"
}

@test "Ctrl-C in a batch: the text that streams ends, later ones are not heard of" {
    mkfifo pipe
    cat pipe >out 3>&- &
    reader=$!
    "$GEN" --context slide --ignore-eos --max-length 100000000 --json --lines -f lines 3>&- >pipe 2>stderr &
    pid=$!
    sleep 1
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    wait "$reader"
    [ "$(wc -l <out)" -eq 1 ]
    [[ $(cat out) == '{"index":0,'*'"finish_reason":"canceled",'*'}' ]]
    [ ! -s stderr ]
}

@test "-v: what is the same in two prompts is read once" {
    printf '%s\n' "Once upon a time there was a king" "Once upon a time there was a queen" >two
    gen -n 1 -s 1 --batch 1 --lines -v -f two
    [[ $stderr == *"text 0.0: prompt "*" tokens, 0 of them cached, in "* ]]
    [[ $stderr =~ text\ 1\.0:\ prompt\ ([0-9]+)\ tokens,\ ([0-9]+)\ of\ them\ cached ]]
    [ "${BASH_REMATCH[2]}" -gt 0 ]
    [ "${BASH_REMATCH[2]}" -lt "${BASH_REMATCH[1]}" ]
}

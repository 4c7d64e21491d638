#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them
# gen tokenize: many texts in one run, and where their tokens are

setup() {
    load helper
    command -v jq >/dev/null || skip "jq is missing (make deps)"
}

@test "each line has the ids that it has alone, and the threads do not matter" {
    printf 'Once upon a time\n\n a  b\r\ncaf\303\251 \360\237\230\200\n\377bad\nlast' >lines
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s' "${line%$'\r'}" | "$GEN" tokenize
    done <lines >alone
    "$GEN" tokenize --lines lines >many
    cmp alone many
    [ "$(wc -l <many)" -eq 6 ]
    # Many shares of work, of very different sizes.
    awk 'BEGIN { for (i = 0; i < 12000; i++) { n = i % 977 == 0 ? 400 : i % 5; s = "";
        for (j = 0; j < n; j++) s = s " the king " i * j % 1009; print s } }' >lines
    "$GEN" tokenize --lines -t 1 lines >one
    for n in 2 5; do
        "$GEN" tokenize --lines -t $n <lines | cmp one -
    done
    "$GEN" tokenize --decode --lines -t 3 one | cmp lines -
    "$GEN" tokenize --lines --count lines | awk '{ n += $1 } END { print n }' >count
    [ "$(cat count)" = "$(wc -w <one)" ]
    "$GEN" tokenize --lines --json --offsets -t 1 lines >one.jsonl
    "$GEN" tokenize --lines --json --offsets -t 4 lines | cmp one.jsonl -
    [ "$(jq -r '.ids | join(" ")' one.jsonl | cmp - one && tail -n 1 one.jsonl | jq .index)" = 11999 ]
}

@test "texts with newlines: --null there and back" {
    printf 'a\nb\0\0 c\r\n\0last' >texts
    "$GEN" tokenize --null texts >ids
    [ "$(tr -dc '\0' <ids | wc -c)" -eq 4 ]
    "$GEN" tokenize -d0 ids >back
    printf '\0' | cat texts - | cmp - back
    "$GEN" tokenize -0 --json texts | jq -c '[.index, .n_tokens > 0]' >out
    [ "$(tr '\n' ' ' <out)" = '[0,true] [1,false] [2,true] [3,true] ' ]
}

@test "--jsonl: text, other members, wrong lines" {
    printf '%s\n' '{"id": "x", "text": "a b", "n": [1,  2.50]}' '' '{"prompt": "a"}' \
        '{"text": 5}' '["a"]' 'nope' '{"text": "a\ud83d\ude00b"}' >texts.jsonl
    gen tokenize --jsonl --json texts.jsonl
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 6 ]
    [[ ${lines[0]} == *',"input":{"id":"x","n":[1,2.50]}}' ]]
    [ "$(jq -c 'select(.error == null) | .index' <<<"$output" | tr '\n' ' ')" = "0 5 " ]
    [ "$(jq -r 'select(.index == 1).error' <<<"$output")" = \
        'texts.jsonl: line 3 has no member "text", but "prompt" (--field NAME says which is text)' ]
    [ "${#stderr_lines[@]}" -eq 4 ]
    for line in 3 4 5 6; do
        [[ $stderr == *"gen: texts.jsonl: line $line"[:\ ]* ]]
    done
    ids=$("$GEN" tokenize -p $'a\U0001F600b')
    [ "$(jq -c .ids <<<"${lines[5]}")" = "[${ids// /,}]" ]
    # As text: an empty line in the place of each.
    gen tokenize --jsonl texts.jsonl -o out
    [ "$status" -eq 1 ]
    [ "$(wc -l <out)" -eq 6 ]
    [ "$(sed -n '2,5p' out)" = "" ]
    gen_stdin '{"prompt": "a b"}\n' tokenize --jsonl --field prompt
    [ "$output" = "$("$GEN" tokenize -p 'a b')" ]
}

@test "--decode: many lists of ids" {
    gen_stdin '39 40\n\n[41, 42]\n43 x\n512\n39\n' tokenize --decode --lines
    [ "$status" -eq 1 ]
    [ "$output" = $'HI\n\nJK\n\n\nH' ]
    [[ $stderr == *'stdin: line 4: "x" at byte 3 is not a token id'* ]]
    [[ $stderr == *'stdin: line 5: token id 512 is out of range'* ]]
    gen_stdin '{"ids": [39, 40], "id": 1}\n{"ids": "39"}\n{"ids": [[39]]}\n' tokenize --decode --jsonl --json
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = '{"index":0,"text":"HI","input":{"id":1}}' ]
    [[ ${lines[1]} == '{"index":1,"error":"stdin: line 2 has a member'*'must be an array of ids, but is text"}' ]]
    [[ ${lines[2]} == '{"index":2,"error":"stdin: line 3: '*'is not a token id'* ]]
    gen_stdin '39 40' tokenize --decode --json
    [ "$output" = '{"text":"HI"}' ]
    # What gen tokenize wrote is read again.
    printf 'a b\n\nc\n' >lines
    "$GEN" tokenize --lines --json lines | "$GEN" tokenize --decode --jsonl | cmp lines -
}

@test "offsets, in characters and in bytes" {
    gen tokenize --json --offsets --special -p $'\U1F600 \U4F60!<|endoftext|>'
    jq -e '(.offsets | length) == .count and .offsets[0] == [0, 1] and .offsets[-1] == [4, 17] and
        .byte_offsets[0] == [0, 1] and .byte_offsets[-1] == [9, 22] and .ids[-1] == 511' <<<"$output"
    # Bytes follow each other; the bytes of each are the token's.
    jq -e '[.byte_offsets, .bytes] | transpose | all(.[0][1] - .[0][0] == (.[1] | length))' <<<"$output"
    text=$'\U1F600 a'
    [ "$("$GEN" tokenize --json --return_offsets_mapping -p "$text")" = \
        "$("$GEN" tokenize --json --offsets -p "$text")" ]
    gen tokenize --show-count -p a
    refused 2 "--count"
    gen tokenize --offsets -p a
    refused 2 "--offsets needs --json"
    gen tokenize --field a -p a
    refused 2 "--field needs --jsonl"
    for other in --lines --jsonl --null; do
        gen tokenize $other -p a
        refused 2 "--prompt"
    done
}

@test "who writes a line is answered before the next" {
    coproc "$GEN" tokenize --lines
    for text in "the king" "" "a"; do
        echo "$text" >&"${COPROC[1]}"
        read -r -t 20 ids <&"${COPROC[0]}"
        [ "$ids" = "$("$GEN" tokenize -p "$text")" ]
    done
}

@test "files: one that is missing, one that ends early, the output" {
    gen tokenize --lines nosuch
    refused 1 "nosuch: No such file or directory"
    [[ $stderr != *"-p"* ]]
    mkdir directory
    echo before >out
    gen tokenize --lines -o out directory
    refused 1 "directory: Is a directory"
    [ "$(cat out)" = before ]
    printf '\377\376a\0' >utf16
    gen tokenize --lines -o out utf16
    refused 1 "utf16: is UTF-16 text"
    [ "$(cat out)" = before ]
    printf '' >empty
    gen tokenize --lines -o out empty
    [ "$status" -eq 0 ]
    [ ! -s out ]
    [ ! -w /dev/full ] || {
        echo a >a
        gen tokenize --lines -o /dev/full a
        refused 1 "/dev/full"
    }
}

@test "memory does not grow with the file" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers take memory of their own"
    peak() {
        "$GEN" tokenize --lines -t 2 "$1" >/dev/null &
        local pid=$! most=0 now
        while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
            most=$now
            sleep 0.01
        done
        wait "$pid"
        echo "$most"
    }
    [ -r /proc/self/status ] || skip "no /proc"
    # 24 MB; what is there of it at a time is less than 8.
    yes 'Once upon a time there was a king who had a son.' | head -n 500000 >large
    large=$(peak large)
    echo "$large KiB"
    [ "$large" -lt 16384 ]
}

@test "many texts are not read from where their ids go" {
    printf 'a\nb\n' >texts
    for input in '<texts' texts; do
        run --separate-stderr bash -c 'ulimit -f 100; timeout 5 "$0" tokenize --lines '"$input"' >>texts' "$GEN"
        refused 1 "stdout: would be overwritten while it is read"
    done
    gen tokenize --lines -o texts texts
    refused 1 "texts: would be overwritten while it is read"
    [ "$(cat texts)" = $'a\nb' ]
    # One text is read before.
    gen tokenize -o texts texts
    [ "$status" -eq 0 ]
    [ "$(wc -l <texts)" -eq 1 ]
}

#!/usr/bin/env bats
# Text files as people have them: byte order marks, UTF-16, ends of lines, JSON with halves of
# surrogate pairs. What is right is what the same text gives without them.

setup() {
    load helper
    MARK=$'\xef\xbb\xbf'
}

# ids FILE ARGUMENTS: of the first prompt in FILE
ids_of() {
    gen -n 0 --json -f "$@"
    [ "$status" -eq 0 ]
    ids=$(member ids "${lines[0]}")
}

@test "a byte order mark in front of prompts is no text" {
    printf 'the king\nthe queen\n' >plain.txt
    printf '%sthe king\nthe queen\n' "$MARK" >marked.txt
    for option in --lines --null --top-k=5; do
        ids_of plain.txt "$option"
        plain=$ids
        ids_of marked.txt "$option"
        [ "$ids" = "$plain" ]
    done
    printf '%s{"prompt":"the king"}\n' "$MARK" >marked.jsonl
    ids_of plain.txt --lines
    plain=$ids
    ids_of marked.jsonl --jsonl
    [ "$ids" = "$plain" ]
}

@test "tokenize passes over the mark of a file, also in pieces, and keeps that of a prompt" {
    run "$GEN" tokenize -p 'the king'
    plain=$output
    run bash -c '(printf "\xef"; sleep 0.1; printf "\xbb\xbfthe king") | "$1" tokenize' - "$GEN"
    [ "$output" = "$plain" ]
    run "$GEN" tokenize -p "${MARK}the king"
    [ "$output" != "$plain" ]
    printf '\xef\xbb' >part
    run bash -c '"$1" tokenize part | "$1" tokenize -d | cmp - part' - "$GEN"
    [ "$status" -eq 0 ]
}

@test "the first of the bad words is forbidden behind a mark" {
    gen -n 1 --greedy --no-echo 'the king'
    word=$output
    printf '%s%s\r\n' "$MARK" "$word" >marked
    gen -n 1 --greedy --no-echo --bad-words marked 'the king'
    [ "$status" -eq 0 ]
    [ "$output" != "$word" ]
}

@test "UTF-16 is refused by name, and what makes UTF-8 of it is said" {
    for mark in '\xff\xfe' '\xfe\xff'; do
        gen_stdin "${mark}t\0"
        refused 1 'stdin: is UTF-16 text, but must be UTF-8 (iconv -f UTF-16'
        gen_stdin "${mark}t\0\n" --lines
        refused 1 'is UTF-16 text'
    done
    gen_stdin 't\xff\xfe' -n 0
    [ "$status" -eq 0 ]
}

@test "half a surrogate pair in a line of JSON is U+FFFD, a whole one its character" {
    gen_stdin '{"prompt":"a\\ud800b\\ude00\\\\\\\\ud800"}\n{"prompt":"a\xef\xbf\xbdb\xef\xbf\xbd\\\\\\\\ud800"}\n{"prompt":"\\ud83d\\ude00"}\n{"prompt":"\xf0\x9f\x98\x80"}\n' \
        --jsonl -n 0 --json
    [ "$status" -eq 0 ]
    [ "$(member ids "${lines[0]}")" = "$(member ids "${lines[1]}")" ]
    [ "$(member ids "${lines[2]}")" = "$(member ids "${lines[3]}")" ]
}

@test "an array where lines of JSON must be says how lines are made of it" {
    gen_stdin '[{"prompt":"a"}]\n' --jsonl -n 0
    [ "$status" -eq 1 ]
    [[ $stderr == *"jq -c '.[]'"* ]]
}

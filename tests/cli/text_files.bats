#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # bats and helper.bash set them
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

@test "the first of the bad words is forbidden after a mark" {
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

@test "UTF-16 is refused by every reader of text" {
    printf '\xff\xfet\0h\0e\0' >wide.txt
    printf '\xfe\xff\0{' >wide.jsonl
    printf '{"prompt":"a","completion":"b"}\n' >pairs.jsonl
    printf 'the king\n' >plain.txt
    while read -r arguments; do
        # shellcheck disable=SC2086 # several words
        gen $arguments
        refused 1 "is UTF-16 text, but must be UTF-8 (iconv -f UTF-16"
    done <<END
-f wide.txt
--lines -f wide.txt
--null -f wide.txt
--jsonl -f wide.jsonl
--bad-words wide.txt Hi
tokenize wide.txt
tokenize --count wide.txt
tokenize --decode wide.txt
vocab -q --size 300 -o v wide.txt
vocab -q --size 300 -o v wide.jsonl
train -q --vocab $MODEL -o a.gguf wide.txt
train -q --vocab $MODEL -o a.gguf wide.jsonl
train -q --vocab $MODEL -o a.gguf --valid wide.txt plain.txt
finetune -q -m $MODEL -o a.gguf wide.jsonl
finetune -q -m $MODEL -o a.gguf --valid wide.jsonl pairs.jsonl
END
    run bash -c '"$0" tokenize <wide.txt 2>&1' "$GEN"
    [[ $output == "gen: stdin: is UTF-16"* ]]
    [ ! -e a.gguf.state ]
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

# same_vocabulary FILE OPTIONS: that of FILE is that of plain.txt
same_vocabulary() {
    gen vocab -q --size 300 -o plain plain.txt
    gen vocab -q --size 300 -o other "$@"
    echo "$stderr"
    [ "$status" -eq 0 ]
    cmp plain/vocab.json other/vocab.json
    cmp plain/merges.txt other/merges.txt
}

@test "vocab reads what train reads: marks, JSON lines, separators anywhere" {
    printf 'the king and the queen\nthe king\n' >plain.txt
    printf '%sthe king and the queen\nthe king\n' "$MARK" >marked.txt
    same_vocabulary marked.txt
    printf '%s{"text":"the king and the queen"}\n\n{"text":"the king","n":1}\n' "$MARK" >a.JSONL
    same_vocabulary a.JSONL
    printf '{"t":"the king and the queen<|endoftext|>the king"}\n' >a.json
    same_vocabulary --field t a.json
    printf 'the king and the queen<|endoftext|>the king\n' >inside.txt
    same_vocabulary inside.txt
    printf '[{"text":"a"}]' >array.json
    gen vocab -q --size 300 -o third array.json
    refused 1 "array.json: line 1 is an array"
    [ ! -e third ]
    printf '\xff\xfea\0' >wide.txt
    gen vocab -q --size 300 -o third wide.txt
    refused 1 "iconv -f UTF-16"
}

@test "train and finetune say what to do about pipes" {
    gen train -q -o a.gguf -
    refused 2 "-: is stdin, but train reads its data again when it is resumed: save them to a file"
    mkfifo pipe
    for command in train finetune; do
        gen "$command" -q -o a.gguf pipe
        refused 2 "pipe: is a pipe or a device, but $command reads"
        printf 'x\n' >x.jsonl
        gen "$command" -q -o a.gguf --valid - x.jsonl
        refused 2 "is stdin"
    done
    [ ! -e a.gguf.state ]
}

@test "a run counts its documents, and a resumed one does not believe other ids" {
    printf '%s' "$MARK" >t.txt
    for i in $(seq 200); do printf 'the king %s<|endoftext|>and the queen\n' "$i" >>t.txt; done
    train() {
        gen train --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 16 --n-ctx 16 -b 32 -o "$@" t.txt
        [ "$status" -eq 0 ]
    }
    train whole.gguf --steps 4
    [[ $stderr == *" in 201 documents"* ]]
    train a.gguf -q --steps 2
    cache=$(echo a.gguf.tokens-*)
    cp "$cache" good
    # Other ids in an intact file: the digests are no secret.
    python3 - "$cache" <<'P'
import struct, sys
def digest(b):
    M, s = (1 << 64) - 1, 0
    step = lambda s, w: (lambda t: t ^ (t >> 29))(((s ^ w) * 0x9E3779B97F4A7C15) & M)
    for i in range(0, len(b) // 8 * 8, 8):
        s = step(s, struct.unpack_from("<Q", b, i)[0])
    return step(step(step(s, int.from_bytes(b[len(b) // 8 * 8:].ljust(8, b"\0"), "little")), len(b)), 0)
d = open(sys.argv[1], "rb").read()
body, n = bytearray(d[:-40]), struct.unpack_from("<Q", d, len(d) - 40)[0]
assert digest(bytes(body)) == struct.unpack_from("<Q", d, len(d) - 32)[0]
body[: 2 * n] = b"\x05\0" * n
open(sys.argv[1], "wb").write(bytes(body) + d[-40:-32] + struct.pack("<Q", digest(bytes(body))) + d[-24:])
P
    run ! cmp "$cache" good
    train a.gguf -q --steps 4 --resume
    cmp "$cache" good
    cmp a.gguf.state whole.gguf.state
}

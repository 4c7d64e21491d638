#!/usr/bin/env bats
# What becomes of files that gen writes: what was there before, links, modes, what is left of a run
# that is cut off.

load helper

setup() {
    # Where another user may go as well.
    work=$(mktemp -d)
    chmod 777 "$work"
    cd "$work" || return 1
    echo old >keep.txt
}

teardown() {
    rm -rf "$work"
}

# The only files here are those named.
only() {
    [ "$(ls -A | tr '\n' ' ')" = "$*  " ] || [ "$(ls -A | tr '\n' ' ')" = "$* " ] || {
        ls -lA
        return 1
    }
}

@test "-o keeps what a file had until a whole text replaces it" {
    run "$GEN" --prompt-ids 99999 -o keep.txt
    [ "$status" -eq 1 ]
    [ "$(cat keep.txt)" = old ]
    run "$GEN" -p "$(yes word | head -n 3000)" -o keep.txt
    [ "$status" -eq 1 ]
    [ "$(cat keep.txt)" = old ]
    run "$GEN" tokenize -d -p 99999 -o keep.txt
    [ "$status" -eq 1 ]
    [ "$(cat keep.txt)" = old ]
    only keep.txt
    "$GEN" -n 5 --seed 1 -o keep.txt "The king"
    [ "$(cat keep.txt)" = "$("$GEN" -n 5 --seed 1 "The king")" ]
    only keep.txt
}

@test "what an interrupted run has made is kept under another name, and said" {
    for signal in INT TERM; do
        "$GEN" -n 100000 --context slide --ignore-eos --seed 3 -o keep.txt "The fox" 2>err &
        sleep 0.5
        kill -$signal $!
        wait $! && false
        [ "$(cat keep.txt)" = old ]
        [ -s keep.txt.partial ]
        grep -q 'keep.txt: not whole, so it stays as it was; .* in keep.txt.partial$' err
        [ "$(wc -l <err)" -eq 1 ]
        rm keep.txt.partial err
    done
    # Killed, it has no time to say anything; the next run sweeps what it left.
    "$GEN" -n 100000 --context slide --ignore-eos --seed 3 -o keep.txt "The fox" 2>err &
    sleep 0.4
    kill -KILL $!
    wait $! && false
    [ "$(cat keep.txt)" = old ]
    ls .gen-*.tmp
    "$GEN" -n 3 -o other.txt "The fox"
    only err keep.txt other.txt
}

@test "links are followed, in convert as in -o" {
    mkdir sub
    ln -s keep.txt link
    ln -s sub/new.gguf dangling
    ln -s circle circle
    "$GEN" -n 3 --seed 1 -o link hi
    "$GEN" convert -q tales-6m dangling --type q4_0
    [ -L link ] && [ -L dangling ] && [ -f sub/new.gguf ]
    [ "$(cat keep.txt)" = "$("$GEN" -n 3 --seed 1 hi)" ]
    for command in "-n 3 hi -o" "convert -q tales-6m"; do
        # shellcheck disable=SC2086 # words
        run "$GEN" $command circle
        [ "$status" -eq 1 ]
        [ "$output" = "gen: circle: cannot create: Too many levels of symbolic links" ]
        # shellcheck disable=SC2086
        run "$GEN" $command sub
        [ "$status" -eq 1 ]
    done
    only circle dangling keep.txt link sub
}

@test "a file that is replaced hands on its mode; one that may not be written is refused" {
    : >m.gguf
    chmod 600 keep.txt
    chmod 664 m.gguf
    "$GEN" -n 3 -o keep.txt hi
    "$GEN" convert -q tales-6m m.gguf --type q4_0
    [ "$(ls -l keep.txt | cut -c 1-10)" = -rw------- ]
    [ "$(ls -l m.gguf | cut -c 1-10)" = -rw-rw-r-- ]
    # root may write anything
    if [ "$(id -u)" -eq 0 ]; then
        command -v setpriv >/dev/null || skip "no setpriv here"
        as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    fi
    chmod 444 keep.txt m.gguf
    cp keep.txt before
    for command in "-n 3 hi -o keep.txt" "convert -q tales-6m m.gguf"; do
        # shellcheck disable=SC2086
        run ${as:-} "$GEN" $command
        [ "$status" -eq 1 ]
        [[ "$output" == *": cannot write: Permission denied" ]]
    done
    cmp keep.txt before
}

@test "names that are too long are refused before any work" {
    echo '{"prompt": "a", "completion": "b"}' >p.jsonl
    name=$(printf '%0250d' 0)
    run "$GEN" finetune -m tales-6m -q -o "$name" p.jsonl
    [ "$status" -eq 1 ]
    [[ "$output" == *".state: the name has 256 bytes, 255 are the most here"* ]]
    name=$(printf '%0240d' 0)
    run "$GEN" train -q -o "$name" keep.txt
    [ "$status" -eq 1 ]
    [[ "$output" == *"the name has 264 bytes"* ]]
    only keep.txt p.jsonl
}

@test "a reader that does not read keeps nobody from ending" {
    mkfifo pipe
    sleep 8 <pipe &
    reader=$!
    # The pipe takes 64 KB, then nothing.
    "$GEN" -n 1000000 --context slide --ignore-eos --seed 1 hi >pipe &
    writer=$!
    sleep 2
    kill -TERM $writer
    status=0
    wait $writer || status=$?
    [ "$status" -eq 143 ]
    # It is still there: so it was not the closed pipe that ended the writer.
    kill $reader
}

@test "a model that is cut while in use ends with a line, and leaves nothing" {
    "$GEN" convert -q tales-6m m.gguf --type f32
    mkdir out
    for _ in 1 2 3; do
        cp m.gguf cut.gguf
        "$GEN" -m cut.gguf -n 100000 --context slide --ignore-eos -q -o out/o.txt hi 2>err &
        sleep 0.4
        : >cut.gguf
        # It may be over only when it next looks at the file.
        sleep 0.3
        kill -TERM $! 2>/dev/null || true
        status=0
        wait $! || status=$?
        [ "$status" -eq 1 ] || [ "$status" -eq 143 ]
        [ "$status" -ne 1 ] || [ "$(cat err)" = "gen: a file became shorter while it was in use" ]
        rm -f out/o.txt.partial
        [ -z "$(ls -A out)" ]
    done
}

@test "descriptors of the shell are written as they come" {
    [ "$("$GEN" -n 3 --seed 1 hi -o /dev/stdout)" = "$("$GEN" -n 3 --seed 1 hi)" ]
    "$GEN" -n 3 --seed 1 hi -o /dev/stdout >all.txt
    [ "$(cat all.txt)" = "$("$GEN" -n 3 --seed 1 hi)" ]
    "$GEN" -n 3 hi -o /dev/null
    mkfifo pipe
    cat pipe >out &
    "$GEN" -n 3 --seed 1 hi -o pipe
    wait $!
    cmp out all.txt
    run "$GEN" convert -q tales-6m /dev/stdout
    [ "$status" -eq 1 ]
}

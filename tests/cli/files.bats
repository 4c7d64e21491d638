#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094,SC2153,SC2154,SC2217 # scripts in quotes; set by bats and helper.bash
# What happens to the files that are written: links, modes, names, interruptions, full pipes.

setup() {
    load helper
    TEXT=$ROOT/tests/golden/train/text.txt
    SHAPE=(--vocab "$MODEL" --n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64)
    printf '{"prompt":"a","completion":" b"}\n' >pairs.jsonl
}

# as_nobody COMMAND: run it as a user without rights, in a directory that everybody may write.
as_nobody() {
    if [ "$(id -u)" -ne 0 ]; then
        run --separate-stderr "$@"
        return
    fi
    command -v setpriv >/dev/null || skip "no setpriv to become another user"
    chmod 777 .
    cp "$GEN" gen-of-all
    [ "$1" != "$GEN" ] || { shift && set -- ./gen-of-all "$@"; }
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# No temporary file is left in the current directory.
nothing_left() {
    [ -z "$(find . -name '.gen-*' -o -name '*.partial')" ]
}

# Wait until a command succeeds.
wait_until() {
    for _ in $(seq 400); do
        "$@" && return
        sleep 0.02
    done
    return 1
}

has_lines() {
    [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

# LeakSanitizer traces the process itself, so it cannot do so under strace.
without_leak_check() {
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
}

@test "every command writes through symbolic links" {
    mkdir disk vocabulary
    for name in model.gguf tuned.gguf tuned.gguf.state text ids log.jsonl curve.svg; do
        ln -s "disk/$name" "$name"
    done
    ln -s ../disk/merges vocabulary/merges.txt
    echo old >disk/text
    "$GEN" convert -q "$MODEL" model.gguf
    "$GEN" finetune -q -m "$MODEL" -o tuned.gguf --steps 1 --metrics log.jsonl --svg curve.svg pairs.jsonl
    "$GEN" -n 1 -o text Hello
    "$GEN" tokenize -o ids -p Hello
    "$GEN" vocab -q --size 260 -o vocabulary "$TEXT"
    for name in model.gguf tuned.gguf tuned.gguf.state text ids log.jsonl curve.svg; do
        [ -L "$name" ]
        [ -s "disk/$name" ]
    done
    [ -L vocabulary/merges.txt ]
    [ -s disk/merges ]
    [ "$(head -c 5 disk/text)" = Hello ]
    ln -s b a
    ln -s a b
    gen -n 1 -o a Hello
    refused 1 "symbolic links"
    gen convert "$MODEL" a
    refused 1 "symbolic links"
    nothing_left
}

@test "a file that is replaced keeps its mode" {
    for mode in 600 664; do
        for name in model.gguf text log.jsonl tuned.gguf tuned.gguf.state; do
            echo old >"$name"
            chmod "$mode" "$name"
        done
        rm tuned.gguf.state
        "$GEN" convert -q "$MODEL" model.gguf
        "$GEN" -n 1 -o text Hello
        "$GEN" finetune -q -m "$MODEL" -o tuned.gguf --steps 1 --metrics log.jsonl pairs.jsonl
        chmod "$mode" tuned.gguf.state
        "$GEN" finetune -q -m "$MODEL" -o tuned.gguf --steps 2 --resume pairs.jsonl
        [ "$(stat -c %a model.gguf text log.jsonl tuned.gguf tuned.gguf.state | uniq)" = "$mode" ]
        rm tuned.gguf.state
    done
}

@test "what open(2) would not let be written is refused, by every command" {
    for name in m.gguf text; do
        echo old >"$name"
        chmod 444 "$name"
    done
    as_nobody "$GEN" convert -q "$MODEL" m.gguf
    [[ $output$stderr != *"odel"*"ermission"* ]] || skip "the model cannot be read by everybody"
    refused 1 "m.gguf: cannot write: Permission denied"
    as_nobody "$GEN" finetune -q -m "$MODEL" -o m.gguf pairs.jsonl
    refused 1 "m.gguf: cannot write: Permission denied"
    as_nobody "$GEN" -m "$MODEL" -n 1 -o text Hello
    refused 1 "text: cannot write: Permission denied"
    as_nobody "$GEN" tokenize -m "$MODEL" -o text -p Hello
    refused 1 "text: cannot write: Permission denied"
    [ "$(cat m.gguf text)" = $'old\nold' ]
    mkdir closed
    chmod 555 closed
    as_nobody "$GEN" vocab -q --size 260 -o closed/v "$TEXT"
    refused 1 "closed/v: cannot make the directory: Permission denied"
    chmod 755 closed
    nothing_left
}

@test "names that are too long are refused before any work, by the name that is" {
    name=$(printf 'n%.0s' $(seq 250))
    gen finetune -m "$MODEL" -o "$name" --metrics m.jsonl pairs.jsonl
    refused 1 ".state: cannot write: File name too long"
    gen train -o "${name:10}" "${SHAPE[@]}" --metrics m.jsonl "$TEXT"
    refused 1 ".tokens-0123456789abcdef: cannot write: File name too long"
    gen -n 1 --lines -o "$name" <pairs.jsonl
    refused 1 ".partial: cannot create: File name too long"
    gen train -o m.gguf "${SHAPE[@]}" --svg "$name$name" "$TEXT"
    refused 1 "cannot write: File name too long"

    [ "$(find . -type f ! -name 'separate-*')" = ./pairs.jsonl ]
    gen convert -q "$MODEL" "${name}12345"
    [ "$status" -eq 0 ]
}

@test "a failed start leaves nothing" {
    gen train -o m.gguf "${SHAPE[@]}" --svg nowhere/m.svg "$TEXT"
    refused 1 "nowhere/m.svg: cannot create: No such file"
    gen train -o m.gguf "${SHAPE[@]}" --metrics nowhere/m.jsonl "$TEXT"
    refused 1 "nowhere/m.jsonl: cannot create: No such file"
    gen vocab -o nowhere/v "$TEXT"
    refused 1 "nowhere/v: cannot make the directory: No such file"
    gen vocab -o v nowhere.txt
    refused 1 "nowhere.txt: No such file"

    [ "$(find . -type f ! -name 'separate-*')" = ./pairs.jsonl ]
    [ ! -e v ]
    mkdir -p v/merges.txt
    gen vocab -o v "$TEXT"
    refused 1 "v/merges.txt: exists and is not a regular file"
    # Two names of one file that is not there yet.
    gen train -o m.gguf "${SHAPE[@]}" --svg m.svg --metrics ./m.svg "$TEXT"
    refused 2 "one file"
    gen -n 1 -o out --save-logits ./out Hello
    refused 1 "one file"
    [ ! -e out ]
}

@test "convert and vocab remove what killed processes left" {
    mkdir v
    for directory in . v; do
        echo half >"$directory/.gen-0123456789abcdef.tmp"
    done
    "$GEN" convert -q "$MODEL" m.gguf
    "$GEN" vocab -q --size 260 -o v "$TEXT"
    nothing_left
    echo half >.gen-0123456789abcdef.tmp
    "$GEN" -n 1 -o text Hello
    nothing_left
}

@test "a file that is renamed late is no left-over to others" {
    command -v strace >/dev/null || skip "no strace to hold up a rename"
    strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
    without_leak_check
    strace -f -o /dev/null -e trace=rename -e inject=rename:delay_enter=1500000 \
        "$GEN" convert -q "$MODEL" slow.gguf 3>&- &
    job=$!
    wait_until eval '[ -n "$(find . -name ".gen-*.tmp" -size +100k)" ]'
    sleep 0.3
    "$GEN" train -q -o other.gguf "${SHAPE[@]}" --steps 1 "$TEXT"
    wait "$job"
    "$GEN" inspect slow.gguf >/dev/null
}

@test "-o keeps what was there when nothing is written" {
    echo precious >text
    gen --prompt-ids 999999 -o text
    refused 1 "999999"
    gen --prompt-ids 999999 --json -o text
    refused 1 "999999"
    gen -n 2 -o text "$(printf 'a%.0s' $(seq 300))"
    refused 1 "context"
    gen -n 2 --save-logits text --prompt-ids 999999
    [ "$status" -eq 1 ]
    gen -n 2 -o text --save-logits nowhere/logits Hello
    refused 1 "nowhere/logits"
    gen tokenize -o text nowhere.txt
    [ "$status" -eq 1 ]
    [ "$(cat text)" = precious ]
    nothing_left
}

@test "-o onto the prompt's own file, and >> onto it" {
    echo Hello >story
    "$GEN" -n 0 -f story -o story
    [ "$(cat story)" = $'Hello' ]
    "$GEN" -n 0 -f story >>story
    [ "$(cat story)" = $'Hello\nHello' ]
    "$GEN" tokenize -o story story
    [ "$(cat story)" = "$(printf 'Hello\nHello\n' | "$GEN" tokenize)" ]
}

@test "-o writes through to pipes, devices and stdout" {
    mkfifo pipe
    cat pipe >got 3>&- &
    "$GEN" -n 0 -o pipe Hello
    wait $!
    [ "$(cat got)" = Hello ]
    [ -p pipe ]
    echo before >log
    "$GEN" -n 0 -o /dev/stdout Hello >>log
    [ "$(cat log)" = $'before\nHello' ]
    "$GEN" -n 0 -o /dev/null Hello
    [ "$("$GEN" -n 0 -o /dev/stdout Hello | cat)" = Hello ]
}

@test "a text that is cut off never bears its name" {
    for pair in INT:130 TERM:143 KILL:137; do
        echo precious >text
        "$GEN" --context slide --ignore-eos --max-length 100000000 -o text Hello 2>said 3>&- &
        job=$!
        wait_until eval '[ -n "$(find . -name ".gen-*.tmp")" ]'
        sleep 0.1
        kill -"${pair%:*}" "$job"
        status=0
        wait "$job" || status=$?
        [ "$status" -eq "${pair#*:}" ]
        [ "$(cat text)" = precious ]
        if [ "$status" -ne 137 ]; then
            [ "$(cat said)" = "gen: text: not written, as the run was interrupted" ]
            nothing_left
        fi
    done
}

@test "what a batch has done so far is in FILE.partial" {
    mkfifo lines
    for name in INT TERM KILL; do
        echo precious >out
        rm -f out.partial # whose lines would be taken for this one's
        "$GEN" --lines --json -n 3 -o out <lines 2>said 3>&- &
        job=$!
        exec 5>lines
        printf 'one\ntwo\n' >&5
        wait_until has_lines out.partial 2
        # Nobody else may write it meanwhile.
        gen --lines -n 1 -o out <pairs.jsonl
        refused 1 "out.partial"
        kill -"$name" "$job"
        wait "$job" || true
        exec 5>&-
        [ "$(cat out)" = precious ]
        [ "$(wc -l <out.partial)" -eq 2 ]
        [ "$(tail -c 2 out.partial)" = "}" ]
    done
    # The text that was under way when Ctrl-C came is left out.
    "$GEN" --jsonl --context slide --ignore-eos --max-length 100000000 -o out <lines 2>said 3>&- &
    job=$!
    exec 5>lines
    echo '{"prompt": "one"}' >&5
    sleep 0.5
    kill -INT "$job"
    wait "$job" || true
    exec 5>&-
    [ "$(cat said)" = "gen: out: not written, as the run was interrupted" ]
    [ ! -e out.partial ]
    [ "$(cat out)" = precious ]
    printf 'one\ntwo\n' | "$GEN" --lines --json -n 3 -o out
    [ "$(wc -l <out)" -eq 2 ]
    nothing_left
}

@test "a batch says where the texts are that it had" {
    mkfifo lines
    "$GEN" --lines -n 3 -o out --save-logits logits <lines 2>said 3>&- &
    job=$!
    exec 5>lines
    echo one >&5
    wait_until has_lines out.partial 1
    kill -INT "$job"
    wait "$job" || true
    exec 5>&-
    grep -q '^gen: out: not written; the texts that are whole are in out.partial$' said
    grep -q '^gen: logits: not written; the texts that are whole are in logits.partial$' said
    [ "$(($(stat -c %s logits.partial) % 2048))" -eq 0 ]
    [ ! -e out ]
}

@test "a disk that is full leaves the old file" {
    for size in 50 100; do
        echo precious >out
        run --separate-stderr bash -c 'ulimit -f "$1"; shift; exec "$0" "$@"' "$GEN" "$size" \
            -n 60 --ignore-eos --save-logits logits -o out Hello
        refused 1 "cannot write: File too large"
        [ "$(cat out)" = precious ]
        [ ! -e logits ]
        nothing_left
    done
    if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
        without_leak_check
        for fault in write:error=ENOSPC fsync:error=EIO rename:error=EXDEV fchmod:error=EPERM; do
            echo precious >out
            # Not the loader's writes: it has none; nor is stderr, as the fault comes once.
            run --separate-stderr strace -f -o /dev/null -e trace="${fault%%:*}" \
                -e inject="$fault":when=1 "$GEN" -n 2 -o out Hello
            refused 1 "out: cannot"
            [ "$(cat out)" = precious ]
            nothing_left
        done
        # A file that is mounted by itself, as containers do, cannot be renamed over.
        printf '%0200d\n' 0 >out
        strace -f -o /dev/null -e trace=rename -e inject=rename:error=EBUSY "$GEN" -n 0 -o out Hello
        [ "$(cat out)" = Hello ]
        nothing_left
        # A signal in the middle of a write costs nothing.
        strace -f -o /dev/null -e trace=write -e inject=write:error=EINTR:when=1 "$GEN" -n 0 -o out Hello
        [ "$(cat out)" = Hello ]
    fi
}

@test "metrics are there line by line, and a resumed run keeps them" {
    options=("${SHAPE[@]}" --steps 100000000 --checkpoint-every 10 "$TEXT")
    for _ in 1 2; do
        before=$([ ! -e m.jsonl ] || grep -c . m.jsonl || true)
        "$GEN" train -q -o m.gguf --resume --metrics m.jsonl --svg m.svg "${options[@]}" 3>&- &
        job=$!
        wait_until has_lines m.jsonl $((${before:-0} + 15))
        wait_until test -s m.svg
        [ "$(tail -n 1 m.svg)" = "</svg>" ]
        kill -KILL "$job"
        wait "$job" || true
    done
    # Steps follow each other without a gap or a repetition.
    steps=$(grep -o '^{"step":[0-9]*' m.jsonl | cut -d : -f 2)
    [ "$(echo "$steps" | sort -nu | tail -n 1)" -eq "$(echo "$steps" | wc -l)" ]
    # A start that is refused leaves them, and the curve; so does a disk that is full.
    cp m.jsonl kept
    cp m.svg kept.svg
    run bash -c 'ulimit -f 1; exec "$0" train -q -o m.gguf --resume --metrics m.jsonl --svg m.svg "$@"' \
        "$GEN" "${options[@]}"
    [ "$status" -eq 1 ]
    cmp m.jsonl kept
    cmp m.svg kept.svg
    gen train -q -o n.gguf --metrics m.jsonl --svg m.svg "${SHAPE[@]}" nowhere.txt
    [ "$status" -eq 1 ]
    cmp m.jsonl kept
    [ "$(tail -n 1 m.svg)" = "</svg>" ]
}

# stuck COMMAND...: run it with stdout and stderr on a pipe that nobody reads, TERM it, and have the
# exit status in $status, which is 99 if it goes on.
stuck() {
    mkfifo full
    sleep 30 <full 3>&- &
    reader=$!
    "$@" >full 2>&1 3>&- &
    job=$!
    sleep 1
    kill -TERM "$job"
    wait_until eval '! kill -0 "$job" 2>/dev/null' || kill -KILL "$job"
    status=0
    wait "$job" || status=$?
    kill "$reader" 2>/dev/null || true
    rm full
}

@test "a full pipe holds up no signal" {
    yes 'Once upon a time' | head -n 40000 >prompts
    stuck "$GEN" --lines -n 1 -f prompts
    [ "$status" -eq 143 ]
    stuck "$GEN" --lines -n 1 --json -f prompts
    [ "$status" -eq 143 ]
    stuck "$GEN" tokenize prompts
    [ "$status" -eq 143 ]
    stuck "$GEN" train -o m.gguf "${SHAPE[@]}" --steps 100000000 --log-every 1 --sample-every 1 "$TEXT"
    [ "$status" -eq 143 ]
}

@test "a model that becomes shorter while in use is a line, and leaves no file" {
    "$GEN" convert -q "$MODEL" m.gguf
    mkfifo lines
    "$GEN" -m m.gguf --lines -n 30 -t 2 -o out <lines 2>said 3>&- &
    job=$!
    exec 5>lines
    echo one >&5
    wait_until has_lines out.partial 1
    truncate -s 100 m.gguf
    echo two >&5
    status=0
    wait "$job" || status=$?
    exec 5>&-
    [ "$status" -eq 1 ]
    [ "$(cat said)" = "gen: a file became shorter while it was in use" ]
    [ "$(wc -l <out.partial)" -ge 1 ]
    [ ! -e out ]
    [ -z "$(find . -name '.gen-*')" ]
}

@test "a closed pipe is no success, and leaves no file" {
    run bash -c '"$0" -n 50 --ignore-eos --save-logits - -o text Hello 2>said | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"' "$GEN"
    [ "$output" = 141 ]
    [ ! -e text ]
    nothing_left
    [ ! -s said ]
}

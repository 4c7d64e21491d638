#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# A signal that ends the program at once leaves no temporary file, whatever it was doing.

setup() {
    load helper
}

# wait_until COMMAND: for ten seconds at most.
wait_until() {
    for _ in $(seq 1000); do
        if "$@"; then
            return
        fi
        sleep 0.05
    done
    return 1
}

nothing_left() {
    [ -z "$(find . -name '.gen-*')" ]
}

has_temporary() {
    [ -n "$(find . -name '.gen-*.tmp')" ]
}

# ends_with SIGNAL STATUS: send it to $job once it has a temporary file.
ends_with() {
    wait_until has_temporary
    kill "-$1" "$job"
    code=0
    wait "$job" || code=$?
    [ "$code" -eq "$2" ]
    nothing_left
}

@test "a signal to a command that has just made its file" {
    command -v strace >/dev/null || skip "no strace to hold up a call"
    strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
    TEXT=$ROOT/tests/golden/train/text.txt
    mkdir v
    echo precious >out
    for case in "TERM 143 tokenize -o out" "HUP 129 train -q -o m.gguf --vocab $MODEL --metrics m.jsonl" \
        "XCPU 152 vocab -o v"; do
        read -r signal code arguments <<<"$case"
        # Held up when it locks the file. The tracer is its child here, so that $! is the program.
        # shellcheck disable=SC2086 # several words
        (ulimit -c 0; exec strace -o trace -e trace=flock -e inject=flock:delay_exit=500000:when=1 -D \
            "$GEN" $arguments "$TEXT") 3>&- &
        job=$!
        ends_with "$signal" "$code"
    done
    [ "$(cat out)" = precious ]
}

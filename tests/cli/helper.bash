# Shared by the tests of the command line. Sourced by setup() of each file.
# shellcheck shell=bash disable=SC2034,SC2154

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
GEN=${GEN:-$ROOT/build/gen}
# A tiny model with random weights: 512 tokens, 64 positions.
MODEL=$ROOT/tests/golden/models/base

# What is the user's must not decide what is tested.
unset GEN_MODEL_PATH NO_COLOR XDG_DATA_HOME XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE
export HOME=$BATS_TEST_TMPDIR/home
mkdir -p "$HOME"
export GEN_MODEL=$MODEL
cd "$BATS_TEST_TMPDIR" || exit 1

# gen ARGUMENTS: run it, a minute at most; $status, $output (stdout) and $stderr are then to be looked at.
gen() {
    run --separate-stderr timeout 60 "$GEN" "$@"
}

# gen_stdin TEXT ARGUMENTS: the same with printf's TEXT on stdin.
gen_stdin() {
    # shellcheck disable=SC2059 # the text has escapes
    printf "$1" >stdin
    shift
    run --separate-stderr timeout 60 "$GEN" "$@" <stdin
}

# refused CODE TEXT: that exit status, nothing on stdout, and one short line on stderr with TEXT.
refused() {
    echo "status $status, stdout '$output', stderr '$stderr'"
    [ "$status" -eq "$1" ]
    [ -z "$output" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "gen: "* ]]
    [ "${#stderr}" -lt 600 ]
    [[ $stderr == *"$2"* ]]
}

# The first member NAME of the JSON on the line, a number or an array of numbers: member NAME LINE
member() {
    printf '%s\n' "$2" | grep -Eo '"'"$1"'":(\[[^]]*\]|[-0-9.e+]+)' | head -n 1 | cut -d : -f 2-
}

# Skip the test where no terminal can be made for it; to be called outside of `run`.
need_terminal() {
    script --version 2>/dev/null | grep -q util-linux || skip "script of util-linux is missing"
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no terminal is to be had here"
}

# on_terminal COMMAND: run it with a terminal for stdin, stdout and stderr; all goes to stdout.
on_terminal() {
    script -qec "$1" /dev/null </dev/null 2>/dev/null || return $?
}

# interrupt_at N COMMAND ARGUMENTS: train or finetune, press Ctrl-C when m.jsonl has N lines;
# $status, and $stderr.
interrupt_at() {
    local n=$1
    shift
    "$GEN" "$@" -o m.gguf --metrics m.jsonl 2>said &
    local job=$!
    while kill -0 "$job" 2>/dev/null && { [ ! -e m.jsonl ] || [ "$(wc -l <m.jsonl)" -lt "$n" ]; }; do
        sleep 0.01
    done
    kill -INT "$job" || true
    status=0
    wait "$job" || status=$?
    stderr=$(cat said)
}

# same_state A B: two states of training are equal but for the note of the options, which has paths.
same_state() {
    local n
    n=$(od -An -t u8 -j 228 -N 8 "$1" | tr -d ' ') # numbers that learn; train/checkpoint.h
    cmp -n 144 "$1" "$2" && cmp -i 152 -n "$((84 + 12 * n))" "$1" "$2"
}

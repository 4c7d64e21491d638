#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# How far a batch is, on a terminal's stderr, which is tmux's.

setup() {
    load helper
    command -v tmux >/dev/null || skip "tmux is missing (make deps)"
    seq 200000 >list
    n_terminals=0
}

teardown() {
    [ ! -S "${socket:-}" ] || tmux -S "$socket" kill-server || true
}

# in_terminal COMMAND: with a socket of its own, as one whose server is going may still answer
in_terminal() {
    socket=$BATS_TEST_TMPDIR/tmux$((++n_terminals))
    tmux -S "$socket" -f /dev/null new-session -d -x 100 -y 20 3>&- "$1"
}

# open ARGUMENTS: a batch in a terminal
open() {
    in_terminal "'$GEN' -t 1 -n 9 --lines -f list $*; echo status \$?; exec sleep 60"
}

screen() { tmux -S "$socket" capture-pane -p; }

# shows PATTERN: wait until the screen has it
shows() {
    for _ in $(seq 400); do
        ! screen | grep -qE -- "$1" || return 0
        sleep 0.02
    done
    screen
    return 1
}

@test "a terminal is told texts, speed and time that is left; it is wiped out at the end" {
    open -o out
    shows '^gen: .*[0-9]+ texts, [0-9]+ bytes of new text, [0-9]+ tokens/s, about [0-9]+ s left'
    tmux -S "$socket" send-keys C-c
    shows 'status 130'
    run ! grep -q 'tokens/s' <(screen)
}

@test "nothing of it with --quiet, nor where stderr is no terminal, and a pipe has no end that is known" {
    open -q -o out
    sleep 1.5
    [ -z "$(screen | tr -d '\n')" ]
    tmux -S "$socket" kill-server
    open -o other '2>said' # the one before may not have ended yet
    sleep 1.5
    [ -z "$(screen | tr -d '\n')" ]
    [ ! -s said ]
    tmux -S "$socket" kill-server
    in_terminal "(cat list; sleep 60) | '$GEN' -t 1 -n 9 --lines >out; exec sleep 60"
    shows '^gen: .*[0-9]+ texts, [0-9]+ bytes of new text, [0-9]+ tokens/s'
    run ! grep -q 'left' <(screen)
}

# gen chat at a terminal, which is tmux's: keys go in, and what the screen shows is looked at. Sourced,
# after helper.bash, by setup(); teardown() must call close.
# shellcheck shell=bash disable=SC2154

command -v tmux >/dev/null || skip "tmux is missing (make deps)"
command -v jq >/dev/null || skip "jq is missing (make deps)"
unset GEN_MODEL
n_terminals=0

# The terminal goes.
close() {
    [ ! -S "${socket:-}" ] || tmux -S "$socket" kill-server || true
}

# open COLUMNS ARGUMENTS: gen chat in a terminal that wide; quiet= for one that says all,
# greedy= for one that draws
open() {
    local columns=$1
    shift
    socket=$BATS_TEST_TMPDIR/tmux$((++n_terminals))
    tmux -S "$socket" -f /dev/null new-session -d -x "$columns" -y 50 3>&- \
        "LC_ALL=C.UTF-8 '$GEN' chat ${quiet--q} ${greedy---greedy} $*; echo status \$?; exec sleep 60"
    shows "User:"
}

cursor() { tmux -S "$socket" display-message -p '#{cursor_x} #{cursor_y}'; }

# moves COMMAND...: that it begins to show is waited for: the prompt is empty no more, so that an
# empty one is the next
moves() {
    local before
    before=$(cursor)
    "$@"
    for _ in $(seq 200); do
        [ "$(cursor)" = "$before" ] || break
        sleep 0.02
    done
}

# keys NAME... | type_in TEXT: what is pressed, what is typed
keys() { tmux -S "$socket" send-keys "$@"; }
type_in() {
    moves keys -l "$1"
    keys Enter
}

screen() { tmux -S "$socket" capture-pane -p; }

# shows PATTERN [N]: wait until N lines of the screen have it
shows() {
    for _ in $(seq 500); do
        [ "$(screen | grep -c -- "$1")" -lt "${2:-1}" ] || return 0
        sleep 0.02
    done
    screen
    return 1
}

# Only the editor of lines can do it.
need_editor() {
    ldd "$GEN" 2>/dev/null | grep -q libedit || skip "this gen was built without libedit"
}

# What a terminal, which is tmux's, shows of a program that has ended. Sourced, after helper.bash, by
# setup(); teardown() must call close_screen.
# shellcheck shell=bash disable=SC2154

n_terminals=0

# The terminal goes.
close_screen() {
    [ ! -S "${socket:-}" ] || tmux -S "$socket" kill-server || true
}

# on_screen COLUMNS ARGUMENTS: the screen after gen with these; from= the first line that is wanted.
# Also in `joined`, where lines that the terminal broke are one, and in `colors`, with its escapes.
on_screen() {
    local columns=$1
    shift
    # A socket of its own: the server before may still be ending.
    socket=$BATS_TEST_TMPDIR/tmux$((++n_terminals))
    tmux -S "$socket" -f /dev/null new-session -d -x "$columns" -y 400 3>&- \
        "LC_ALL=C.UTF-8 '$GEN' $*; echo status \$?; exec sleep 60"
    for _ in $(seq 1000); do
        ! tmux -S "$socket" capture-pane -p | grep -q '^status' || break
        sleep 0.02
    done
    tmux -S "$socket" capture-pane -p -e >colors
    tmux -S "$socket" capture-pane -p -J | sed -n "/${from:-^}/,\$p" | sed -n '/^status/q;p' >joined
    tmux -S "$socket" capture-pane -p | sed -n "/${from:-^}/,\$p" | sed -n '/^status/q;p'
    tmux -S "$socket" kill-server
}

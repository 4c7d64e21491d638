#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # text in quotes; bats and helper.bash set them
# Help on a terminal: its width, its height, and the pager.

setup() {
    load helper
    export TERM=xterm
    unset PAGER LESS
}

# terminal ROWS COLUMNS COMMAND: its output on a terminal of that size, without carriage returns.
terminal() {
    on_terminal "stty rows $1 cols $2; $3" | tr -d '\r'
}

@test "gen help fits a screen of 24 lines, gen --help too" {
    need_terminal
    for words in help --help; do
        terminal 24 80 "PAGER=false $GEN $words" >shown
        [ "$(wc -l <shown)" -le 23 ]
        grep -q "gen finetune" shown
        grep -q "gen help COMMAND" shown
    done
}

@test "words wrap at the terminal's width; in pipes and files lines are those of 80 columns" {
    need_terminal
    for columns in 40 60 80 132; do
        terminal 24 "$columns" "PAGER= $GEN help tokenize" >shown
        # What is typed in is not broken.
        sed '/^Examples/,$d' shown | awk -v most="$((columns - 1))" 'length > most' | { ! grep .; }
        # ... and the width is used.
        [ "$(sed '/^Examples/,$d' shown | awk 'length > most { most = length } END { print most }')" -gt $((columns - 14)) ]
    done
    terminal 60 40 "PAGER= $GEN help" | sed '1,/^Commands/d' | awk 'length > 39' | { ! grep .; }
    terminal 24 80 "PAGER= $GEN help generate" >on_terminal
    "$GEN" help generate | diff on_terminal -
    # The same words, whatever the width.
    terminal 24 40 "PAGER= $GEN help generate" | tr -s '[:space:]' '\n' >narrow
    tr -s '[:space:]' '\n' <on_terminal | diff narrow -
}

@test "a help that does not fit goes through PAGER, once; one that fits does not" {
    need_terminal
    terminal 24 80 "PAGER='sed s/^/paged:/' $GEN help generate" >shown
    [ "$(grep -c '^paged:usage:' shown)" -eq 1 ]
    [ "$(grep -vc '^paged:' shown)" -eq 0 ]
    terminal 24 80 "PAGER='sed s/^/paged:/' $GEN generate --help" | grep -q '^paged:usage:'
    terminal 24 80 "PAGER='sed s/^/paged:/' $GEN help" | { ! grep '^paged:'; }
    terminal 500 80 "PAGER='sed s/^/paged:/' $GEN help generate" | { ! grep '^paged:'; }
    # No terminal, no pager.
    PAGER='sed s/^/paged:/' gen help generate
    [[ $output == "usage:"* ]]
}

@test "without PAGER it is less, which needs a terminal that can do something" {
    need_terminal
    mkdir bin
    printf '#!/bin/sh\necho "less -$LESS"; cat >/dev/null\n' >bin/less
    chmod +x bin/less
    [ "$(terminal 24 80 "PATH=$PWD/bin:$PATH $GEN help generate")" = "less -RX" ]
    [ "$(terminal 24 80 "LESS=M PATH=$PWD/bin:$PATH $GEN help generate")" = "less -M" ]
    for none in TERM=dumb PAGER= PAGER=cat; do
        terminal 24 80 "$none PATH=$PWD/bin:$PATH $GEN help generate" | grep -q '^usage:'
    done
}

@test "a pager that is missing or ends early costs nothing" {
    need_terminal
    terminal 24 80 "PAGER=/nonexistent/pager $GEN help generate" >shown
    grep -q '^usage:' shown
    grep -q '^Exit status' shown
    [ "$(terminal 24 80 "PAGER='head -n 1' $GEN help generate; echo \$?" | tail -n 1)" = 0 ]
    [ "$(terminal 24 80 "PAGER=true $GEN help generate; echo \$?")" = 0 ]
    [ "$(terminal 24 80 "PAGER=false $GEN help generate; echo \$?")" = 0 ]
}

@test "less itself, until q is pressed; Ctrl-C is its own" {
    command -v less >/dev/null || skip "less is missing"
    command -v expect >/dev/null || skip "expect is missing"
    cat >less.exp <<'END'
set timeout 10
set env(TERM) xterm
spawn -noecho sh -c "stty rows 24 cols 80; trap : INT; [lindex $argv 0] help generate; echo ended:\$?"
expect "usage: gen" {} timeout { exit 1 }
expect "Model:"
expect -exact ":" {} timeout { exit 1 }
send "\003"
# The terminal drops what is typed together with it.
sleep 0.3
send "/no-timings\r"
expect "leave the timings out" {} timeout { exit 1 }
send "q"
expect "ended:0" {} timeout { exit 1 }
END
    expect less.exp "$GEN"
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen chat at a terminal, which is tmux's: keys go in, and what the screen shows is looked at.

setup() {
    load helper
    load chat_tmux
}

teardown() {
    close
}

@test "an answer streams, in lines that are broken between words" {
    for columns in 80 40; do
        open "$columns" -n 60
        type_in "Once there was a fox who lived in a wood and"
        shows "User:" 2
        screen | sed -n '/^Assistant:/,/^User:/p' | sed '$d' >answer
        echo "Once there was a fox who lived in a wood and" | "$GEN" chat -q --greedy -n 60 >plain
        # shellcheck disable=SC2046 # words
        [ "$(printf '%s\n' $(cat answer) | sed 1d)" = "$(printf '%s\n' $(cat plain))" ]
        [ "$(wc -l <answer)" -gt "$(wc -l <plain)" ]
        [ "$(wc -L <answer)" -lt "$columns" ]
        keys C-d
        shows "status 0"
        close
    done
}

@test "Chinese, emoji and a paste of 2,000 characters arrive as they are" {
    open 80 -n 2
    printf '/system 你好 🦊 ' >pasted
    printf 'word %.0s' $(seq 400) | head -c 1999 >>pasted
    printf '.' >>pasted
    tmux -S "$socket" load-buffer pasted
    tmux -S "$socket" paste-buffer
    keys Enter
    type_in "/save talk.json"
    type_in "世界 🐺"
    shows "^User: *$"
    type_in "/save talk.json"
    type_in "/exit"
    shows "status 0"
    [ "$(jq -r '.messages[0].content' talk.json)" = "$(sed 's/^.system //' pasted)" ]
    [ "$(jq -r '.messages[1].content' talk.json)" = "世界 🐺" ]
}

@test "Ctrl-C ends an answer, or the line that is typed, and Ctrl-D the program" {
    # Slow, so that it can be seen before it ends; it would have 480 tokens.
    export GEN_KERNELS=generic
    open 80 -n -1 --ignore-eos --repetition-penalty 1.5 -t 1
    type_in "Once there was a fox."
    shows "^Assistant: ."
    keys C-c
    shows "^User: *$"
    tmux -S "$socket" send-keys -l "dropped"
    shows "dropped"
    keys C-c
    shows "^User: *$"
    type_in "/save talk.json"
    shows "^User: *$"
    keys C-d
    shows "status 0"
    [ "$(jq -c '.messages|map(.role)' talk.json)" = '["user","assistant"]' ]
    [ "$(jq -r '.messages[1].content' talk.json | wc -w)" -lt 150 ]
}

@test "messages of several lines, and a command that is wrong" {
    open 80 -n 2
    type_in "one\\"
    shows "^\.\.\."
    type_in 'two'
    shows "^User: *$"
    type_in '"""three'
    type_in 'four"""'
    shows "^User: *$"
    type_in '/sav x'
    shows "did you mean /save"
    type_in '/save talk.json'
    type_in '/exit'
    shows "status 0"
    [ "$(jq -c '.messages|map(select(.role == "user") | .content)' talk.json)" = '["one\ntwo","three\nfour"]' ]
}

@test "history, within the run and in a file, and /edit" {
    need_editor
    echo "from before" >history
    open 80 -n 2 --history history
    keys Up
    shows "^User: from before"
    keys Enter
    shows "^User: *$"
    type_in "second"
    shows "^User: *$"
    keys Up Up
    shows "^User: from before *$" 2
    keys C-u
    type_in "/edit"
    shows "^User: second *$" 2
    keys BSpace
    type_in "s"
    shows "^User: *$"
    type_in "/save talk.json"
    type_in "/exit"
    shows "status 0"
    [ "$(jq -c '.messages|map(select(.role == "user") | .content)' talk.json)" = '["from before","secons"]' ]
    [ "$(tr '\n' '|' <history)" = "from before|from before|second|/edit|secons|/save talk.json|/exit|" ]
}

@test "another size of the terminal counts from then on" {
    open 80 -n 60
    tmux -S "$socket" resize-window -x 50
    type_in "Once there was a fox who lived in a wood and"
    shows "User:" 2
    screen | sed -n '/^Assistant:/,/^User:/p' >answer
    [ "$(wc -L <answer)" -lt 50 ]
    keys C-d
    shows "status 0"
}

@test "what --verbose says of an answer is broken between words, too" {
    for columns in 40 50 61; do
        quiet=-v open "$columns" -n 3
        type_in Hi
        shows "finish" 1
        said=$(screen | sed -n '/^gen: answer 0/,/finish/p' | xargs)
        echo "$said"
        [[ $said =~ ^gen:\ answer\ 0:\ seed\ 0,\ [0-9]+\ tokens\ before\ it,\ of\ which\ [0-9]+\ were\ read\ now\ in\ [0-9.]+\ s\ \([0-9.]+/s\),\ 3\ new\ tokens\ in\ [0-9.]+\ s\ \([0-9.]+/s\),\ finish\ length$ ]]
        close
    done
}

@test "roles are in color on a terminal alone" {
    open 80 -n 2
    type_in "Hi"
    shows "^User: *$"
    tmux -S "$socket" capture-pane -p -e >colors
    grep -q $'\033\\[.*Assistant:' colors
    keys C-d
    shows "status 0"
    close
    open 80 -n 2 --color never
    type_in "Hi"
    shows "^User: *$"
    tmux -S "$socket" capture-pane -p -e >colors
    grep -q 'Assistant:' colors
    run grep -q $'\033' colors
    [ "$status" -eq 1 ]
}

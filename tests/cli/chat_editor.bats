#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen chat at a terminal: what is pasted, changed and dropped, and what commands say.

setup() {
    load helper
    load chat_tmux
}

teardown() {
    close
}

# paste TEXT: as a terminal with bracketed paste does it
paste() {
    printf '%s' "$1" >pasted
    tmux -S "$socket" load-buffer pasted
    moves tmux -S "$socket" paste-buffer -p
}

# What the user said in talk.json.
said() { jq -c '.messages | map(select(.role == "user") | .content)' talk.json; }

@test "a text that is pasted is one message, however many lines it has" {
    need_editor
    open 40 -n 2 --history history
    paste $'one two\n\tthree 你好\n\n/four'
    shows "^/four"
    keys BSpace
    keys Enter
    shows "^User: *$"
    paste $'"""\na\nb\n"""'
    keys Enter
    shows "^User: *$"
    # More than the screen has lines.
    tmux -S "$socket" resize-window -y 20
    long=$(for i in $(seq 30); do printf 'A line of the text, its number is %d.\n' "$i"; done)
    paste "$long"
    keys Enter
    type_in "/save talk.json"
    shows "^User: /save"
    type_in "/exit"
    shows "status 0"
    [ "$(said)" = "$(jq -cn --arg long "$long" '["one two\n\tthree 你好\n\n/fou", "a\nb", $long]')" ]
    # One entry of the history, now and next time.
    close
    open 80 -n 2 --history history
    keys Up Up Up
    shows "number is 30"
    keys Up
    shows '^"""' 1
    keys Up
    shows "^User: one two"
    shows "^/fou"
    keys C-c
    shows "^User: *$"
    keys C-d
    shows "status 0"
}

@test "Ctrl-C drops a message of several lines as a whole" {
    open 80 -n 2
    for begin in '"""one' "one\\"; do
        type_in "$begin"
        shows '^\.\.\. *$'
        tmux -S "$socket" send-keys -l "two"
        shows '^\.\.\. two'
        keys C-c
        shows '^User: *$'
        tmux -S "$socket" clear-history
        keys C-l
    done
    type_in "three"
    type_in "/save talk.json"
    type_in "/exit"
    shows "status 0"
    [ "$(said)" = '["three"]' ]
}

@test "/edit offers the last message, and until it is sent nothing changes" {
    need_editor
    open 80 -n 2
    paste $'first\nsecond'
    keys Enter
    shows "^User: *$"
    type_in "/edit"
    shows "^second" 2
    keys C-c
    shows "^User: *$"
    type_in "/save before.json"
    shows "^User: /save"
    type_in "/edit"
    shows "^second" 3
    keys BSpace BSpace
    keys Enter
    shows "^User: *$"
    type_in "/save talk.json"
    shows "^User: *$"
    # What was taken back is not what is edited.
    type_in "third"
    shows "^User: *$"
    type_in "/undo"
    shows "^User: *$"
    type_in "/edit"
    shows "^seco *$" 2
    keys C-u
    keys Enter
    # Nor is what began with a slash a command.
    type_in "//path"
    shows "^User: *$"
    type_in "/edit"
    shows "^User: //path" 2
    keys BSpace
    keys Enter
    shows "^User: *$"
    [ "$(said)" = '["first\nseco"]' ]
    type_in "/save talk.json"
    type_in "/exit"
    shows "status 0"
    [ "$(said)" = '["first\nseco","/pat"]' ]
    [ "$(jq -c '.messages | map(.content) | .[0]' before.json)" = '"first\nsecond"' ]
    [ "$(jq '.messages | length' before.json)" -eq 2 ]
}

@test "commands say what they did, in lines that are broken between words" {
    quiet='' open 40 -n 2 --template plain
    shows "^Type a message; /help lists commands,"
    shows "^Ctrl-D ends."
    type_in "Hello you"
    shows "^User: *$"
    type_in "/save talk.json"
    shows "^saved 2 messages in talk.json$"
    type_in "/undo"
    shows "^taken back: Hello you$"
    type_in "/system Be kind."
    shows "^the system message is set$"
    type_in "/set temp 0.5"
    shows "^temperature 0.5$"
    type_in "/clear"
    shows "^a new conversation, with the same$"
    type_in "/see"
    shows "^gen: no command /see (did you mean$"
    type_in "/help"
    shows "^/undo *$"
    shows "^    take your last message and its$"
    type_in "/exit"
    shows "status 0"
}

@test "no color where NO_COLOR or a dumb terminal says so, and a dumb one has no brackets" {
    for variable in NO_COLOR=1 TERM=dumb; do
        export "${variable?}"
        open 80 -n 2
        tmux -S "$socket" kill-server
        printf 'Hi\n/exit\n' >typed
        env "$variable" timeout 20 script -qec "'$GEN' chat -q -n 2" shown <typed >/dev/null
        grep -q 'Assistant:' shown
        run grep -q $'\033\\[[0-9;]*3[0-9]' shown
        [ "$status" -eq 1 ]
        unset "${variable%=*}"
    done
    run grep -q $'\033' shown
    [ "$status" -eq 1 ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What a model or a prompt may do to a terminal: nothing. Pipes and files get every byte.

setup() {
    load helper
    evil=$'a\033]0;title\007\033[2Jb\rc\tend\302\233x\177'
    seen=$'a^[]0;title^G^[[2Jb^Mc\tend\xef\xbf\xbdx^?'
}

@test "control characters of a text are shown on a terminal" {
    need_terminal
    printf '%s' "$evil" >evil
    run on_terminal "$GEN -n 0 --color never -f evil"
    [ "$status" -eq 0 ]
    [ "$output" = "$seen"$'\r' ]
    "$GEN" tokenize evil >ids
    run on_terminal "$GEN tokenize --decode ids"
    [ "${output%$'\r'}" = "$seen" ]
    # What the model itself writes: the tokens of `evil`, one after the other, are forced on it.
    run on_terminal "$GEN -n 1 --greedy --no-echo --logit-bias $(printf '\033' | "$GEN" tokenize)=1000 Hi"
    [ "${output%$'\r'}" = "^[" ]
}

@test "bytes that are not UTF-8 are shown on a terminal" {
    need_terminal
    printf 'a\233\377b' >broken
    run on_terminal "$GEN -n 0 --color never -f broken"
    [ "${output%$'\r'}" = $'a\xef\xbf\xbd\xef\xbf\xbdb' ]
}

@test "pipes and files get the bytes as they are" {
    printf '%s' "$evil" >evil
    "$GEN" -n 0 -f evil | head -c -1 | cmp - evil
    "$GEN" -n 0 -o out -f evil
    head -c -1 out | cmp - evil
    "$GEN" tokenize evil | "$GEN" tokenize --decode | cmp - evil
}

@test "JSON escapes what cannot be seen or turns text around" {
    gen -n 0 --json -p $'x\302\233y\u200b\u202e\u2066\u061c\ufeff\177é'
    [[ $output == *'"prompt":"x\u009by\u200b\u202e\u2066\u061c\ufeff\u007fé"'* ]]
}

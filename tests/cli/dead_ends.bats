#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Forms of texts that other options leave no token of.

setup() {
    load helper
}

@test "a form that allows only what other options forbid" {
    gen --regex 'ab' --min-new-tokens 10 --no-echo --json -s 1 x
    [ "$status" -eq 1 ]
    [[ $stderr == 'gen: after '*' new tokens the form of the text allows only what other options forbid, such as'* ]]
    printf 'b\n' >bw
    gen --regex 'ab' --bad-words bw --no-echo --json -s 1 x
    [ "$status" -eq 1 ]
    [[ $stderr == *'the form of the text allows only what other options forbid'* ]]
}

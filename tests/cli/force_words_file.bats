#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# A file of words that must come.

setup() {
    load helper
}

@test "a file without words is refused" {
    : >none
    gen --force-words none --num-beams 2 -n 2 x
    refused 2 'none: has no words, but must have one a line'
    printf '\n\r\n\n' >none
    gen --force-words none --num-beams 2 -n 2 x
    refused 2 'none: has no words, but must have one a line'
}

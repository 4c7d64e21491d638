#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# The types of gen convert: one list in the library, and words that must name all of it

setup() {
    load helper
}

@test "help and guide name every type of convert" {
    gen convert --type none a b
    refused 2 "none of its values (f32,"
    names=${stderr##*\(}
    names=${names%%\)*}
    gen help convert
    for name in ${names//,/}; do
        [[ $output =~ [[:space:]]${name}[,\;] ]]
        grep -qF "\`$name\`" "$ROOT/scripts/manual/guide.md"
    done
}

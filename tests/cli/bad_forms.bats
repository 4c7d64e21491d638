#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# Forms that are wrong, empty, huge or ambiguous: a clear error, or work that is linear in them.

setup() {
    load helper
}

grammar() {
    printf '%s\n' "$@" >g.gbnf
    gen --grammar g.gbnf -n 4 -s 1 x
}

# repeat TEXT N
repeat() {
    # shellcheck disable=SC2046
    printf -- "$1%.0s" $(seq "$2")
}

@test "left recursion, direct, indirect and through nothing" {
    grammar 'root ::= root "a" | "b"'
    refused 2 'g.gbnf: rule "root" calls itself before it reads anything'
    grammar 'root ::= a "x" | "z"' 'a ::= b' 'b ::= "y"? root'
    refused 2 'calls itself before it reads anything'
    grammar 'root ::= e root "a" | "b"' 'e ::= "" | "x"'
    refused 2 'calls itself before it reads anything'
}

@test "forms that no text has" {
    grammar 'root ::= "a" root'
    refused 2 'g.gbnf: allows no text at all'
    gen --regex 'a[]b|[^\s\S]' x
    refused 2 '--regex: allows no text at all'
    printf '{"type":"integer","minimum":5,"maximum":3}' >s.json
    gen --json-schema s.json x
    refused 2 's.json: allows no text at all'
}

@test "what lies too deep within each other" {
    grammar "root ::= $(repeat '(' 1000)\"a\"$(repeat ')' 1000)"
    refused 2 'more than 200 brackets lie within each other'
    gen --regex "$(repeat '(' 1000)a$(repeat ')' 1000)" x
    refused 2 'more than 200 groups lie within each other'
    printf '{"items":%.0s' $(seq 1000) >s.json
    gen --json-schema s.json x
    refused 2 's.json: '
}

@test "a regular expression of a million characters" {
    head -c 1000000 /dev/zero | tr '\0' a >letters
    printf '{"prompt":"x","regex":"%s"}\n{"prompt":"x","regex":"%s"}\n' "$(cat letters)" \
        "$(sed 's/aa/a?/g' letters)" >in.jsonl
    gen --jsonl -f in.jsonl -n 3 -s 1 --json
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "$output" | sed -n 1p | jq -r .new_text)" = aaa ]
    # Classes of hundreds of ranges are found once, and there is a bound of all of them.
    printf '{"prompt":"x","regex":"%s"}\n' "$(sed 's/aaaaa/\\\\p{L}/g' letters)" >in.jsonl
    gen --jsonl -f in.jsonl -n 3 -s 1 --json
    [ "$status" -eq 1 ]
    [[ $output == *'has more than '*' parts (make it shorter)'* ]]
}

@test "alternatives that multiply" {
    gen --regex "$(repeat '(a|a)*' 20)b" -n 4 -s 1 x
    [ "$status" -eq 0 ]
    gen --regex '(((a|aa)+)+((a|aa)+)+){1,20}(b{0,30}){0,30}' -n 4 -s 1 x
    [ "$status" -eq 0 ]
    gen --regex '.*a.{20}' -n 4 -s 1 x
    [ "$status" -eq 0 ]
    gen --regex 'a{1,4000000000}' x
    refused 2 'a repetition has a bound above 1000000'
    printf '{"allOf":[{}' >s.json
    for i in $(seq 20); do
        printf ',{"anyOf":[{"type":"object","properties":{"a%d":{"type":"null"}}},{"type":"object","properties":{"b%d":{"type":"null"}}}]}' \
            "$i" "$i" >>s.json
    done
    printf ']}' >>s.json
    gen --json-schema s.json x
    refused 2 'more than 20000 combinations'
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What users of transformers and llama.cpp write where gen wants something else, and what it says then.

setup() {
    load helper
}

@test "a switch that is followed by True or False is refused" {
    gen --do_sample False Hi
    refused 2 '--do-sample takes no value (leave it and False out'
    gen --renormalize_logits True Hi
    refused 2 '--renormalize-logits takes no value (leave True out'
    gen --greedy -n 0 -- True
    [ "$output" = True ]
}

@test "a schema and a grammar may stand in the place of their file; a missing FILE names its option" {
    gen --json-schema '{"const": 7}' --no-echo -n 3 Hi
    [ "$output" = 7 ]
    gen --grammar 'root ::= "ab"' --no-echo -n 3 Hi
    [ "$output" = ab ]
    gen --choices yes,no Hi
    refused 1 '--choices: yes,no: No such file or directory (a FILE has a choice a line)'
    gen --bad-words nosuch Hi
    refused 1 '--bad-words: nosuch: No such file'
}

@test "a record undoes the run's form by false, and is told of options of the run" {
    gen_stdin '{"prompt":"a","json_object":false}\n{"prompt":"a"}\n' -n 2 --greedy --jsonl --json-object --no-echo
    [ "${lines[0]:0:1}" != "{" ]
    gen_stdin '{"prompt":"a","draft_model":"x","defaults":"model"}\n' -n 0 --jsonl
    [[ $stderr == *'"draft_model" is no option of one prompt, but of the run: --draft-model'* ]]
    [[ $stderr == *'"defaults" is no option of one prompt'* ]]
    gen_stdin '{"prompt":"a","choices":["a",3]}\n' -n 1 --jsonl
    [[ $stderr == *'"choices" holds a number, but must hold texts, each a line'* ]]
}

@test "gen bench --constraint refuses what it would not heed" {
    gen bench --constraint x --repeat 2
    refused 2 "--constraint and --repeat exclude each other"
}

#!/usr/bin/env bats
# shellcheck disable=SC2010,SC2011,SC2012,SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# --output-dir: a file a text, whole or not at all.

setup() {
    load helper
    printf '%s\n' '{"id":"a b","prompt":"one"}' '{"id":7,"prompt":"two","max_new_tokens":2}' >list.jsonl
}

@test "a file a text, with the bytes of a run to stdout" {
    seq 12 >list
    gen -n 5 -s 3 --lines -f list --output-dir d
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    [ "$(ls -A d | sort -n | xargs)" = "$(seq -f '%g.txt' 0 11 | xargs)" ]
    "$GEN" -n 5 -s 3 --lines -f list >all
    for i in $(seq 0 11); do cat "d/$i.txt"; done | cmp - all
    gen -n 5 -s 3 --lines -f list --output-dir d --json --no-timings --num-return-sequences 2 --shard 2/4
    [ "$(ls d | grep -c '^[0-9]*\.[01]\.txt$')" -eq 6 ]
    [ "$(jq -c '[.index, .sequence]' d/9.1.txt)" = "[9,1]" ]
    gen -n 5 -s 3 --no-echo --output-dir d -p 1
    "$GEN" -n 5 -s 3 --no-echo -p 1 | cmp - d/0.txt
}

@test "--name: fields of the record" {
    gen -n 3 -s 1 --jsonl -f list.jsonl --output-dir d --name '{{id}}-{{index}}.txt'
    [ "$status" -eq 0 ]
    [ "$(ls d | xargs -d '\n' echo)" = "7-1.txt a b-0.txt" ]
    gen -n 3 -s 1 --jsonl -f list.jsonl --output-dir e --name '{{sequence}}.{{ id }}' --num-return-sequences 2
    [ "$(find e -type f | wc -l)" -eq 4 ]
    printf 'id,prompt\nx,p\n' | "$GEN" -n 1 --csv --output-dir f --name '{{id}}'
    [ -s f/x ]
}

@test "--name: fields that are no names cost their record" {
    printf '%s\n' '{"id":"../x"}' '{"id":".x"}' '{"id":""}' '{"id":null}' '{"no":1}' '{"id":"good"}' |
        sed 's/{/{"prompt":"p",/' >bad.jsonl
    gen -n 1 --jsonl -f bad.jsonl --output-dir d --name '{{id}}'
    [ "$status" -eq 1 ]
    [ "$(find . -newer bad.jsonl -type f -path './d/*')" = ./d/good ]
    [ "${#stderr_lines[@]}" -eq 5 ]
    [[ $stderr == *'--name: "../x" has a /'* ]]
    [[ $stderr == *'--name: ".x" begins with a dot'* ]]
    [[ $stderr == *'--name: "" is empty'* ]]
    [[ $stderr == *'has no field "id", but "prompt", "no"'* ]]
    # Prompts that are text have no fields.
    for prompts in --lines --null --seed=1; do
        gen_stdin 'a' -n 1 "$prompts" --output-dir f --name '{{id}}'
        refused 1 'the record has no field "id", but "index", "sequence"'
    done
    # As long as names can be, and one more: with the number of the text.
    jq -nc '("x" * 254, "x" * 253, "y") | {prompt: "p", id: .}' >long.jsonl
    gen -n 1 --jsonl -f long.jsonl --output-dir e --name '{{id}}.{{sequence}}'
    [ "$status" -eq 1 ]
    [ "$(ls e | wc -l)" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *'xxx" is longer than names of files can be (255 bytes)'* ]]
    gen_stdin '{"prompt":"p","num_return_sequences":2}\n' -n 1 --jsonl --output-dir d
    [ "$status" -eq 1 ]
    [[ $stderr == *'is that of several texts (put {{sequence}} into --name)'* ]]
}

@test "a text that does not come to its end has no file, and one that was there stays" {
    mkdir d
    echo old >d/1.txt
    printf 'a\nb\n' | "$GEN" -n 100000 --context slide --ignore-eos --batch 1 --lines --output-dir d --logit-bias 5=1 -s 1 &
    job=$!
    sleep 0.5
    kill -INT "$job"
    wait "$job" || [ $? -eq 130 ]
    [ "$(ls -A d)" = 1.txt ]
    [ "$(cat d/1.txt)" = old ]
    echo x >file
    gen -n 1 --output-dir file Hi
    refused 1 "file: Not a directory"
    gen -n 1 --output-dir no/where Hi
    refused 1 "no/where: No such file or directory"
    gen -n 1 --name x Hi
    refused 2 "--name needs --output-dir"
    gen -n 1 --output-dir d -o x Hi
    refused 2 "exclude each other"
    gen -n 1 --output-dir d --name '{{x' Hi
    [ "$status" -eq 1 ]
    [[ $stderr == *"--name: line 1 has a {{"* ]]
}

@test "with --output-dir the sandbox lets files be made there, and nowhere else" {
    gen -v -n 1 --output-dir d Hi
    [ "$status" -eq 0 ]
    [ -s d/0.txt ]
    [[ $stderr == *"sandbox"* ]]
    # What a run that was killed has left there goes.
    touch d/.gen-0123456789abcdef.tmp
    gen -n 1 --output-dir d Hi
    [ "$(ls -A d)" = 0.txt ]
}

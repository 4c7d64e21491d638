#!/usr/bin/env bats
# shellcheck disable=SC2010,SC2011,SC2012,SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# scripts/examples with the real programs, names with blanks, killed and started again. Slurm and cron as
# daemons are in tests/examples (make test-examples); here their scripts run with what they set.

setup() {
    load helper
    EXAMPLES=$ROOT/scripts/examples
    export GEN JOBS=2
    # Where nothing is but what a test makes.
    mkdir work
    cd work || exit 1
}

# A gen that leaves, the first time, what kill -9 leaves: the first $1 bytes of its output.
write_dying() {
    cat >dying <<SCRIPT
#!/bin/bash
for file; do :; done # the last argument: --output FILE
"$GEN" "\$@"
status=\$?
mkdir died 2>/dev/null || exit \$status
head -c $1 "\$file" >"\$file.partial"
rm "\$file"
kill -9 \$\$
SCRIPT
    chmod +x dying
}

# ---- GNU parallel ----------------------------------------------------------------------------

write_list() {
    parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "GNU parallel is missing (sh scripts/deps.sh examples)"
    seq 12 | sed 's/.*/&,"a ""king"", no &","the\ntower"/; 1s/^/id,who,where\n/' >'my list.csv'
    echo 'There sat {{who}} in {{where}}.' >'my template.txt'
    "$GEN" --seed 1 -n 9 --csv --template 'my template.txt' --json --no-timings --file 'my list.csv' >whole
    files=$(ls)
}

@test "parallel.sh: the parts, joined, are the bytes of one run" {
    write_list
    # Of six parts of five records one is empty.
    head -n 11 'my list.csv' >list.csv
    run --separate-stderr sh "$EXAMPLES/parallel.sh" 6 list.csv 'my template.txt' 'my answers' -n 9
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    head -n 5 whole | cmp - 'my answers'
    rm 'my answers' list.csv
    [ "$(ls)" = "$files" ]
}

@test "parallel.sh: killed, it goes on; what is there is left alone" {
    write_list
    write_dying 500
    run --separate-stderr env GEN="$PWD/dying" sh "$EXAMPLES/parallel.sh" 3 'my list.csv' 'my template.txt' 'my answers' -n 9
    [ "$status" -eq 1 ]
    [[ $stderr == *"parallel.sh: something failed"* ]]
    [ ! -e 'my answers' ]
    [ "$(cat 'my answers.'[123]-of-3.partial | wc -c)" -eq 500 ]
    sh "$EXAMPLES/parallel.sh" 3 'my list.csv' 'my template.txt' 'my answers' -n 9
    cmp whole 'my answers'
    run sh "$EXAMPLES/parallel.sh" 3 nowhere nowhere 'my answers'
    [ "$status" -eq 0 ]
    [ "$output" = "parallel.sh: my answers is there already" ]
    rm -r 'my answers' died dying
    [ "$(ls)" = "$files" ]
}

@test "parallel.sh: a wrong record fails the command and is told once; on several machines" {
    write_list
    echo '13,short' >>'my list.csv'
    # In the place of ssh: it is given the machine and a command.
    printf '#!/bin/sh\necho "$1" >>"%s/machines"\nshift\n[ "$1" != -- ] || shift\nexec sh -c "$*"\n' "$PWD" >ssh
    chmod +x ssh
    export MACHINES=node1,node2 PARALLEL_SSH=$PWD/ssh SHELL=/bin/sh
    run --separate-stderr sh "$EXAMPLES/parallel.sh" 4 'my list.csv' 'my template.txt' 'my answers' -n 9
    [ "$status" -eq 1 ]
    [[ $stderr == *"prompt with index 12: my list.csv: line "*"has 2 fields"* ]]
    [ "$(sort -u machines | xargs)" = "node1 node2" ]
    run sh "$EXAMPLES/parallel.sh" 4 'my list.csv' 'my template.txt' 'my answers' -n 9
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    head -n 12 'my answers' | cmp - whole
    [ "$(jq -s 'map(.index) == [range(13)]' 'my answers')" = true ]
}

# ---- files -----------------------------------------------------------------------------------

write_prompts() {
    mkdir prompts
    for name in one two 'with a blank' "with 'quotes\" \$HOME" '-n' '*'; do
        echo "The $name" >"prompts/$name.txt"
    done
}

@test "xargs.sh: a file for each, whatever it is called; again, only what is missing" {
    write_prompts
    run --separate-stderr sh "$EXAMPLES/xargs.sh" prompts 'my stories' -n 5
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    [ "$(ls -A prompts)" = "$(ls -A 'my stories')" ]
    for prompt in prompts/*; do
        "$GEN" --seed 1 -n 5 -f "$prompt" | cmp - "my stories/${prompt#prompts/}"
    done
    echo mine >'my stories/one.txt'
    rm 'my stories/with a blank.txt'
    sh "$EXAMPLES/xargs.sh" prompts 'my stories' -n 5
    [ "$(cat 'my stories/one.txt')" = mine ]
    [ -s 'my stories/with a blank.txt' ]
}

@test "xargs.sh: one that fails does not stop the others, and the exit status tells" {
    write_prompts
    rm prompts/one.txt
    ln -s nowhere prompts/one.txt
    run --separate-stderr sh "$EXAMPLES/xargs.sh" prompts stories -n 5
    [ "$status" -eq 123 ]
    [ "$stderr" = "gen: prompts/one.txt: No such file or directory" ]
    [ "$(ls -A stories | wc -l)" -eq 5 ]
    run sh "$EXAMPLES/xargs.sh" prompts
    [ "$status" -eq 2 ]
}

@test "stories.mk: makes what is missing or old, and nothing else" {
    mkdir prompts
    for i in 1 2 3 4; do echo "The $i" >"prompts/$i.txt"; done
    make=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -f "$EXAMPLES/stories.mk" -j 2 'OPTIONS=-s 3 -n 5')
    "${make[@]}"
    for i in 1 2 3 4; do "$GEN" -s 3 -n 5 -f "prompts/$i.txt" | cmp - "stories/$i.txt"; done
    touch -d '2 minutes ago' prompts/*
    touch -d '1 minute ago' stories/*
    run "${make[@]}" --question
    [ "$status" -eq 0 ]
    touch prompts/2.txt
    rm stories/3.txt
    echo mine >stories/1.txt
    "${make[@]}"
    [ "$(cat stories/1.txt)" = mine ]
    [ -s stories/3.txt ]
    [ stories/2.txt -nt prompts/1.txt ] && [ ! stories/2.txt -ot prompts/2.txt ]
    # One that fails leaves nothing, and the others are made.
    seq 99 >prompts/5.txt
    rm stories/*
    run "${make[@]}" -k
    [ "$status" -eq 2 ]
    [[ $output == *"gen: "* ]]
    [ "$(ls -A stories | xargs)" = "1.txt 2.txt 3.txt 4.txt" ]
    touch 'prompts/with a blank.txt'
    run "${make[@]}"
    [ "$status" -eq 2 ]
    [[ $output == *"a name in prompts/ has a blank: see xargs.sh"* ]]
}

# ---- cron, Slurm -----------------------------------------------------------------------------

@test "cron.sh: answers what is new, prints nothing, and never works twice at a time" {
    command -v flock >/dev/null || skip "flock is missing"
    mkdir 'my stories'
    # As cron starts it, but without HOME.
    cron=(env -i -C / PATH=/usr/bin:/bin SHELL=/bin/sh LOGNAME=me "GEN=$GEN" sh "$EXAMPLES/cron.sh" "$PWD/my stories" "$MODEL")
    quiet() {
        run "${cron[@]}" </dev/null
        echo "$output"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    }
    quiet
    cd 'my stories'
    : >inbox.jsonl
    quiet
    [ "$(ls -A)" = inbox.jsonl ]
    printf '{"id":%d,"prompt":"line"}\n' 1 2 3 >inbox.jsonl
    quiet
    [ "$(jq -s -c 'map(.input.id)' answers.jsonl)" = '[1,2,3]' ]
    echo '{"id":4}' >>inbox.jsonl
    run "${cron[@]}"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *'line 4 has no member "prompt"'* ]]
    quiet
    # While another one is at work.
    printf '{"id":5,"prompt":"line"}\n' >>inbox.jsonl
    before=$(cksum <answers.jsonl)
    exec 8<inbox.jsonl
    flock -n 8
    quiet
    [ "$(cksum <answers.jsonl)" = "$before" ]
    exec 8<&-
    quiet
    "$GEN" -s 1 --jsonl --json --no-timings -f inbox.jsonl 2>/dev/null | cmp - answers.jsonl
    [ "$(ls -A | xargs)" = "answers.jsonl inbox.jsonl" ]
}

@test "slurm.sbatch with what Slurm sets: cut off, submitted again, joined by the line at its top" {
    seq 20 | sed 's/.*/{"id":&,"prompt":"The king had & sons"}/' >'my prompts.jsonl'
    "$GEN" --seed 1 -n 9 --jsonl --json --no-timings --file 'my prompts.jsonl' >whole
    tasks() {
        local task
        for task; do
            SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=${count:-4} SLURM_CPUS_PER_TASK=2 \
                sh "$EXAMPLES/slurm.sbatch" 'my prompts.jsonl' 'my answers' -n 9 2>>said
        done
    }
    tasks 1 2 4
    head -n 3 'my answers/1-of-4.jsonl' >'my answers/1-of-4.jsonl.partial'
    rm 'my answers/1-of-4.jsonl'
    tasks 1 2 3 4
    grep -q 'going on after the prompt with index 4,' said
    join=$(sed -n 's/^#   \(LC_ALL=C sort .*answers.jsonl\)  *when .*/\1/p' "$EXAMPLES/slurm.sbatch")
    bash -euc "${join/DIRECTORY/\'my answers\'}"
    cmp whole answers.jsonl
    count=1 SHARDS=4 tasks 2
    count=1
    run tasks 2
    [ "$status" -eq 2 ]
    [[ $(tail -n 1 said) == *'"2/1" is not I/N'* ]]
    run sh "$EXAMPLES/slurm.sbatch" 'my prompts.jsonl' 'my answers'
    [ "$status" -ne 0 ]
    [[ $output == *"SLURM_ARRAY_TASK_ID"*"submit this with sbatch"* ]]
}

@test "each script is in the table, and the table has no other" {
    grep -o '](.*)' "$EXAMPLES/README.md" | tr -d ']()' | sed 's/ .*//' | sort >named
    (cd "$EXAMPLES" && ls | grep -v README) | LC_ALL=C sort | diff - <(LC_ALL=C sort named)
}

#!/usr/bin/env bats
# gen train as several processes of MPI, by `make test-mpi`: $GEN is built with MPI=1, $GEN_ALONE
# without. What ranks do and agree on is tested in unit/test_ranks.c.

setup() {
    load ../cli/helper
    unset GEN_MODEL
    # What is tested is one machine with few cores, where containers run as root.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_rmaps_base_oversubscribe=1
    TEXT=$ROOT/tests/golden/train/text.txt
    OPTIONS=(--vocab "$MODEL" --n-layer 2 --n-head 2 --n-embd 32 --n-ctx 16 --batch-size 144
        --lr 3e-3 --warmup 5 --dropout 0.1 --valid-share 0.2 --valid-every 10 --steps 50 --log-every 100000)
}

# ranks N ARGUMENTS: gen with them as N processes; $status, $output and $stderr.
ranks() {
    local n=$1
    shift
    run --separate-stderr timeout 100 mpirun -n "$n" "$GEN" "$@"
}

# same_curve A B [N]: metrics are equal to 1e-5, losses and gradients; N validations or 5.
same_curve() {
    for member in step loss valid_loss grad_norm lr tokens epoch; do
        for file in "$1" "$2"; do
            grep -o "\"$member\":[^,}]*" "$file" | cut -d : -f 2 >"$file.$member"
        done
        paste "$1.$member" "$2.$member" | awk -v member="$member" -v least="${3:-5}" '
            { off = ($1 - $2) / ($1 == 0 ? 1 : $1); off = off < 0 ? -off : off; if (off > worst) worst = off }
            END { print member, NR, worst; exit !(NR >= least && worst <= 1e-5) }'
    done
}

# said TEXT: it is the one line of gen on stderr; mpirun has lines of its own there.
said() {
    echo "status $status, stdout '$output', stderr '$stderr'"
    [ "$(grep -c '^gen: ' <<<"$stderr")" -eq 1 ]
    [[ $stderr == *"$1"* ]]
}

@test "2 and 4 processes have the loss curve of one" {
    "$GEN_ALONE" train -q -o one.gguf --metrics one.jsonl "${OPTIONS[@]}" "$TEXT"
    for n in 2 4; do
        ranks "$n" train -o "m$n.gguf" --metrics "m$n.jsonl" --svg "m$n.svg" "${OPTIONS[@]}" "$TEXT"
        echo "$stderr"
        [ "$status" -eq 0 ]
        same_curve one.jsonl "m$n.jsonl"
        # One process speaks for all: the first line, the plan and the steps come once.
        [ "$(grep -c 'step 50/50' <<<"$stderr")" -eq 1 ]
        [ "$(grep -c 'million parameters' <<<"$stderr")" -eq 1 ]
        [ "$(wc -l <"m$n.jsonl")" -eq 51 ] # step 0 is a validation
        "$GEN_ALONE" inspect "m$n.gguf" >inspected
    done
    # And the same number has the same bits.
    ranks 4 train -q -o again.gguf "${OPTIONS[@]}" "$TEXT"
    same_state again.gguf.state m4.gguf.state
}

@test "so it is with Muon" {
    muon=("${OPTIONS[@]}" --optimizer muon --steps 20)
    "$GEN_ALONE" train -q -o one.gguf --metrics one.jsonl "${muon[@]}" "$TEXT"
    ranks 3 train -q -o three.gguf --metrics three.jsonl "${muon[@]}" "$TEXT"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    same_curve one.jsonl three.jsonl 2
}

@test "fine-tuning does the same, with adapters too" {
    for word in king wolf tower ship door horse; do
        printf '{"prompt": "One %s,", "completion": " two %ss and no more"}\n' "$word" "$word"
    done >pairs.jsonl
    pairs=(-m "$MODEL" --steps 20 --batch-size 5 --warmup 2 --valid pairs.jsonl --valid-every 5)
    for rank in 0 4; do
        lora=()
        [ "$rank" -eq 0 ] || lora=(--lora-rank "$rank")
        "$GEN_ALONE" finetune -q -o "one-$rank.gguf" --metrics one.jsonl "${pairs[@]}" "${lora[@]}" \
            pairs.jsonl
        ranks 3 finetune -q -o "three-$rank.gguf" --metrics three.jsonl "${pairs[@]}" "${lora[@]}" \
            pairs.jsonl
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        same_curve one.jsonl three.jsonl 4
    done
}

@test "without mpirun it is one process, to the same bits as a build without MPI" {
    gen train -q -o one.gguf "${OPTIONS[@]}" "$TEXT"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    mkdir alone
    (cd alone && "$GEN_ALONE" train -q -o one.gguf "${OPTIONS[@]}" "$TEXT")
    cmp one.gguf alone/one.gguf
    same_state one.gguf.state alone/one.gguf.state
}

@test "Ctrl-C stops all after the same step, and any number goes on" {
    for signal in INT TERM; do
        rm -f m.*
        timeout 100 mpirun -n 4 "$GEN" train -o m.gguf --metrics m.jsonl "${OPTIONS[@]}" \
            --steps 1000000000 "$TEXT" 2>said &
        job=$!
        for _ in $(seq 3000); do
            [ ! -e m.jsonl ] || [ "$(wc -l <m.jsonl)" -lt 5 ] || break
            sleep 0.01
        done
        # timeout is the parent of mpirun, and forwards no SIGINT.
        kill "-$signal" "$(pgrep -P "$job")"
        wait "$job" && return 1
        tail -n 5 said
        stopped=$(sed -n 's/.*after step \([0-9]*\).*; --resume goes on/\1/p' said)
        [ "$(wc -l <m.jsonl)" -eq "$((stopped + 1))" ]
        for n in 2 1; do
            stopped=$((stopped + 3))
            ranks "$n" train -o m.gguf --metrics m.jsonl "${OPTIONS[@]}" --steps "$stopped" \
                --resume "$TEXT"
            [ "$status" -eq 0 ]
            [ "$(wc -l <m.jsonl)" -eq "$((stopped + 1))" ]
        done
    done
}

@test "a process that dies ends all" {
    timeout 100 mpirun -n 4 "$GEN" train -q -o m.gguf --metrics m.jsonl "${OPTIONS[@]}" \
        --steps 1000000000 "$TEXT" &
    job=$!
    for _ in $(seq 3000); do
        [ ! -e m.jsonl ] || [ "$(wc -l <m.jsonl)" -lt 5 ] || break
        sleep 0.01
    done
    kill -KILL "$(pgrep -P "$(pgrep -P "$job")" | tail -n 1)"
    status=0
    wait "$job" || status=$?
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ] # not by timeout
}

@test "what fails on one process is one line, and ends all" {
    ranks 4 train -q -o m.gguf "${OPTIONS[@]}" --batch-size 48 "$TEXT"
    [ "$status" -eq 2 ]
    said "4 processes share the sequences of a step, and it has only 3"
    ranks 2 train -q -o m.gguf "${OPTIONS[@]}" nowhere
    [ "$status" -eq 1 ]
    said "nowhere: cannot open"
    run --separate-stderr timeout 100 mpirun -n 1 "$GEN" train -q -o m.gguf "${OPTIONS[@]}" "$TEXT" \
        : -n 1 "$GEN" train -q -o m.gguf "${OPTIONS[@]}" nowhere
    [ "$status" -eq 1 ]
    said "rank 1 of 2: nowhere: cannot open"
    ranks 2 train -q -o nowhere/m.gguf "${OPTIONS[@]}" "$TEXT"
    [ "$status" -eq 1 ]
    said "No such file or directory"
    ranks 2 train -q -o m.gguf "${OPTIONS[@]}" --metrics /dev/full "$TEXT"
    [ "$status" -ne 0 ]
    said "/dev/full"
}

@test "a build without MPI does not train as several processes" {
    run --separate-stderr timeout 100 mpirun -n 4 "$GEN_ALONE" train -o m.gguf "${OPTIONS[@]}" "$TEXT"
    [ "$status" -eq 2 ]
    said "4 processes were started to train one model, but this program was built without MPI"
    [ -z "$(ls m.gguf* 2>/dev/null)" ]
    # Nor one with MPI under another's launcher.
    PMI_SIZE=3 PMI_RANK=0 gen train -o m.gguf "${OPTIONS[@]}" "$TEXT"
    refused 2 "they did not find each other"
    # One process is one, and nothing else is anybody's business.
    run --separate-stderr timeout 100 mpirun -n 1 "$GEN_ALONE" train -q -o m.gguf "${OPTIONS[@]}" "$TEXT"
    [ "$status" -eq 0 ]
    run --separate-stderr timeout 100 mpirun -n 2 "$GEN_ALONE" -m "$MODEL" -n 2 Once
    [ "$status" -eq 0 ]
}

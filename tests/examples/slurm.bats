#!/usr/bin/env bats
# shellcheck disable=SC2011,SC2012,SC2016,SC2030,SC2031,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# scripts/examples/slurm.sbatch in a real Slurm: a cluster of this machine alone, with its own munged, in
# a scratch directory. Tasks are killed, and what comes out is compared with an unbroken run.

setup_file() {
    export SLURM_CONF=$BATS_FILE_TMPDIR/slurm.conf
    export LACKS= # why there is no Slurm here
    local scratch=$BATS_FILE_TMPDIR program
    for program in munged slurmctld slurmd sbatch; do
        if ! PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null; then
            LACKS="$program is missing (sh scripts/deps.sh examples)"
            return 0
        fi
    done
    local port=$((20000 + RANDOM % 20000)) host user
    host=$(hostname -s)
    user=$(id -un)
    mkdir "$scratch/state" "$scratch/spool"
    (umask 077 && head -c 128 /dev/urandom >"$scratch/munge.key")
    # No control groups, no accounting, and as many CPUs as the tasks of the test need.
    cat >"$SLURM_CONF" <<CONF
ClusterName=scratch
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$scratch/munge.sock,cred_expire=5
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
SlurmctldLogFile=$scratch/slurmctld.log
SlurmdLogFile=$scratch/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MailProg=/bin/true
KillWait=2
SchedulerParameters=sched_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
    # Not with the file descriptor on which bats waits.
    PATH=$PATH:/usr/sbin:/sbin start_daemons 3>&- >"$scratch/said" 2>&1 ||
        LACKS="Slurm does not run here: $(tail -qn 1 "$scratch"/*.log "$scratch"/said | tail -n 1)"
}

start_daemons() {
    munged --force --key-file="$BATS_FILE_TMPDIR/munge.key" --socket="$BATS_FILE_TMPDIR/munge.sock" \
        --pid-file="$BATS_FILE_TMPDIR/munged.pid" --log-file="$BATS_FILE_TMPDIR/munged.log" \
        --seed-file="$BATS_FILE_TMPDIR/munge.seed" && slurmctld && slurmd || return 1
    for _ in $(seq 200); do
        ! sinfo -h -o %t | grep -qx idle || return 0
        sleep 0.1
    done
    return 1
}

teardown_file() {
    local pid name
    for name in slurmd slurmctld munged; do
        if [ -s "$BATS_FILE_TMPDIR/$name.pid" ]; then
            [ "$name" != slurmd ] || scancel --name gen || true
            pid=$(cat "$BATS_FILE_TMPDIR/$name.pid")
            kill "$pid" || true
            for _ in $(seq 100); do
                kill -0 "$pid" 2>/dev/null || break
                sleep 0.1
            done
        fi
    done
}

setup() {
    [ -z "$LACKS" ] || skip "$LACKS"
    load ../cli/helper
    unset GEN_MODEL # the built-in one, which is slow enough to be killed
    # It notes its process, which Slurm has no say in.
    printf '#!/bin/sh\necho $$ >"pid.$SLURM_ARRAY_TASK_ID"\nexec "%s" "$@"\n' "$GEN" >noting
    chmod +x noting
    SBATCH=$ROOT/scripts/examples/slurm.sbatch
    seq 48 | sed 's/.*/{"id":&,"prompt":"The king had & sons"}/' >'my prompts.jsonl'
    OPTIONS=(-n 100 --ignore-eos --batch 1)
    "$GEN" --seed 1 --jsonl --json --no-timings "${OPTIONS[@]}" --file 'my prompts.jsonl' >whole
}

# submit ARGUMENTS: of sbatch; $job is the number
submit() {
    job=$(GEN=$PWD/noting sbatch --parsable "$@" "$SBATCH" 'my prompts.jsonl' 'my answers' "${OPTIONS[@]}")
}

await_end() {
    for _ in $(seq 1800); do
        [ -n "$(squeue -h -j "$job" 2>/dev/null)" ] || return 0
        sleep 0.1
    done
    squeue
    return 1
}

# The last record counts only once another one follows, as its line could have asked for several texts.
await_answers() {
    local n
    for _ in $(seq 1800); do
        n=$(wc -l 2>/dev/null <"my answers/$1-of-4.jsonl.partial") || n=0
        [ "$n" -lt 3 ] || return 0
        sleep 0.02
    done
    return 1
}

# The line that slurm.sbatch has for it.
join() {
    local line
    line=$(sed -n 's/^#   \(LC_ALL=C sort .*answers.jsonl\)  *when .*/\1/p' "$SBATCH")
    [ -n "$line" ]
    bash -euc "${line/DIRECTORY/\'my answers\'}"
}

@test "a job array: tasks killed and canceled, submitted again, give the bytes of an unbroken run" {
    submit
    await_answers 1
    kill -9 "$(cat pid.1)"
    await_answers 3
    scancel "${job}_3"
    await_end
    ls -l 'my answers'
    [ -s 'my answers/1-of-4.jsonl.partial' ]
    [ -s 'my answers/3-of-4.jsonl.partial' ]
    [ ! -e 'my answers/3-of-4.jsonl' ]
    [ "$(jq -s length 'my answers/2-of-4.jsonl')" -eq 12 ]
    submit
    await_end
    join
    cmp whole answers.jsonl
    [ "$(ls 'my answers' | wc -l)" -eq 4 ]
    grep -q 'going on after the prompt with index' "slurm-${job}_1.out"
    # One of the tasks alone, and all of them again: there is nothing to do.
    rm 'my answers/2-of-4.jsonl'
    SHARDS=4 submit --array=2
    await_end
    submit
    await_end
    join
    cmp whole answers.jsonl
    run grep -v 'going on after the prompt' slurm-"${job}"_[124].out
    [ -z "$output" ]
}

@test "a task that Slurm starts again by itself (--requeue) goes on" {
    submit --array=1-4
    await_answers 2
    scontrol requeue "${job}_2"
    await_end
    cat "slurm-${job}_2.out"
    join
    cmp whole answers.jsonl
    grep -q 'going on after the prompt with index' "slurm-${job}_2.out"
}

@test "a wrong command fails its task, and says why" {
    job=$(sbatch --parsable --array=1-2 "$SBATCH" nowhere.jsonl out)
    await_end
    scontrol show job "${job}_2" | grep -q 'JobState=FAILED'
    scontrol show job "${job}_2" | grep -q 'ExitCode=1:0'
    [ "$(cat "slurm-${job}_2.out")" = 'gen: nowhere.jsonl: No such file or directory' ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # scripts in quotes; set by bats and helper.bash
# Files that may be written in directories that may not, or where they may not be renamed over: open(2)
# for writing takes them, so they are overwritten, with what is whole elsewhere by then.

setup() {
    load helper
    mkdir closed
    printf '{"prompt":"a","completion":" b"}\n' >pairs.jsonl
}

teardown() {
    chmod 755 closed
}

# as_user COMMAND: run it as a user to whom modes mean something.
as_user() {
    if [ "$(id -u)" -ne 0 ]; then
        run --separate-stderr timeout 60 "$@"
        return
    fi
    command -v setpriv >/dev/null || skip "no setpriv to become another user"
    chmod 777 .
    cp "$GEN" gen-of-all
    [ "$1" != "$GEN" ] || { shift && set -- ./gen-of-all "$@"; }
    run --separate-stderr timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    [[ $output$stderr != *"$MODEL"*"ermission denied"* ]] || skip "the model cannot be read by everybody"
}

# written NAME...: each of these in closed, which everybody may write, is filled anew by what follows
# `--`, as by the same command in an open directory.
written() {
    local name names=()
    while [ "$1" != -- ]; do
        names+=("$1")
        shift
    done
    shift
    for name in "${names[@]}"; do
        # Longer than anything that comes.
        head -c 3000000 /dev/zero | tr '\0' o >closed/"$name"
        chmod 666 closed/"$name"
        stat -c %i closed/"$name" >inode-"$name"
    done
    chmod 555 closed
    as_user "$GEN" "${@//PLACE/closed}"
    echo "status $status: $stderr"
    [ "$status" -eq 0 ]
    mkdir -p open
    "$GEN" "${@//PLACE/open}"
    for name in "${names[@]}"; do
        cmp open/"$name" closed/"$name"
        [ "$(stat -c %i closed/"$name")" = "$(cat inode-"$name")" ]
    done
    [ "$(find closed -type f | wc -l)" -eq "${#names[@]}" ]
    chmod 755 closed
    rm closed/*
}

@test "every output may be a file in a directory that cannot be written" {
    written text -- -m "$MODEL" -s 1 -n 3 -o PLACE/text Hello
    written text logits -- -m "$MODEL" -s 1 -n 3 --json --no-timings -o PLACE/text --save-logits PLACE/logits Hello
    written lines -- -m "$MODEL" -s 1 -n 3 --lines -f pairs.jsonl -o PLACE/lines
    written ids -- tokenize -m "$MODEL" -o PLACE/ids -p Hello
    written m.gguf -- convert -q "$MODEL" PLACE/m.gguf
}

@test "checkpoints, metrics and the curve of a run in such a directory" {
    "$GEN" finetune -q -m "$MODEL" -o closed/t.gguf --steps 2 --metrics closed/m.jsonl --svg closed/c.svg pairs.jsonl
    chmod 666 closed/*
    sum=$(cat closed/t.gguf closed/t.gguf.state | cksum)
    find closed | sort >before
    chmod 555 closed
    as_user "$GEN" finetune -q -m "$MODEL" -o closed/t.gguf --steps 4 --resume \
        --metrics closed/m.jsonl --svg closed/c.svg pairs.jsonl
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(cat closed/t.gguf closed/t.gguf.state | cksum)" != "$sum" ]
    [ "$(grep -c '^{"step":' closed/m.jsonl)" -eq 4 ]
    [ "$(tail -n 1 closed/c.svg)" = "</svg>" ]
    [ "$(find closed | sort)" = "$(cat before)" ]
    gen inspect closed/t.gguf
    [ "$status" -eq 0 ]
}

@test "what cannot be had there leaves the old file, and a new one is refused" {
    echo precious >closed/text
    chmod 666 closed/text
    chmod 555 closed
    as_user "$GEN" -m "$MODEL" -n 1 -o closed/new Hello
    refused 1 "closed/new: cannot create: Permission denied"
    cp "$GEN" gen-of-all
    as_user prlimit --fsize=8192 ./gen-of-all -m "$MODEL" -n 60 --ignore-eos \
        --save-logits closed/text Hello
    echo "status $status: $stderr"
    [ "$status" -eq 1 ]
    [[ $stderr == *"closed/text: cannot write: File too large" ]]
    [ "$(cat closed/text)" = precious ]
    command -v flock >/dev/null || skip "no flock to lock a file"
    (flock 9 && sleep 1) 9<closed/text 3>&- &
    sleep 0.2
    as_user "$GEN" -m "$MODEL" -n 1 -o closed/text Hello
    refused 1 "closed/text: cannot overwrite: Text file busy"
    [ "$(cat closed/text)" = precious ]
}

@test "a file of somebody else's in a sticky directory is overwritten, too" {
    [ "$(id -u)" -eq 0 ] || skip "takes two users"
    echo precious >closed/text
    chmod 666 closed/text
    chmod 1777 closed
    as_user "$GEN" -m "$MODEL" -n 0 -o closed/text Hello
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(cat closed/text)" = Hello ]
    [ "$(stat -c %u closed/text)" -eq 0 ]
    [ "$(find closed -type f)" = closed/text ]
}

@test "a prompt cache that cannot be replaced there is only read" {
    "$GEN" -n 1 --prompt-ids '1 2 3 4' --prompt-cache closed/p >/dev/null
    cp closed/p before
    for mode in 444 666; do
        chmod "$mode" closed/p
        chmod 555 closed
        for ids in '1 2 3 4' '9 8 7 6'; do
            as_user "$GEN" -v -n 1 --greedy --prompt-ids "$ids" --prompt-cache closed/p
            echo "status $status: $stderr"
            [ "$status" -eq 0 ]
            [[ $stderr == *"prompt cache closed/p: 4 tokens"* ]]
            cmp closed/p before
        done
        [[ $stderr == *"prompt cache closed/p: cannot be replaced, so it stays as it is"* ]]
        as_user "$GEN" -n 1 --prompt-ids "$ids" --prompt-cache closed/new
        [ "$status" -eq 1 ]
        [[ $stderr == "gen: closed/new: cannot create: Permission denied" ]]
        chmod 755 closed
    done
    [ "$(find closed -type f | wc -l)" -eq 1 ]
}

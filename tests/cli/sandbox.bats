#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# What a run gives up once its inputs are read and its outputs are open, seen from outside: what it
# calls then. test_sandbox.c tries it from inside.

setup() {
    load helper
    printf 'Hello\n' >hello
    printf '{"prompt": "Hello"}\n{"prompt": "Once"}\n' >lines
}

# Skip where there is no sandbox to be seen. LeakSanitizer cannot work under strace, nor is a program
# with sanitizers sandboxed.
need_sandbox() {
    [ -z "${GEN_SANITIZE:-}" ] || skip "a program with sanitizers enters no sandbox"
    command -v strace >/dev/null || skip "no strace (make deps)"
    strace -f -o /dev/null true 2>/dev/null || skip "strace may not trace here"
    run --separate-stderr "$GEN" tokenize -v -p Hello
    [[ $stderr == *"sandbox: seccomp"* ]] || skip "no seccomp: $stderr"
    landlock=
    [[ $stderr != *"seccomp and Landlock"* ]] || landlock=1
}

# traced ARGUMENTS: run it, and have what it called in `calls`.
traced() {
    strace -f -s 16 -o calls "$GEN" "$@" >out
}

# What `calls` has after the filter, in `after`, of one thread or more.
split_calls() {
    local loaded='(seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER).* = 0$'
    [ "$(grep -cE "$loaded" calls)" -eq 1 ] || { echo "no filter, or two" && return 1; }
    sed -nE "1,/$loaded/p" calls >before
    sed -E "1,/$loaded/d" calls >after
}

# Calls that got through in `after`, of those that a model's author could use; a thread's clone has
# CLONE_THREAD. What was interrupted has its result in a line of its own.
got_through() {
    local names='open|openat|openat2|creat|open_by_handle_at|socket|socketpair|connect|bind|listen'
    names+='|accept|accept4|sendto|sendmsg|execve|execveat|fork|vfork|clone3|ptrace|process_vm_readv'
    names+='|process_vm_writev|kill|tkill|io_uring_setup|bpf|mount|chroot|memfd_create|userfaultfd'
    grep -E "^[0-9]+ +(<\.\.\. )?($names)(\(| resumed)" after | grep -vE '= -1 E|<unfinished' || true
    grep -E '^[0-9]+ +clone\(' after | grep -vE '= -1 E|CLONE_THREAD' || true
}

# sealed ARGUMENTS: what must hold of a run.
sealed() {
    traced "$@"
    split_calls
    # The whole process has the filter: other threads that it had call nothing any more.
    main=$(head -n 1 before | cut -d ' ' -f 1)
    cut -d ' ' -f 1 before | grep -vx "$main" | sort -u >others || true
    grep -E '^[0-9]+ +[^+ ]' after | cut -d ' ' -f 1 | grep -xqFf others && return 1
    # Nothing was written before.
    grep -q ' write(1,' before && return 1
    [ -z "$landlock" ] || grep -qE ' (landlock_restrict_self|syscall_0x1be)\(.* = 0$' before
    got_through >violations
    cat violations
    [ ! -s violations ]
}

@test "generate: no file, network or program after its model is read" {
    need_sandbox
    sealed -t 2 --greedy -n 4 Hello
    [ "$("$GEN" --no-sandbox --greedy -n 4 Hello)" = "$(cat out)" ]
    # Threads come afterwards, and have it too.
    grep -q CLONE_THREAD after
    sealed -t 2 -n 4 --jsonl --json <lines
    [ "$(wc -l <out)" -eq 2 ]
    grep -q 'read(0, ' after
    sealed -t 1 -n 4 -f hello
}

@test "generate: an output gets its name, and nothing else is opened" {
    need_sandbox
    sealed -t 2 --greedy -n 4 -o text Hello
    grep -q 'rename' after
    [ "$("$GEN" --greedy -n 4 Hello)" = "$(cat text)" ]
    sealed -t 1 -n 4 --lines -f hello -o text --save-logits logits
    [ -s logits ]
}

@test "tokenize: no file, network or program after its text is read" {
    need_sandbox
    sealed tokenize hello
    [ "$("$GEN" tokenize --no-sandbox hello)" = "$(cat out)" ]
    cp out ids
    sealed tokenize --decode ids
    cmp out hello
    sealed tokenize --json < <(sleep 0.2 && cat hello)
    grep -q '"count":' out
    sealed tokenize -o text hello
    cmp text ids
    grep -q 'rename' after
}

@test "explain: no file, network or program after its text is read" {
    need_sandbox
    sealed explain -t 2 Hello
    [ "$("$GEN" explain --no-sandbox Hello)" = "$(cat out)" ]
    sealed explain -t 2 --json -f hello
    sealed explain -t 2 -o page.html -f hello
    [ -s page.html ]
    grep -q 'rename' after
}

@test "score, eval, compare: no file, network or program after models and texts are read" {
    need_sandbox
    sealed score -t 2 --lines -f hello
    sealed eval -t 2 --text hello -o judged
    grep -q 'rename' after
    "$GEN" convert -q --type q4_0 "$MODEL" q4.gguf
    sealed compare -t 2 -m "$MODEL" -m q4.gguf --text "$ROOT/tests/golden/tale.txt" --convention llama.cpp \
        --save-base base.kld --svg size.svg -o table
    [ "$(grep -c 'rename' after)" -ge 3 ]
    [ -s base.kld ] && [ -s size.svg ] && [ -s table ]
    sealed compare -t 2 -m "$MODEL" -m q4.gguf --base base.kld
}

@test "--no-sandbox keeps everything, and this test would see it" {
    need_sandbox
    traced --no-sandbox -n 1 Hello
    run split_calls
    [ "$output" = "no filter, or two" ]
    traced tokenize --no-sandbox hello
    run split_calls
    [ "$output" = "no filter, or two" ]
    run --separate-stderr "$GEN" tokenize -v --no-sandbox hello
    [ -z "$stderr" ]
    traced tokenize hello
    split_calls
    for call in 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3' \
        '<... openat resumed>)       = 3' 'socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3' \
        'clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>' 'fork() = 7' \
        'execve("/bin/sh", ["sh"], 0x7ffe /* 9 vars */) = 0'; do
        echo "1234  $call" >after
        [ -n "$(got_through)" ]
    done
    echo '1234  openat(AT_FDCWD, "/sys", O_RDONLY) = -1 EPERM (Operation not permitted)' >after
    [ -z "$(got_through)" ]
}

@test "a signal removes the output of tokenize that is not whole" {
    # Long enough to be seen.
    seq 700000 >large
    for signal in INT TERM HUP; do
        echo precious >ids
        "$GEN" tokenize --json -o ids large 3>&- &
        job=$!
        for _ in $(seq 2000); do
            [ -z "$(find . -name '.gen-*.tmp')" ] || break
            sleep 0.005
        done
        kill -"$signal" "$job"
        status=0
        wait "$job" || status=$?
        [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        [ "$(cat ids)" = precious ]
        [ -z "$(find . -name '.gen-*.tmp')" ]
    done
}

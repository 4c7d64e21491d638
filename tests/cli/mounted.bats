#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Outputs that are mount points of their own, as containers have them: they cannot be renamed over,
# and are overwritten. strace makes the calls fail.

setup() {
    load helper
    command -v strace >/dev/null || skip "no strace to make calls fail"
    strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
}

# over FAULTS...: write "Hello" and a line end over out, which rename(2) calls busy.
over() {
    # The leak checker stops threads as a debugger does, and strace is one already.
    export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
    faults=()
    for fault in rename:error=EBUSY:when=1 "$@"; do
        faults+=(-e inject="$fault")
    done
    run --separate-stderr strace -f -o /dev/null -e trace=rename,pwrite64,ftruncate,fsync "${faults[@]}" \
        "$GEN" -n 0 -o out Hello
}

@test "no room for what a mounted file grows by leaves it as it was" {
    printf abc >out
    over pwrite64:error=ENOSPC:when=1
    refused 1 "out: cannot overwrite: No space left on device"
    [ "$(cat out)" = abc ]
    [ -z "$(find . -name '.gen-*' -o -name '*.partial')" ]
    # Half of it went there already.
    over pwrite64:error=EIO:when=2
    refused 1 "out: cannot be overwritten and is damaged now: Input/output error"
    [ "$(cat out.partial)" = Hello ]
}

@test "a mounted file that is damaged leaves the new one next to it" {
    printf 'precious things' >out
    over pwrite64:error=EIO:when=1
    refused 1 "(what was to be in it is in out.partial)"
    [ "$(cat out.partial)" = Hello ]
    [ -z "$(find . -name '.gen-*')" ]
    # It is replaced when all goes well, and its length is the new one's.
    rm out.partial
    over
    [ "$status" -eq 0 ]
    [ "$(cat out)" = Hello ]
    [ -z "$(find . -name '.gen-*' -o -name '*.partial')" ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Whichever allocation fails, a text comes out whole or the run fails and says so.

setup() {
    load helper
    [ "$(uname)" = Linux ] || skip "LD_PRELOAD is needed"
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers bring an allocator of their own"
    # The FAIL_AT-th call from the start of main on returns NULL; how many there were: FAIL_COUNT.
    cat >fail.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static long n, at;
static void *(*real)(void *, size_t);
__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("FAIL_AT");
    *(void **)&real = dlsym(RTLD_NEXT, "realloc");
    at = text != NULL ? atol(text) : 0;
    n = 0;
}
__attribute__((destructor)) static void end(void) {
    const char *path = getenv("FAIL_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file != NULL) {
        fprintf(file, "%ld\n", n);
        fclose(file);
    }
}
void *realloc(void *old, size_t size) {
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "realloc");
    }
    return ++n == at ? NULL : real(old, size);
}
END
    cc -shared -fPIC -o fail.so fail.c -ldl || skip "no shared library can be made here"
}

# whole ARGUMENTS: let every growing of memory fail in turn.
whole() {
    "$GEN" --no-sandbox "$@" >right
    FAIL_COUNT=count LD_PRELOAD=$PWD/fail.so "$GEN" --no-sandbox "$@" >/dev/null
    local n=0
    while [ "$n" -lt "$(cat count)" ]; do
        n=$((n + 1))
        status=0
        FAIL_AT=$n LD_PRELOAD=$PWD/fail.so timeout 60 "$GEN" --no-sandbox "$@" >out 2>err || status=$?
        if [ "$status" -eq 0 ]; then
            cmp out right || { echo "failure $n of: $*"; return 1; }
        else
            [ "$status" -eq 1 ]
            grep -q 'out of memory\|no memory' err || { echo "failure $n of $*: $(cat err)"; return 1; }
        fi
    done
    [ "$n" -gt 5 ]
}

@test "no part of a text is lost without memory" {
    "$GEN" convert "$MODEL" m.gguf 2>/dev/null
    whole -m m.gguf -t 1 -n 2 --greedy "Once upon"
}

@test "no member of the JSON is lost without memory" {
    "$GEN" convert "$MODEL" m.gguf 2>/dev/null
    whole -m m.gguf -t 1 -n 2 --greedy --json --logprobs 2 --no-timings "Once upon"
}

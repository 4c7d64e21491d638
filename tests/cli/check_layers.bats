#!/usr/bin/env bats
# scripts/check_layers.sh sees every breach of the architecture: each test breaks one rule in a
# small tree that is otherwise in order.

setup() {
    script=$BATS_TEST_DIRNAME/../../scripts/check_layers.sh
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir -p src/base src/tensor src/sample src/model src/cli src/cmd include tests scripts .ci build
    touch Makefile
    echo '#include <stddef.h>' >include/gen_base.h
    printf '#include <stdint.h>\n#include "gen_base.h"\n' >include/gen.h
    printf '#include <stdint.h>\n#include "gen.h"\n' >include/gen_train.h
    touch src/base/memory.h src/tensor/ops.h src/cli/options.h src/cmd/commands.h
    printf '#include <stdio.h>\n#include "tensor/ops.h"\n#include "gen.h"\n' >src/model/forward.c
    printf '#include "cli/options.h"\n#include "cmd/commands.h"\n#include "gen_train.h"\n' >src/main.c
    library 'static const char *const names[] = {"a", "b"};
             const char *name_of(int i) { return names[i]; }'
}

# Make build/libgen.a of one source file, $2.c, with the given text.
library() {
    rm -f build/libgen.a
    echo "$1" >"build/${2:-forward}.c"
    (cd build && cc -fPIC -fno-builtin -w -c "${2:-forward}.c" && ar rcs libgen.a "${2:-forward}.o")
}

check() {
    run sh "$script" build/libgen.a
}

# refused TEXT: the script fails, on one breach, and says TEXT
refused() {
    check
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} == *"$1"* ]]
}

@test "a tree in order passes" {
    check
    [ "$status" -eq 0 ]
    [ "$output" = "check-layers: all rules hold" ]
}

@test "this repository passes" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers' own data is in this library"
    cd "$BATS_TEST_DIRNAME/../.."
    run sh "$script" "$(dirname "$GEN")/libgen.a"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "without a library it says how it is used" {
    run sh "$script"
    [ "$status" -eq 2 ]
    run sh "$script" build/none.a
    [ "$status" -eq 2 ]
}

@test "within training, gradients include neither optimizers nor runs" {
    mkdir -p src/train/gradient src/train/optimizer
    touch src/train/gradient/pass.h src/train/optimizer/adamw.h src/train/trainer.h
    printf '#include "train/gradient/pass.h"\n' >src/train/optimizer/muon.c
    printf '#include "train/optimizer/adamw.h"\n#include "train/trainer.h"\n' >src/train/trainer.c
    check
    [ "$status" -eq 0 ]
    echo '#include "train/trainer.h"' >src/train/optimizer/adamw.c
    refused 'src/train/optimizer/adamw.c:1: train must not include "train/trainer.h"'
    rm src/train/optimizer/adamw.c
    echo '#include "train/optimizer/adamw.h"' >src/train/gradient/pass.c
    refused 'src/train/gradient/pass.c:1: train must not include "train/optimizer/adamw.h"'
}

@test "a room must not include a higher room" {
    echo '#include "model/forward.h"' >src/base/error.c
    refused 'src/base/error.c:1: base must not include "model/forward.h"'
}

@test "rooms of one level do not know each other" {
    echo '  #  include "sample/sampler.h"' >src/tensor/ops.h
    refused 'src/tensor/ops.h:1: tensor must not include "sample/sampler.h"'
}

@test "text is above base, and data below what runs and describes models" {
    mkdir -p src/text src/data src/format src/arch
    touch src/format/gguf.h src/arch/arch.h
    echo '#include "base/memory.h"' >src/text/json.c
    echo '#include "text/json.h"' >src/data/pairs.c
    check
    [ "$status" -eq 0 ]
    echo '#include "text/json.h"' >src/base/error.c
    refused 'src/base/error.c:1: base must not include "text/json.h"'
    rm src/base/error.c
    echo '#include "arch/arch.h"' >src/data/pairs.c
    refused 'data must not include "arch/arch.h"'
    echo '#include "format/gguf.h"' >src/data/pairs.c
    refused 'data must not include "format/gguf.h"'
}

@test "headers do not include each other, by whatever way" {
    echo '#include "base/error.h"' >src/base/file.h
    echo '#include "base/memory.h"' >src/base/error.h
    check
    [ "$status" -eq 0 ]
    echo '#include "base/file.h"' >src/base/memory.h
    check
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 4 ]
    for file in error file memory; do
        [[ $output == *"base/$file.h: is in a circle of files that include each other"* ]]
    done
}

@test "files of the library do not call each other" {
    library 'int second(void); int first(void) { return second(); }' first
    (cd build && echo 'int second(void) { return 2; }' >second.c && cc -fPIC -w -c second.c && ar rs libgen.a second.o)
    check
    [ "$status" -eq 0 ]
    (cd build && echo 'int first(void); int second(void) { return first(); }' >second.c && cc -fPIC -w -c second.c &&
        ar rs libgen.a second.o)
    check
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[0]}" = "first.o: is in a circle of files that call each other" ]
    [ "${lines[1]}" = "second.o: is in a circle of files that call each other" ]
}

@test "kernels below a room keep the room's level" {
    mkdir -p src/tensor/kernels/sets
    echo '#include "model/forward.h"' >src/tensor/kernels/sets/avx2.c
    refused 'tensor must not include "model/forward.h"'
}

@test "the library does not include the program" {
    echo '#include "cli/options.h"' >src/model/weights.c
    refused 'model must not include "cli/options.h"'
}

@test "the program sees of the library the public headers, base and text alone" {
    printf '#include "base/memory.h"\n#include "text/utf8.h"\n' | tee src/cmd/generate.c >src/cli/options.c
    check
    [ "$status" -eq 0 ]
    echo '#include "tensor/ops.h"' >src/cmd/generate.c
    refused 'src/cmd/generate.c:1: cmd must not include "tensor/ops.h"'
}

@test "cli does not include cmd" {
    echo '#include "cmd/commands.h"' >src/cli/options.c
    refused 'cli must not include "cmd/commands.h"'
}

@test "includes are written from src/" {
    echo '#include "memory.h"' >src/base/memory.c
    refused '"memory.h" is not written from src/'
    echo '#include "../base/memory.h"' >src/base/memory.c
    refused 'is not written from src/'
}

@test "own headers are not written in angle brackets" {
    echo '#include <base/memory.h>' >src/cmd/generate.c
    refused '<base/memory.h> is not a system header'
    echo '#include <gen_train.h>' >src/cmd/generate.c
    refused '<gen_train.h> is not a system header'
}

@test "includes through macros are refused" {
    echo '#include HEADER' >src/base/memory.c
    refused 'an #include through a macro cannot be checked'
}

@test "a room needs a level" {
    mkdir src/attic
    touch src/attic/old.c
    refused 'src/attic/old.c: is in a room that has no level'
}

@test "a public header includes system headers and lower public ones only, and each has a level" {
    for name in base/memory.h gen.h gen_train.h; do
        printf '#include <stddef.h>\n#include "%s"\n' "$name" >include/gen.h
        refused "include/gen.h:2: gen.h must not include \"$name\""
    done
    echo '#include <stddef.h>' >include/gen.h
    echo '#include <base/memory.h>' >>include/gen_train.h
    refused 'include/gen_train.h:3: <base/memory.h> is not a system header'
    echo '#include "gen.h"' >include/gen_train.h
    touch include/other.h
    refused 'include/other.h: a public header that has no level'
}

@test "the library neither prints, nor ends the process, nor reads the environment" {
    names='exit _exit abort __assert_fail printf __printf_chk puts putchar fprintf vprintf
        __vfprintf_chk perror stdout stderr getenv secure_getenv environ setlocale strtok rand srand
        signal'
    library "$(for name in $names; do
        echo "extern const char ${name}[]; const char *use_$name(void) { return $name; }"
    done)"
    check
    [ "$status" -eq 1 ]
    for name in exit abort assert_fail printf puts putchar fprintf vprintf vfprintf perror stdout \
        stderr getenv secure_getenv environ setlocale strtok rand srand signal; do
        [[ $output == *"forward.o: the library must not use $name"* ]]
    done
    # exit and _exit, printf and its checked form, come under one name each.
    [ "${#lines[@]}" -eq $(($(echo "$names" | wc -w) + 1)) ]
    library 'int snprintf(char *, unsigned long, const char *, ...), print_f(void), rand_r(void *);
        int f(char *c) { return snprintf(c, 1, "%p", c) + print_f() + rand_r(c); }'
    check
    [ "$status" -eq 0 ]
}

@test "the library allocates in base/memory.c alone" {
    source='void *malloc(unsigned long); void *f(void) { return malloc(1); }'
    library "$source"
    refused 'forward.o: calls malloc'
    library "$source" memory
    check
    [ "$status" -eq 0 ]
}

@test "the library starts threads in base/threads.c alone" {
    source='int pthread_create(void *); int f(void) { return pthread_create(0); }'
    library "$source"
    refused 'forward.o: calls pthread_create'
    library "$source" threads
    check
    [ "$status" -eq 0 ]
}

@test "the library keeps no writable data" {
    for text in 'int counter;' 'static int counter; int f(void) { return counter++; }' \
        'int counter = 1;' 'static int counter = 1; int *f(void) { return &counter; }' \
        'int f(void) { static int counter; return counter++; }' \
        '__thread int counter;' '__thread int counter = 3;' \
        '__attribute__((common)) int counter;' 'static int x; int *counter = &x;'; do
        library "$text"
        check
        [ "$status" -eq 1 ]
        [[ $output == *"counter"*" is writable ("* ]]
    done
}

@test "a file of 600 lines passes, a longer one does not" {
    yes '' | head -600 >src/base/memory.c
    check
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    yes '' | head -601 >src/base/memory.c
    refused 'src/base/memory.c: has 601 lines'
}

@test "nothing strange at the top level, no build products outside build/" {
    touch notes.txt
    refused 'notes.txt: does not belong at the top level'
    rm notes.txt
    for name in src/base/error.o tests/libx.a src/base/error.d tests/a.out; do
        touch "$name"
        refused "$name: a build product outside build/"
        rm "$name"
    done
    cp "$(command -v ls)" scripts/tool
    refused 'scripts/tool: a compiled program outside build/'
}

#!/usr/bin/env bats
# The public headers, as a program of somebody else's includes them.

setup() {
    load helper
}

@test "each public header can be included alone, in C and in C++" {
    for header in "$ROOT"/include/*.h; do
        echo "#include \"$(basename "$header")\"" >alone.c
        cc -std=c17 -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" -fsyntax-only alone.c
        ! command -v c++ >/dev/null || c++ -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" -fsyntax-only -x c++ alone.c
    done
}

@test "gen.h names every other public header" {
    for header in "$ROOT"/include/*.h; do
        grep -qF "$(basename "$header")" "$ROOT/include/gen.h"
    done
}

@test "a program that needs the tokenizer alone includes its header alone" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers' own libraries are needed too"
    cat >ids.c <<'C'
#include <stdio.h>

#include "gen_tokenizer.h"

int main(int argc, char **argv) {
    struct gen_tokenizer *tokenizer;
    struct gen_ids ids = {0};
    struct gen_error error;
    if (argc != 3 || gen_tokenizer_open(&tokenizer, argv[1], &error) ||
        gen_tokenizer_encode(tokenizer, argv[2], 5, false, &ids, &error))
        return 1;
    for (size_t i = 0; i < ids.n; i++)
        printf("%d\n", (int)ids.data[i]);
    gen_ids_release(&ids);
    gen_tokenizer_free(tokenizer);
    return 0;
}
C
    flags=$(grep -o 'cc hello.c -lgen.*' "$ROOT/include/gen.h")
    # shellcheck disable=SC2086 # several words
    ${flags/hello/ids} -I"$ROOT/include" -L"$(dirname "$GEN")" -o ids
    [ "$(./ids "$MODEL" "Once ")" = \
        "$("$GEN" tokenize -p "Once " | tr ' ' '\n')" ]
}

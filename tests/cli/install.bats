#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them
# What `make install` puts where, and a program of somebody else's that is built with it.

setup() {
    load helper
    BUILD=$(dirname "$GEN")
    [ -e "$BUILD/lib/libgen.a" ] || skip "this build is not for installing (sanitizers)"
    at=$PWD/at
    # In a clean environment: the make that runs the tests hands its variables down.
    make=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s --no-print-directory -C "$ROOT" "BUILD=$BUILD")
}

has_shared() {
    compgen -G "$BUILD/lib/libgen.so.*" >/dev/null
}

@test "every file goes where its system looks, and uninstall takes all away" {
    "${make[@]}" install DESTDIR="$at" prefix=/usr libdir=/usr/lib/there mandir=/man bashcompletiondir=/bash
    cmp "$GEN" at/usr/bin/gen
    for header in "$ROOT"/include/*.h; do
        cmp "$header" "at/usr/include/$(basename "$header")"
    done
    [ -s at/usr/lib/there/libgen.a ]
    [ -s at/usr/share/doc/gen/LICENSE ]
    [ -s at/usr/share/doc/gen/README.md ]
    for example in "$ROOT"/scripts/examples/*; do
        cmp "$example" "at/usr/share/doc/gen/examples/$(basename "$example")"
    done
    grep -qx 'libdir=${prefix}/lib/there' at/usr/lib/there/pkgconfig/gen.pc
    grep -qx "Version: $("$GEN" --version | sed -n 's/^gen //p')" at/usr/lib/there/pkgconfig/gen.pc
    if [ -e "$BUILD/share/man1/gen.1" ]; then
        [ -s at/man/man1/gen-finetune.1 ]
        [ -s at/bash/gen ]
        [ -s at/usr/share/zsh/site-functions/_gen ]
        [ -s at/usr/share/fish/vendor_completions.d/gen.fish ]
    fi
    touch at/usr/share/doc/gen/own at/man/man1/gen-other.1
    "${make[@]}" uninstall DESTDIR="$at" prefix=/usr libdir=/usr/lib/there mandir=/man bashcompletiondir=/bash
    [ ! -e at/usr/share/doc/gen/models ]
    [ "$(find at ! -type d | sort | xargs)" = "at/man/man1/gen-other.1 at/usr/share/doc/gen/own" ]
}

@test "PREFIX is prefix; a link in README.md or scripts/manual/guide.md leads to a file that is installed too" {
    PREFIX=/opt "${make[@]}" install DESTDIR="$at"
    "${make[@]}" install DESTDIR="$at" PREFIX=/opt2
    cmp "$GEN" at/opt/bin/gen
    cmp "$GEN" at/opt2/bin/gen
    grep -qx prefix=/opt at/opt/lib/pkgconfig/gen.pc
    "${make[@]}" uninstall DESTDIR="$at" PREFIX=/opt2
    [ ! -e at/opt2/share/doc/gen ]
    grep -oh '](\(models\|scripts\)/[^)]*)' "$ROOT/README.md" | sed 's/^](//; s/[)#].*//' | while read -r file; do
        [ -e "at/opt/share/doc/gen/$file" ]
    done
}

@test "what was built is what is installed: other flags build nothing" {
    before=$(cksum <"$GEN")
    "${make[@]}" install DESTDIR="$at" CFLAGS=-O0 CC=cc EMBEDDED_MODEL=
    [ "$(cksum <at/usr/local/bin/gen)" = "$before" ]
    [ "$(cksum <"$GEN")" = "$before" ]
}

@test "the libraries show gen_ and nothing else, and that is what the headers declare" {
    has_shared || skip "names are hidden with GNU's tools only"
    cat "$ROOT"/include/*.h | grep -o '\bgen_[a-z0-9_]*' | sort -u >declared
    nm -g --defined-only "$BUILD/lib/libgen.a" | awk 'NF == 3 { print $3 }' | sort -u >static
    nm -D --defined-only "$BUILD"/lib/libgen.so.* | awk 'NF == 3 { print $3 }' | sort -u >shared
    [ "$(wc -l <static)" -gt 50 ]
    diff static shared
    [ -z "$(comm -23 static declared)" ]
}

write_program() {
    cat >hello.c <<'C'
#include <stdio.h>
#include <string.h>

#include <gen.h>

int main(int argc, char **argv) {
    struct gen_model *model;
    struct gen_error error;
    struct gen_ids ids = {0};
    if (argc != 2 || gen_model_open(&model, argv[1], NULL, &error)) {
        return 1;
    }
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    if (gen_tokenizer_encode(tokenizer, "Hi", 2, false, &ids, &error)) {
        return 1;
    }
    for (size_t i = 0; i < ids.n; i++) {
        printf("%s%d", i > 0 ? " " : "", (int)ids.data[i]);
    }
    puts("\n" GEN_VERSION);
    gen_ids_release(&ids);
    gen_model_free(model);
    return 0;
}
C
}

@test "a C program is built with pkg-config alone and runs, with the shared and the static library" {
    command -v cc >/dev/null || skip "the C compiler cc is missing"
    "${make[@]}" install prefix="$at"
    write_program
    export PKG_CONFIG_PATH=$at/lib/pkgconfig
    expected=$("$GEN" tokenize -p Hi)$'\n'$("$GEN" --version | sed -n 's/^gen //p')
    if has_shared; then
        # shellcheck disable=SC2046 # several words
        cc -Wall -Wextra -Werror hello.c $(pkg-config --cflags --libs gen) -o shared
        [ "$(LD_LIBRARY_PATH=$at/lib ./shared "$MODEL")" = "$expected" ]
        # It asks for the soname; without the library it does not start.
        readelf -d shared | grep -q 'NEEDED.*libgen\.so\.0\.1\]'
        ! ./shared "$MODEL" 2>/dev/null
    fi
    rm -f "$at"/lib/libgen.so*
    # shellcheck disable=SC2046
    cc hello.c $(pkg-config --static --cflags --libs gen) -o static
    [ "$(./static "$MODEL")" = "$expected" ]
}

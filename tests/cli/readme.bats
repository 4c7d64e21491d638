#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Every example of README.md, then of the guide, as a reader would type it.
#
# A block marked `console` holds commands after "$ " and their exact output. A block marked `sh`
# holds commands that must succeed; there, a tiny model is in the Hugging Face cache in the
# place of openai-community/gpt2, and make and sh do nothing. `hf` is the real one, without a
# network, where there is one (sh scripts/deps.sh hf); else it does nothing either, and the test of it
# is skipped.

setup() {
    load helper
    mkdir -p bin build
    ln -s "$GEN" bin/gen
    ln -s "$GEN" build/gen
    hf=$(command -v hf || true)
    [ ! -x "$ROOT/build/hf/bin/hf" ] || hf=$ROOT/build/hf/bin/hf
    for command in make sh hf; do
        printf '#!/bin/sh\nexit 0\n' >"bin/$command"
        chmod +x "bin/$command"
    done
    [ -z "$hf" ] || ln -sf "$hf" bin/hf
    mkdir scripts
    # As the hub's own programs lay it out.
    revision=607a30d783dfa663caf39e06633721c8d4cfcd7e
    repository=hf/hub/models--openai-community--gpt2
    snapshot=$PWD/$repository/snapshots/$revision
    mkdir -p "$snapshot" "$repository/refs"
    printf %s "$revision" >"$repository/refs/main"
    cp "$ROOT"/tests/golden/models/base/* "$snapshot/"
    export HF_HOME=$PWD/hf HF_HUB_OFFLINE=1 PATH="$PWD/bin:$PATH"
    unset GEN_MODEL # the built-in one
}

# Lines inside the blocks marked $1, with a line of dashes after each block.
blocks() {
    awk -v kind="$1" '
        $0 == "```" kind { inside = 1; next }
        $0 == "```" && inside { inside = 0; print "--------"; next }
        inside { print }' "$ROOT/README.md" "$ROOT/scripts/manual/guide.md"
}

@test "what the README shows is what the commands print" {
    blocks console >examples
    grep -q '^\$ ' examples
    wanted=
    command=
    n=0
    check() {
        [ -n "$command" ] || return 0
        found=$(bash -c "$command" 2>&1)
        if [ "$found" != "${wanted%$'\n'}" ]; then
            printf '$ %s\nprints\n%s\nbut the document says\n%s\n' "$command" "$found" "$wanted"
            return 1
        fi
        n=$((n + 1))
    }
    while IFS= read -r line; do
        case $line in
        '$ '* | --------)
            check
            command=${line#'$ '}
            [ "$line" != -------- ] || command=
            wanted=
            ;;
        *) wanted+=$line$'\n' ;;
        esac
    done <examples
    [ "$n" -ge 6 ]
}

@test "the README's scripts run" {
    blocks sh >examples
    n=0
    script=
    while IFS= read -r line; do
        if [ "$line" != -------- ]; then
            script+=$line$'\n'
            continue
        fi
        printf '%s' "$script"
        bash -eu -c "$script" >out 2>err || {
            cat out err
            return 1
        }
        n=$((n + 1))
        script=
    done <examples
    [ "$n" -ge 5 ]
    [ -s gpt2.gguf ]
    [ -s Jack.txt ]
    [ -s Snow-White.txt ]
}

@test "the README downloads as today's hf wants it, and gen finds what hf has" {
    [ -n "$hf" ] || skip "no hf here (sh scripts/deps.sh hf)"
    command=$(blocks sh | grep '^hf download ')
    [ "$(printf '%s\n' "$command" | wc -l)" -eq 1 ]
    # It warns of patterns that it does not take as such.
    run --separate-stderr bash -c "$command"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"$snapshot"* ]]
    [[ $stderr != *Warning* ]]
    run --separate-stderr bash -c "$command --format quiet"
    [ "$output" = "$snapshot" ]
    gen -n 0 -m openai-community/gpt2 Hi
    [ "$status" -eq 0 ]
    # So does the message of one who has not downloaded it.
    rm -r hf
    gen -m openai-community/gpt2 Hi
    refused 1 "hf download NAME"
    run hf download --help
    [ "$status" -eq 0 ]
}

@test "the README's C program is built by the line that stands there, and tells what gen tells" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers' own libraries are needed too"
    unset GEN_KERNELS
    blocks c | grep -v '^--------$' >story.c
    line=$(grep '^cc .* story\.c ' "$ROOT/scripts/manual/guide.md")
    # As if `make install` had put headers and library where compilers look.
    C_INCLUDE_PATH=$ROOT/include LIBRARY_PATH=$(dirname "$GEN") bash -euc "$line"
    run --separate-stderr ./story "$MODEL" "Once upon"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$output" = "$("$GEN" --model "$MODEL" --no-echo --seed 7 "Once upon")" ]
    # Every error is one line.
    for arguments in "" "nothing Once" "$MODEL $(seq -s , 99)"; do
        # shellcheck disable=SC2086 # none or two words
        run --separate-stderr ./story $arguments
        [ "$status" -eq 1 ]
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    [[ $line == *"-lgen \$(pkg-config --libs libcjson libutf8proc) -lm -pthread" ]]
    grep -qF -- '-lgen -lcjson -lutf8proc -lm -pthread' "$ROOT/include/gen.h"
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # text in quotes; bats and helper.bash set them
# Every example of README.md and of the guide, as a reader would type it, of each in its own folder.
#
# A block marked `console` holds commands after "$ " and their exact output. A block marked `sh`
# holds commands that must succeed; there, a tiny model is in the Hugging Face cache in the
# place of openai-community/gpt2 and gpt2-xl, and make and sh do nothing. `hf` is the real one, without a
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
    for name in gpt2-xl gpt2; do # $snapshot stays gpt2's
        repository=hf/hub/models--openai-community--$name
        snapshot=$PWD/$repository/snapshots/$revision
        mkdir -p "$snapshot" "$repository/refs"
        printf %s "$revision" >"$repository/refs/main"
        cp "$ROOT"/tests/golden/models/base/* "$snapshot/"
    done
    export HF_HOME=$PWD/hf HF_HUB_OFFLINE=1 PATH="$PWD/bin:$PATH"
    unset GEN_MODEL # the built-in one
    export LC_ALL=C.UTF-8 # bars of block characters
}

# Lines inside the blocks marked $1 of the document $2, with a line of dashes after each block.
blocks() {
    awk -v kind="$1" '
        $0 == "```" kind { inside = 1; next }
        $0 == "```" && inside { inside = 0; print "--------"; next }
        inside { print }' "$ROOT/$2"
}

# prints DOCUMENT: what it shows is what its commands print.
prints() {
    blocks console "$1" >examples
    command=
    n=0
    while IFS= read -r line; do
        case $line in
        '$ '* | --------)
            check "$1"
            command=${line#'$ '}
            [ "$line" != -------- ] || command=
            expected=
            ;;
        *) expected+=$line$'\n' ;;
        esac
    done <examples
    [ "$n" -ge 6 ]
}

check() {
    [ -n "$command" ] || return 0
    found=$(bash -c "$command" 2>&1)
    if [ "$found" != "${expected%$'\n'}" ]; then
        printf '$ %s\nprints\n%s\nbut %s says\n%s\n' "$command" "$found" "$1" "$expected"
        return 1
    fi
    n=$((n + 1))
}

# runs DOCUMENT: its scripts do.
runs() {
    blocks sh "$1" >examples
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
}

@test "what the README shows is what the commands print" {
    prints README.md
}

@test "what the guide shows is what the commands print" {
    prints scripts/manual/guide.md
}

@test "the README's scripts run" {
    runs README.md
    [ -s gpt2.gguf ]
    [ -s jack.gguf ]
}

@test "the guide's scripts run" {
    runs scripts/manual/guide.md
    [ -s gpt2.gguf ]
    [ -s Jack.txt ]
    [ -s Snow-White.txt ]
}

@test "the README is a page or two: a stranger reads it to the end" {
    [ "$(wc -l <"$ROOT/README.md")" -le 200 ]
    [ "$(wc -w <"$ROOT/README.md")" -le 1300 ]
    # What it links to in the guide is there.
    grep -oE 'guide[.]md#[a-z-]+' "$ROOT/README.md" | cut -d '#' -f 2 >links
    grep -oE '[(]#[a-z0-9-]+[)]' "$ROOT/scripts/manual/guide.md" | tr -d '()#' >>links
    [ "$(wc -l <links)" -ge 2 ]
    sed -n 's/^##* //p' "$ROOT/scripts/manual/guide.md" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9\n-' >headings
    while read -r link; do
        grep -qx -- "$link" headings
    done <links
}

@test "the README downloads as today's hf wants it, and gen finds what hf has" {
    [ -n "$hf" ] || skip "no hf here (sh scripts/deps.sh hf)"
    command=$(blocks sh README.md | grep '^hf download ')
    [ "$command" = "$(blocks sh scripts/manual/guide.md | grep '^hf download ')" ]
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

@test "the guide's C program is built by the line that stands there, and tells what gen tells" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "the sanitizers' own libraries are needed too"
    unset GEN_KERNELS
    blocks c scripts/manual/guide.md | grep -v '^--------$' >story.c
    line=$(grep '^cc .* story\.c ' "$ROOT/scripts/manual/guide.md")
    [[ $line == *' story.c $(pkg-config --cflags --libs gen)' ]]
    # As if `make install` had put headers and the static library there: install.bats tries the shared one.
    sed "s|@prefix@|/usr|; s|@version@|0|; s|@libdir@|$(dirname "$GEN")|; s|@includedir@|$ROOT/include|" \
        "$ROOT/scripts/gen.pc.in" >gen.pc
    PKG_CONFIG_PATH=$PWD bash -euc "${line/pkg-config/pkg-config --static}"
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
    grep -qF -- '-lgen -lcjson -lutf8proc -lm -pthread' "$ROOT/include/gen.h"
}

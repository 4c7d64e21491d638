#!/usr/bin/env bats
# Every example of README.md, as a reader would type it.
#
# A block marked `console` holds commands behind "$ " and their exact output. A block marked `sh`
# holds commands that must succeed; there, a tiny model stands in the Hugging Face cache in the
# place of openai-community/gpt2, and what reaches for the network or for packages does nothing.


setup() {
    load helper
    mkdir -p bin build
    ln -s "$GEN" bin/gen
    ln -s "$GEN" build/gen
    for command in huggingface-cli make sh; do
        printf '#!/bin/sh\nexit 0\n' >"bin/$command"
        chmod +x "bin/$command"
    done
    mkdir scripts
    snapshot=hub/models--openai-community--gpt2/snapshots/1
    mkdir -p "hf/$snapshot"
    cp "$ROOT"/tests/golden/models/base/* "hf/$snapshot/"
    export HF_HOME=$PWD/hf PATH="$PWD/bin:$PATH"
    unset GEN_MODEL # the embedded one
}

# Lines inside the blocks marked $1, with a line of dashes behind each block.
blocks() {
    awk -v kind="$1" '
        $0 == "```" kind { inside = 1; next }
        $0 == "```" && inside { inside = 0; print "--------"; next }
        inside { print }' "$ROOT/README.md"
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
            printf '$ %s\nprints\n%s\nbut the README says\n%s\n' "$command" "$found" "$wanted"
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

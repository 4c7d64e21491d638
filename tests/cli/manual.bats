#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # text in quotes; bats and helper.bash set them
# Man pages and completions, which scripts/manual makes of the tables of options: they say what the
# help says, and real shells complete with them.

setup() {
    load helper
    SHARE=$(dirname "$GEN")/share
    [ -e "$SHARE/made" ] || skip "this build has no man pages (sanitizers, or for another machine)"
    commands=$("$GEN" help | sed -n 's/^  gen \([a-z]*\) .*/\1/p')
    mkdir -p here/models
    touch here/one.gguf here/notes.txt
}

# The options of a command as its help has them, one a line: --model -m
in_help() {
    "$GEN" help "$1" | sed "/^Examples:/,\$d" | sed -n 's/^  \(-.,\|   \) \(--[a-z0-9-]*\).*/\2 \1/p' | tr -d , | sed 's/ *$//' | sort
}

# What bash completes the line `gen ARGUMENTS` with, the last of which the cursor is on.
bash_completes() {
    bash -c '. "$0"; COMP_WORDS=(gen "$@"); COMP_CWORD=$#; _gen; printf "%s\n" "${COMPREPLY[@]}"' \
        "$SHARE/bash/gen" "$@"
}

@test "a man page for gen and for each command" {
    [ "$(wc -w <<<"$commands")" -ge 9 ]
    [ -s "$SHARE/man1/gen.1" ]
    for command in $commands; do
        grep -q "^.B $command$" "$SHARE/man1/gen.1"
        grep -q "gen.-$command (1)" "$SHARE/man1/gen.1"
        for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES "SEE ALSO"; do
            grep -q "^.SH $section$" "$SHARE/man1/gen-$command.1"
        done
    done
}

@test "man pages have the options of the help, no more, no less" {
    for command in $commands; do
        sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' "$SHARE/man1/gen-$command.1" | sed 's/\\-/-/g' |
            sed -n 's/^\\fB\(-.\)\\fR, \\fB\(--[^\\]*\)\\fR.*/\2 \1/p; s/^\\fB\(--[^\\]*\)\\fR.*/\1/p' | sort >page
        diff <(in_help "$command") page
    done
}

@test "completions have the options of the help, no more, no less" {
    for command in $commands; do
        in_help "$command" | tr ' ' '\n' | sort >expected
        bash_completes "$command" - | sort | diff expected -
        # zsh: {-m+,--model=}, --json[...
        sed -n "/^    case \$command in/,\$p" "$SHARE/zsh/_gen" | sed -n "/^    $command)/,/^        ;;/p" |
            sed -n "s/^            '[^{]*'{\(.*\)}'\[.*/\1/p; s/^ *\\\\\*{\(.*\)}'\[.*/\1/p; s/^            '\**\(--[a-z0-9-]*\).*/\1/p" |
            tr ',' '\n' | tr -d '+=' | sort | diff expected -
        # fish: -l model -s m
        grep -- "-n '__gen_is $command' -l" "$SHARE/fish/gen.fish" |
            sed 's/.* -l \([a-z0-9-]*\)\( -s .\)\{0,1\}.*/--\1\2/; s/ -s / -/' | tr ' ' '\n' | sort | diff expected -
    done
}

@test "man and mandoc find nothing wrong with the pages" {
    command -v man >/dev/null || command -v mandoc >/dev/null || skip "neither man nor mandoc is here"
    for page in "$SHARE"/man1/*.1 "$SHARE"/man7/*.7; do
        if man --version 2>/dev/null | grep -q '^man '; then
            [ -z "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ]
        fi
        ! command -v mandoc >/dev/null || mandoc -Tlint "$page"
    done
}

@test "what a page shows is the help's text" {
    command -v mandoc >/dev/null || skip "mandoc is missing"
    mandoc -Tascii -Owidth=400 "$SHARE/man1/gen-generate.1" | sed 's/.\x08//g' | tr -s ' \n' ' ' >page
    grep -qF "drop tokens less likely than P times the likeliest (default: 0)" page
    grep -qF "how keys and values of the text so far are stored" page
    grep -qF "(default: f32) One of f32, f16." page
    grep -qF "tr '\\n' '\\0' < FILE | gen -0" page
    grep -qF "gen -m openai-community/gpt2 -n 50 --seed 7 'The capital of France is'" page
    mandoc -Tascii -Owidth=400 "$SHARE/man1/gen-convert.1" | sed 's/.\x08//g' | grep -qF GEN_MODEL_PATH
}

@test "bash: commands, options, choices, files by what they are" {
    [ "$(bash_completes tok)" = tokenize ]
    [ "$(bash_completes help fine)" = finetune ]
    [ "$(bash_completes --kv-ty)" = --kv-type ]
    [ "$(bash_completes --kv-type "" | xargs)" = "f32 f16" ]
    [ "$(bash_completes --kv-type = f1)" = f16 ]
    [ "$(bash_completes --kv_type f1)" = f16 ]
    [ "$(bash_completes convert --type q8)" = q8_0 ]
    # The names that gen itself knows.
    gen chat --template none
    refused 2 "must be one of "
    names=${stderr#*must be one of }
    names=$(tr -d , <<<"${names%%, or a text*}")
    [ "$(bash_completes chat --template "" | xargs)" = "${names/ or / }" ]
    [ "$(bash_completes train --type q8)" = "" ]
    [ -z "$(bash_completes -n "")" ]
    cd here
    [ "$(bash_completes -m "" | xargs)" = "models one.gguf tales-6m" ]
    [ "$(bash_completes inspect o)" = one.gguf ]
    [ "$(bash_completes tokenize "" | xargs)" = "models notes.txt one.gguf" ]
    [ "$(bash_completes vocab -o "")" = models ]
    [ -z "$(bash_completes generate -- -)" ]
}

# Three places, as gen looks them up; a name may be anything that a file may be called.
make_models() {
    export HOME=$PWD/home GEN_MODEL_PATH=$PWD/a:$PWD/b
    mkdir -p a b/owner/neo home/.local/share/gen/models/mine
    touch a/small.gguf 'a/two words.gguf' 'a/$(touch ran).gguf' a/readme.txt b/owner/neo/config.json
    touch home/.local/share/gen/models/mine/config.json
    mkdir -p home/.cache/huggingface/hub/models--openai-community--gpt2/snapshots
    mkdir -p home/.cache/huggingface/hub/models--gpt2-xl/snapshots
    names='$(touch ran) gpt2-xl mine openai-community/gpt2 owner/neo small tales-6m two words'
}

@test "names of models are found where gen looks for them" {
    make_models
    mkdir empty && cd empty
    [ "$(bash_completes -m "" | LC_ALL=C sort | xargs -d '\n')" = "$names" ]
    [ "$(bash_completes -m openai)" = openai-community/gpt2 ]
    [ ! -e ran ]
    ! command -v fish >/dev/null || fish_completes 'gen -m small' | grep -q small
    [ ! -e ran ]
}

fish_completes() {
    fish --no-config -c "source '$SHARE/fish/gen.fish'; complete -C '$1'" | cut -f 1
}

@test "fish: commands, options, choices, files" {
    command -v fish >/dev/null || skip "fish is missing"
    [ "$(fish_completes 'gen tok')" = tokenize ]
    [ "$(fish_completes 'gen help fine')" = finetune ]
    [ "$(fish_completes 'gen --kv-ty')" = --kv-type ]
    [ "$(fish_completes 'gen --kv-type ' | xargs)" = "f16 f32" ]
    [ "$(fish_completes 'gen convert --type q8')" = q8_0 ]
    [ "$(fish_completes 'gen convert --ty')" = --type ]
    [ -z "$(fish_completes 'gen train --ty')" ]
    cd here
    fish_completes 'gen -m ' | grep -qx one.gguf
    fish_completes 'gen -m ' | grep -qx tales-6m
    fish_completes 'gen tokenize n' | grep -qx notes.txt
    [ -z "$(fish_completes 'gen -n ')" ]
    fish_completes 'gen vocab -o ' | grep -q models/
}

# types SHELL SETUP LINE EXPECTED...: in a terminal, each LINE and a tab become EXPECTED.
types() {
    cat >type.exp <<'END'
set timeout 10
set env(PS1) {> }
set env(TERM) dumb
spawn -noecho {*}[lindex $argv 0]
send "[lindex $argv 1]; echo rea''dy\r"
expect "ready" {} timeout { exit 1 }
expect "> "
foreach {line expected} [lrange $argv 2 end] {
    send "$line\t"
    expect -exact $expected {} timeout { exit 1 }
    send "\025"
}
END
    expect type.exp "$@"
}

@test "bash in a terminal" {
    command -v expect >/dev/null || skip "expect is missing"
    make_models
    types "bash --norc --noprofile -i" ". '$SHARE/bash/gen'" 'gen --kv-ty' '--kv-type ' \
        'gen convert --type=q6' '--type=q6_k ' 'gen -m two' 'two\ words'
}

@test "zsh in a terminal" {
    command -v zsh >/dev/null || skip "zsh is missing"
    command -v expect >/dev/null || skip "expect is missing"
    make_models
    types "zsh -f -i" "fpath=('$SHARE/zsh' \$fpath); autoload -U compinit; compinit -u -D" \
        'gen --kv-ty' '--kv-type=' 'gen hello --kv-ty' '--kv-type=' 'gen --kv-type f1' '--kv-type f16' \
        'gen tok' 'tokenize ' 'gen convert --type q6' 'q6_k ' 'gen help fine' 'finetune ' \
        'gen -m sma' 'small ' 'gen inspect openai' 'openai-community/gpt2' 'gen tokenize a/rea' 'a/readme.txt'
}

@test "wide tables of the guide wrap, and no mark of Markdown is left" {
    guide=$SHARE/man7/gen-guide.7
    awk '/^\.EX/ { code = 1 } /^\.EE/ { code = 0 } !code && /`|\*\*/ { print; bad = 1 } END { exit bad }' "$guide"
    grep -A1 '^\.TP' "$guide" | grep -qx 'against repetition'
}

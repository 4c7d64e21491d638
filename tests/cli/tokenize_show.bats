#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen tokenize --show: tokens for eyes, as text and in a terminal, which is tmux's

setup() {
    load helper
    load screen
}

teardown() {
    close_screen
}

@test "a border after each token, and nothing is obeyed" {
    gen tokenize --show -p 'the king'
    [ "$(tr -d '|' <<<"$output")" = "the king" ]
    [ "$(tr -dc '|' <<<"$output" | wc -c)" = "$("$GEN" tokenize --count -p 'the king')" ]
    [[ $output == *'|' ]]
    gen_stdin 'a\tb\r\033[31m\177\0\\|' tokenize --show
    [ "$output" = 'a|\t|b|\r|\x1B|[|3|1|m|\x7F|\x00|\\|\||' ]
    gen_stdin '' tokenize --show
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    # Bytes of a character that was cut, bytes that are none.
    gen_stdin '\344\275\240\377' tokenize --show
    [ "$output" = '\xE4|\xBD|\xA0|\xFF|' ]
    # A line ends where the text's does.
    gen_stdin 'a\n\nb\nc' tokenize --show
    [ "$output" = $'a|\\n|\n\\n|\nb|\\n|\nc|' ]
    gen_stdin 'a\n' tokenize --show
    [ "$output" = 'a|\n|' ]
    gen tokenize --show --special -p 'a<|endoftext|>b'
    [ "$output" = 'a|[<|endoftext|>]|b|' ]
    gen tokenize --show -p '<|endoftext|>'
    [[ $output == '<|'*'\||'* ]]
    printf 'the king\n\na\n' >text
    gen tokenize --show --lines text
    [ "$(tr -d '|' <<<"$output")" = $'the king\n\na' ]
}

# bytes: a vocabulary whose tokens are single bytes, but for these characters.
characters() {
    mkdir bytes
    command -v python3 >/dev/null || skip "no python3"
    cat >make.py <<'END'
import json, sys
def spell(byte):
    if 0x21 <= byte <= 0x7e or 0xa1 <= byte <= 0xac or 0xae <= byte <= 0xff:
        return chr(byte)
    rest = [b for b in range(256) if not (0x21 <= b <= 0x7e or 0xa1 <= b <= 0xac or 0xae <= b <= 0xff)]
    return chr(256 + rest.index(byte))
vocab = {spell(b): b for b in range(256)}
merges = []
for c in sys.argv[1]:
    spelled = [spell(b) for b in c.encode()]
    joined = spelled[0]
    for s in spelled[1:]:
        if joined + s not in vocab:
            merges.append(joined + ' ' + s)
            vocab[joined + s] = len(vocab)
        joined += s
json.dump(vocab, open('bytes/vocab.json', 'w'))
open('bytes/merges.txt', 'w').write('#version: 0.2\n' + '\n'.join(merges) + '\n')
END
    python3 make.py "$1"
}

@test "characters that are not seen, that combine, that change their neighbour" {
    characters $'e\u0301\u200d\u202e\ufe0f\U0001F3FD\U0001F600\U0001F1E9\u4f60\u05d0\u0085'
    export GEN_MODEL=bytes
    text=$'e\u0301\u200d\u202e\ufe0f\U0001F3FD\U0001F600\U0001F1E9\u4f60\u05d0\u0085'
    gen tokenize --show -p "$text"
    [ "$output" = $'e|\u25cc\u0301|\\u200D|\\u202E|\\uFE0F|\\u{1F3FD}|\U0001F600|\\u{1F1E9}|\u4f60|\u05d0|\\u0085|' ]
}

@test "colors by turns, one for special tokens, escapes underlined, none where they are not wanted" {
    gen tokenize --show --color always --special -p $'ab\t<|endoftext|>'
    [ "$output" = $'\e[30;46ma\e[0m\e[30;43mb\e[0m\e[30;46m\e[4m\\t\e[24m\e[0m\e[1;97;45m<|endoftext|>\e[0m' ]
    gen tokenize --show -p $'ab'
    [ "$output" = 'a|b|' ]
    need_terminal
    on_terminal "TERM=xterm '$GEN' tokenize --show -p ab" | grep -q $'\e\[30;46ma'
    run on_terminal "TERM=xterm NO_COLOR=1 '$GEN' tokenize --show -p ab"
    [[ $output == 'a|b|'* ]]
    run on_terminal "TERM=xterm '$GEN' tokenize --show --color never -p ab"
    [[ $output == 'a|b|'* ]]
}

@test "on a terminal: lines of its width, wide and right-to-left characters in their columns" {
    command -v tmux >/dev/null || skip "tmux is missing (make deps)"
    characters $'\u4f60\u597d\u05e9\u05dc\u05d5\u05dd\u0301\U0001F600 abc'
    for _ in 1 2 3 4 5 6 7 8; do
        printf '\344\275\240\345\245\275 \327\251\327\234\327\225\327\235 \360\237\230\200 e\314\201 abc\342\202\254 '
    done >text
    for columns in 80 41 20; do
        for color in never always; do
            on_screen $columns "tokenize --show -m bytes --color $color text" >screen
            # The terminal broke no line by itself.
            cmp <(sed 's/ *$//' joined) <(sed 's/ *$//' screen)
            [ "$(LC_ALL=C.UTF-8 wc -L <screen)" -lt $columns ]
            if [ $color = never ]; then
                [ "$(tr -d '\n' <screen)" = "$("$GEN" tokenize -m bytes --show text | tr -d '\n')" ]
                ! grep -v '|$' screen
            else
                # A background is to the end of its token only: the rest of the screen has none.
                grep -q $'\e\\[[0-9;]*46m' colors
                [ "$(wc -l <screen)" -gt 2 ]
            fi
        done
    done
}

@test "a token longer than a line goes on in the next" {
    cp -r "$MODEL" model
    long=$(printf 'x%.0s' $(seq 100))
    printf '{"added_tokens_decoder": {"512": {"content": "%s", "special": false}}}\n' "$long" \
        >model/tokenizer_config.json
    gen tokenize -m model --show -p "a${long}b"
    [ "$(wc -L <<<"$output")" -le 79 ]
    [ "$(tr -d '\n' <<<"$output")" = "a|$long|b|" ]
    gen tokenize -m model --show --color always -p "a${long}b"
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[1]} == $'\e[30;43mx'*$'x\e[0m' ]]
    [[ ${lines[2]} == $'\e[30;43mx'*$'x\e[0m\e[30;46mb\e[0m' ]]
}

@test "what does not go together" {
    for other in --json --count --ids --decode; do
        gen tokenize --show $other -p a
        refused 2 "--show"
    done
}

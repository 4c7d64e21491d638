#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Whatever a model's files say, no control character of theirs reaches a terminal, by any command.

setup() {
    load helper
    need_terminal
    # ESC ] is the beginning of a new title, U+009B of a command in one character.
    evil='a\u001b]0;owned\u0007b\u009b31mc\u007fd\re'
    sed_evil=${evil//\\/\\\\}
    cp -r "$MODEL" evil
    printf '{"chat_template": "%s", "model_max_length": 64}' "$evil" >evil/tokenizer_config.json
    printf '{"%s": 512}' "<$evil>" >evil/added_tokens.json
    sed -i "s/^{/{\"_name_or_path\": \"$sed_evil\", \"license\": \"$sed_evil\", /" evil/config.json
    printf '{"temperature": 0.1, "%s": 1}' "$evil" >evil/generation_config.json
}

# clean COMMAND: run it on a terminal; what it shows has no control characters but line ends and tabs.
clean() {
    on_terminal "stty -onlcr; $1" >shown || true
    [ -s shown ]
    if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' shown; then
        echo "$1:" && cat -v shown
        return 1
    fi
}

@test "a model whose files hold control characters: every command that shows something of them" {
    clean "$GEN inspect evil"
    "$GEN" inspect evil >opened
    clean "$GEN inspect --json evil"
    clean "$GEN inspect --tensors evil"
    clean "$GEN --verbose --color never -m evil -n 5 --seed 1 Hi"
    clean "$GEN --verbose --color never --json --logprobs 3 -m evil -n 5 --seed 1 Hi"
    clean "$GEN --color never --echo-logprobs --logprobs 9 -m evil -n 20 --seed 1 Hi"
    clean "$GEN tokenize -v --json -m evil -p 'Hi'"
    clean "$GEN tokenize -v --decode -m evil -p 512"
    grep -qF '<a^[]0;owned^Gb' shown
    clean "$GEN convert evil evil.gguf; $GEN inspect evil.gguf; $GEN inspect --json evil.gguf; $GEN -v -n 2 -m evil.gguf Hi --color never"
}

@test "errors that name what was found" {
    cp evil/config.json config.json
    sed -i "s/\"activation_function\": \"[^\"]*\"/\"activation_function\": \"$sed_evil\"/" evil/config.json
    clean "$GEN -m evil -n 1 Hi"
    grep -q 'activation_function.*owned' shown
    cp config.json evil/config.json
    sed -i "s/\"model_type\": \"[^\"]*\"/\"model_type\": \"$sed_evil\"/" evil/config.json
    clean "$GEN -m evil -n 1 Hi"
    clean "$GEN -m \$(printf 'no\\033[31msuch') Hi"
    clean "$GEN --\$(printf 'no\\033[31msuch') Hi"
    clean "$GEN \$(printf -- '-\\033[31m')"
    clean "$GEN help \$(printf 'no\\033[31msuch')"
}

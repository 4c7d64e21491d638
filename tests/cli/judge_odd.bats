#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; jq's programs in quotes
# gen score, eval, compare and explain with odd files, options and ends: one line each, nothing
# spoiled, no hang.

setup() {
    load helper
    TALE=$ROOT/tests/golden/tale.txt
    CHOICES=$ROOT/tests/golden/eval/choices.jsonl
}

# Two models in a directory of their own.
make_models() {
    mkdir files && cd files || return 1
    "$GEN" convert -q "$MODEL" a.gguf
    "$GEN" convert -q --type q4_0 "$MODEL" b.gguf
}

# record TASK JSON: gen eval on one record.
record() {
    printf '%s\n' "$2" >record.jsonl
    gen eval --task "$1" record.jsonl
}

@test "brackets that open and never close take no time" {
    {
        printf '{"activity_label":"x","ctx_a":"a","ctx_b":"b","label":0,"endings":["b [c] d","'
        head -c 2000000 /dev/zero | tr '\0' '['
        printf '"]}\n'
    } >brackets.jsonl
    run --separate-stderr timeout -k 1 20 "$GEN" eval --task hellaswag brackets.jsonl
    refused 1 "a choice has"
    # What is dropped ends on its line, and with the first that closes.
    printf '%s\n' '{"activity_label":"x","ctx_a":"a","ctx_b":"b","label":0,"endings":["a[[b]c]d [\n] [e"]}' >a
    printf '%s\n' '{"activity_label":"x","ctx_a":"a","ctx_b":"b","label":0,"endings":["ac]d [\n] [e"]}' >b
    "$GEN" compare -m "$MODEL" -m "$MODEL" --task hellaswag a --json --no-timings | jq .models[0].acc >/dev/null
    "$GEN" eval --task hellaswag a >out.a
    "$GEN" eval --task hellaswag b >out.b
    cmp out.a out.b
}

@test "records that are wrong say what was found" {
    record hellaswag '{"activity_label":"x","ctx_a":"a","ctx_b":"b","endings":[],"label":"0"}'
    refused 1 '"endings" must be an array of texts, but is empty'
    record piqa '{"goal":"a","sol1":"b","sol2":"c","label":0.5}'
    refused 1 '"label" must be the number of a choice, but is 0.5'
    record piqa '{"goal":"a","sol1":"b","sol2":"c","label":1e300}'
    refused 1 '"label" must be the number of a choice, but is 1e+300'
    record piqa '{"goal":"a","sol1":"b","sol2":"c","label":2}'
    refused 1 '"label" is 2, but the choices are 0 to 1'
    record piqa '{"goal":"a","sol1":"b","sol2":"c","label":-1}'
    refused 1 '"label" is -1, but the choices are 0 to 1'
    record piqa '{"goal":"a","goal":"a","sol1":"b","sol2":"c","label":0}'
    refused 1 'the JSON member "goal" is there twice'
    record piqa '{"goal":"a\u0000","sol1":"b","sol2":"c","label":0}'
    refused 1 'u0000 in a string'
    record arc '{"question":"x","choices":{"text":["a","b"],"label":["A"]},"answerKey":"A"}'
    refused 1 'a choice must have "text" and "label"'
    # Windows' line ends, a byte order mark, a blank line, half a surrogate pair are forgiven.
    printf '\xef\xbb\xbf{"context":"ab\\ud800","choices":["b","c"],"label":0}\r\n\r\n{"context":"","choices":["b"],"label":"0"}' >odd.jsonl
    gen eval --choices odd.jsonl --json
    [ "$status" -eq 0 ]
    jq -e '.n == 2 and .n_failed == 0' <<<"$output"
}

@test "a context of 1 scores nothing, and says so" {
    gen eval --text "$TALE" --ctx 1
    refused 1 "with a context of 1 no token has one before it"
    gen compare -m "$MODEL" -m "$MODEL" --text "$TALE" --ctx 1 --no-timings
    refused 1 "with a context of 1 no token has one before it"
    gen eval --text "$TALE" --ctx 4 --stride 5
    refused 2 "--stride is 5, but must be at most --ctx, which is 4"
}

@test "what is read is not written over" {
    make_models
    cp "$CHOICES" choices
    for arguments in "score -m a.gguf -o a.gguf Hello" "score -m a.gguf -f choices -o ./choices" \
        "eval -m a.gguf --text choices -o a.gguf" "eval -m a.gguf --choices choices -o choices" \
        "explain -m a.gguf -o a.gguf Hello" \
        "compare -m a.gguf -m b.gguf --text choices -o b.gguf" \
        "compare -m a.gguf -m b.gguf --text choices --svg a.gguf" \
        "compare -m a.gguf --text choices --convention llama.cpp --ctx 8 --save-base a.gguf"; do
        # shellcheck disable=SC2086 # words
        gen $arguments
        refused 1 "would be overwritten while it is read"
    done
    gen compare -m a.gguf -m b.gguf --text choices -o one --svg ./one
    refused 1 "is given for two outputs"
    gen compare -m a.gguf -m b.gguf --text choices --svg -
    refused 1 "stdout: is given for two outputs"
    gen compare -m a.gguf -m b.gguf --text choices --convention llama.cpp --save-base -
    refused 2 "--save-base needs a FILE"
    cmp "$CHOICES" choices
    [ "$(echo *)" = "a.gguf b.gguf choices" ]
    # A text is read whole before anything is written.
    gen eval -m a.gguf --text choices -o choices --json
    [ "$status" -eq 0 ]
    jq -e '.n_scored > 0' choices
}

@test "compare: texts and records from stdin, through a pipe" {
    make_models
    "$GEN" compare -m a.gguf -m b.gguf --text "$TALE" --no-timings >file
    # shellcheck disable=SC2002 # a pipe
    cat "$TALE" | "$GEN" compare -m a.gguf -m b.gguf --text - --no-timings >stdin
    cmp file stdin
    "$GEN" compare -m a.gguf -m b.gguf --choices "$CHOICES" --no-timings >file
    "$GEN" compare -m a.gguf -m b.gguf --choices <(cat "$CHOICES") --no-timings >stdin
    cmp file stdin
    { cat "$CHOICES" && printf '\n{"context":"a"}'; } >wrong
    gen compare -m a.gguf -m b.gguf --choices wrong --no-timings --json
    [ "$status" -eq 1 ]
    [ "$stderr" = 'gen: a.gguf: record with index 24: wrong: line 26: "choices" must be an array of texts, but is not there' ]
    jq -e '.models[1].n == 24 and .models[1].n_failed == 1' <<<"$output"
}

@test "compare: a record that fails with one model only is told, and is in no difference" {
    # The weights of layer 0's norm overflow for some texts.
    cp -r "$MODEL" high
    chmod -R u+w high
    perl -e 'local $/; $_ = <STDIN>; $n = unpack("Q<", $_);
        substr($_, 8 + $n + 64 * 4 * 5, 64 * 4) = pack("f<*", (3e37) x 64); print' \
        <"$MODEL/model.safetensors" >high/model.safetensors
    gen eval -m high --choices "$CHOICES" --json
    [ "$status" -eq 1 ]
    answered=$(jq .n <<<"$output")
    gen compare -m "$MODEL" -m high --choices "$CHOICES" --no-timings
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq $((24 - answered)) ]
    [[ ${stderr_lines[0]} == "gen: high: record with index "*"the model's output is not finite"* ]]
    grep -Eq "^records +24 +$answered, $((24 - answered)) failed$" <<<"$output"
}

@test "compare: what failed leaves nothing, what was there before stays" {
    make_models
    for file in base.kld size.svg table; do echo before >$file; done
    printf 'a' >one
    gen compare -m a.gguf -m b.gguf --text one --convention llama.cpp --save-base base.kld --svg size.svg -o table
    refused 1 "the text has 1 token, but"
    gen compare -m a.gguf -m b.gguf --text "$TALE" --no-timings -o /dev/full
    refused 1 "/dev/full: No space left"
    [ "$(cat base.kld size.svg table)" = $'before\nbefore\nbefore' ]
    [ "$(ls -A)" = $'a.gguf\nb.gguf\nbase.kld\none\nsize.svg\ntable' ]
}

@test "compare --svg: a model without bits per byte has no point" {
    "$GEN" compare -m "$MODEL" --text "$TALE" --convention llama.cpp --ctx 16 --save-base base.kld --no-timings >/dev/null
    mkdir bare
    cp "$MODEL"/{config.json,model.safetensors} bare
    gen compare --base base.kld -m bare --no-timings --svg x.svg
    [ "$status" -eq 0 ]
    [ "$(grep -c '<circle' x.svg)" -eq 0 ]
    if grep -qi nan x.svg; then false; fi
    if command -v xmllint; then xmllint --noout x.svg; fi
}

@test "compare: no number is cut, columns stay apart" {
    # Logits 40 times as far apart: a model that is very sure, and wrong.
    cp -r "$MODEL" sure
    chmod -R u+w sure
    perl -e 'local $/; $_ = <STDIN>; $n = unpack("Q<", $_);
        substr($_, 8, $n) =~ /"[a-z._]*ln_f\.weight": *\{[^}]*"data_offsets": *\[(\d+), *(\d+)\]/ or die;
        ($at, $size) = (8 + $n + $1, $2 - $1);
        substr($_, $at, $size) = pack("f<*", map { $_ * 40 } unpack("f<*", substr($_, $at, $size)));
        print' <"$MODEL/model.safetensors" >sure/model.safetensors
    "$GEN" compare -m sure -m sure --text "$TALE" --no-timings >table
    cat table
    grep -E '^perplexity      [0-9.]+e\+[0-9]+ \+- [0-9.]+e\+[0-9]+  +[0-9.]+e\+[0-9]+ \+- [0-9.]+e\+[0-9]+$' table
}

@test "base files: sizes that cannot be, other models, no regular file" {
    "$GEN" compare -m "$MODEL" --text "$TALE" --convention llama.cpp --ctx 16 --save-base base.kld --no-timings >/dev/null
    # head N1 N2 N3: a file whose head has these.
    head_of() { printf '_logits_' && perl -e 'print pack("l<3", @ARGV)' -- "$@"; }
    for head in "2147483647 2147483647 2147483647" "-1 -1 -1" "3 1 0" "2 512 1" "16 512 -2147483648" "16 0 1"; do
        # shellcheck disable=SC2086 # words
        head_of $head >bad.kld
        gen compare --base bad.kld -m "$MODEL"
        [ "$status" -eq 1 ]
        refused 1 "bad.kld: "
    done
    mkfifo fifo
    for file in fifo . /dev/null nothing; do
        gen compare --base $file -m "$MODEL"
        refused 1 "$file: "
    done
    gen compare --base base.kld -m "$ROOT/tests/golden/models/neo-mixed" --no-timings
    refused 1 "has 61 token ids, but the base has 512"
    # Rows that are damaged: NaN in the place of a scale.
    cp base.kld nan.kld
    n=$(($(od -A n -t d4 -j 16 -N 4 base.kld)))
    printf '\0\0\xc0\x7f' | dd of=nan.kld bs=1 seek=$((20 + n * 16 * 4)) conv=notrunc status=none
    gen compare --base nan.kld -m "$MODEL" --no-timings
    refused 1 "nan.kld: is damaged, in window 1"
}

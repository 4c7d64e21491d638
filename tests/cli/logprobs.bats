#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # jq's programs in quotes; set by bats and helper.bash
# gen --logprobs and --echo-logprobs: the numbers are gen score's and PyTorch's
# (tests/golden/make_eval.py); the table for people, in pipes and in a terminal, which is tmux's.

setup() {
    load helper
    load screen
    export LC_ALL=C.UTF-8
}

teardown() {
    close_screen
}

# ---- numbers ------------------------------------------------------------------------------------

# near BOUND: of the lines on stdin, arrays [found, wanted] of numbers or null, none is further apart
near() {
    jq -e -s --argjson bound "$1" 'length > 0 and all(.[]; .[0] == .[1] or
        (.[0] != null and .[1] != null and ((.[0] - .[1]) | fabs) <= $bound))' >/dev/null
}

@test "the prompt's log probabilities are PyTorch's to 1e-5" {
    for model in base neo-words; do
        jq -c --arg model $model '.[$model].scores[]' "$ROOT/tests/golden/eval/expected.json" >list
        while read -r wanted; do
            "$GEN" -m "$ROOT/tests/golden/models/$model" -n 0 --json --echo-logprobs --logprobs 3 \
                --prompt-ids "$(jq -r '.ids | join(" ")' <<<"$wanted")" >found
            jq -c --argjson wanted "$wanted" \
                '[[.prompt_logprobs[].logprob], $wanted.token_logprobs] | transpose[]' found | near 1e-5
            jq -c --argjson wanted "$wanted" \
                '[[.prompt_logprobs[1:][].top[].logprob], [$wanted.top[1:][][][1]]] | transpose[]' found |
                near 1e-5
            jq -c --argjson wanted "$wanted" '[[.prompt_logprobs[].id], $wanted.ids] | transpose[]' found | near 0
        done <list
    done
}

# like_score: the records of gen --json in `found` have what gen score has of the lines of `texts`
like_score() {
    "$GEN" score --tokens --json --logprobs 2 -f texts >scores
    jq -c '[.prompt_logprobs[].id, .prompt_logprobs[].logprob, .prompt_logprobs[].top[]?.logprob]' found >a
    jq -c '[.ids[], .token_logprobs[], (.top[] | .[]?.logprob)]' scores >b
    [ "$(wc -l <a)" -eq "$(wc -l <texts)" ]
    cmp a b
}

@test "they are those of gen score to the last digit, whatever batch, threads, speculation, chunks" {
    unset GEN_MODEL # the built-in one
    printf '%s\n' 'Once upon a time there was a king who had three sons.' 'Once upon a time' \
        "$(printf 'the king and the queen and %.0s' $(seq 20))" 'Übermut tut selten gut 😀' x >texts
    for options in '--batch 1' '--batch 3 -t 2' '--greedy --speculate -n 20' '--no-speculate -n 0'; do
        # shellcheck disable=SC2086 # several options
        "$GEN" --lines -f texts -n 3 -s 1 --json --echo-logprobs --logprobs 2 $options >found
        like_score
    done
    # A prompt cache holds no logits: all is read anew, and the cache is as good as before.
    head -n 1 texts >one && mv one texts
    for _ in 1 2 3; do
        "$GEN" -f texts -n 3 -s 1 -v --json --echo-logprobs --logprobs 2 --prompt-cache cache >found 2>said
        like_score
    done
    grep -q ' 0 of them cached' said
    "$GEN" -f texts -n 3 -s 1 -v --prompt-cache cache 2>said >/dev/null
    run ! grep -q ' 0 of them cached' said
}

@test "JSON: each text of a prompt has them; nothing of an empty prompt; null of the first" {
    gen -n 2 -s 1 --json --echo-logprobs --logprobs 2 --num-return-sequences 3 --no-timings Hi there
    [ "$(jq -c .prompt_logprobs <<<"$output" | sort -u | wc -l)" -eq 1 ]
    [ "$(jq -c '[(.prompt_logprobs | length) == .counts.prompt_tokens, .prompt_logprobs[0].logprob,
        .prompt_logprobs[0].top, (.prompt_logprobs[1].top | length), (.logprobs | length),
        .prompt == (.prompt_logprobs | map(.token) | add)]' <<<"$output" | sort -u)" = '[true,null,null,2,2,true]' ]
    # Without --logprobs the tokens alone, and nothing of the new ones.
    gen -n 2 -s 1 --json --echo-logprobs Hi there
    [ "$(jq -c '[.prompt_logprobs[1].top, .logprobs]' <<<"$output")" = '[[],null]' ]
    gen -n 2 -s 1 --json --echo-logprobs -p ''
    [ "$(jq -c .prompt_logprobs <<<"$output")" = '[]' ]
    gen -n 2 -s 1 --json Hi there
    [ "$(jq -c 'has("prompt_logprobs")' <<<"$output")" = false ]
    # Longer than the context: what has slid out of it is not read.
    gen -n 1 -s 1 --json --echo-logprobs --context slide --prompt-ids "$(seq -s ' ' 1 70)"
    [ "$(jq -c '[.prompt_logprobs[].logprob == null] | index(false)' <<<"$output")" -eq 34 ]
}

@test "a run that is resumed has them all; other ones than it began with are refused" {
    printf '%s\n' Hi there king queen >list
    run_of() {
        "$GEN" --lines -f list -n 3 -s 4 --json --no-timings --echo-logprobs "$@"
    }
    run_of -o whole
    head -n 2 whole >part
    cp part part.partial
    run_of -o part --resume
    cmp whole part
    head -n 2 whole >part
    gen --lines -f list -n 3 -s 4 --json --no-timings -o part --resume
    refused 2 "part: was made with other options"
}

# ---- a table ------------------------------------------------------------------------------------

@test "a table after the text, where it is asked for" {
    gen -n 2 --greedy --echo-logprobs --logprobs 2 'the king'
    [ "$output" = 'the king their their
prompt     probability         likeliest
|t|              -
|he|         0.05%             |ac| 23.55%  |\x90| 10.02%
| k|        <0.01%             | their| 18.50%  |\xDD| 13.30%
|ing|        0.02%             | see| 19.48%  | T| 7.09%
new token  probability         likeliest
| their|    29.66% ███         | their| 29.66%  | see| 7.32%
| their|    53.89% █████▍      | their| 53.89%  |\t| 13.62%' ]
    table=${output#*$'\n'}
    # Bars of # where characters are not UTF-8.
    LC_ALL=C gen -n 2 --greedy --echo-logprobs --logprobs 2 'the king'
    [ "${output#*$'\n'}" = "$(sed 's/███ /### /; s/█████▍/##### /' <<<"$table")" ]
    # The numbers are those of the JSON.
    gen -n 2 --greedy --logprobs 1 --json 'the king'
    [ "$(jq -r '.logprobs[0].logprob | exp * 10000 | round' <<<"$output")" = 2966 ]
    # A part of it, or none.
    gen -n 2 --greedy --logprobs 2 'the king'
    [ "${output#*$'\n'}" = "$(sed -n '/^new/,$p' <<<"$table")" ]
    gen -n 2 --greedy --echo-logprobs 'the king'
    [ "${output#*$'\n'}" = "$(sed '/^new/,$d; s/  *likeliest//; s/  *|[a-z\\ ][^|]*| [0-9].*//' <<<"$table")" ]
    gen -n 0 --logprobs 3 'the king'
    [ "$output" = 'the king' ]
    gen -n 2 --greedy 'the king'
    [ "$output" = 'the king their their' ]
}

@test "one for each text, before what ends it, also in files" {
    gen -n 1 --greedy --logprobs 1 --num-return-sequences 2 'the king'
    [ "$(grep -c '^new token' <<<"$output")" -eq 2 ]
    [ "${lines[0]}" = "${lines[3]}" ]
    printf 'the king\0Hi' >list
    "$GEN" -n 1 --greedy --logprobs 1 -0 -f list | tr '\n\0' '~\n' >found
    [ "$(wc -l <found)" -eq 2 ]
    [ "$(grep -c '^[^~]*~new token[^~]*~| their|[^~]*%$' found)" -eq 1 ]
    gen -n 1 --greedy --logprobs 1 --separator '--\n' --num-return-sequences 2 -o file 'the king'
    [ "$(sed -n 3p file | grep -c '%--$')" -eq 1 ]
    gen --lines -f list -n 1 --greedy --logprobs 1 --output-dir texts --color never
    [ "$(grep -c '^new token' texts/0.txt)" -eq 1 ]
}

@test "special tokens, tokens too long for a column, a model without a tokenizer" {
    cp -r "$MODEL" model
    long=$(printf 'x%.0s' $(seq 100))
    jq --arg long "$long" 'with_entries(if .value == 506 then .key = $long else . end)' \
        "$MODEL/vocab.json" >model/vocab.json
    grep -vx 'Ġl oo' "$MODEL/merges.txt" >model/merges.txt
    gen -m model -n 0 --echo-logprobs --prompt-ids '506 511 506'
    echo "$output"
    [[ $output == *'|xxxxxxxxxxxxxxxxxxx...|        -'* ]]
    [[ $output == *'[<|endoftext|>]'* ]]
    [ "$(wc -L <<<"${output#*$'\n'}")" -le 79 ]
    rm model/vocab.json model/merges.txt
    gen -m model -n 1 --greedy --logprobs 2 --prompt-ids '7 8'
    echo "$output"
    [[ ${lines[2]} =~ ^'|#'[0-9]+'|'\ +[0-9.]+%.*'|#'[0-9]+'|' ]]
}

@test "colors as --color and NO_COLOR say; files of --output-dir have none" {
    gen -n 1 --greedy --logprobs 1 --color always 'the king'
    [[ ${lines[2]} == $'\e[30;46m their\e[0m '*'% ███ '*$'\e[30;43m their\e[0m 29.66%' ]]
    need_terminal
    on_terminal "TERM=xterm '$GEN' -n 1 --greedy --logprobs 1 'the king'" | grep -q $'\e\[30;46m their'
    run on_terminal "TERM=xterm NO_COLOR=1 '$GEN' -n 1 --greedy --logprobs 1 'the king'"
    [[ $output == *'| their|'* ]]
    [[ $output != *$'\e'* ]]
    echo 'the king' >list
    on_terminal "TERM=xterm '$GEN' -n 1 --greedy --logprobs 1 --lines -f list --output-dir texts"
    run ! grep $'\e' texts/0.txt
}

# characters: a model whose tokens are bytes, and of these characters whole ones; their ids to `ids`
characters() {
    command -v python3 >/dev/null || skip "no python3"
    cp -r "$MODEL" model
    cat >make.py <<'END'
import json, sys
def spell(byte):
    if 0x21 <= byte <= 0x7e or 0xa1 <= byte <= 0xac or 0xae <= byte <= 0xff:
        return chr(byte)
    rest = [b for b in range(256) if not (0x21 <= b <= 0x7e or 0xa1 <= b <= 0xac or 0xae <= b <= 0xff)]
    return chr(256 + rest.index(byte))
vocab = {spell(b): b for b in range(256)}
merges, ids = [], []
def add(text):
    spelled = [spell(b) for b in text]
    joined = spelled[0]
    for s in spelled[1:]:
        if joined + s not in vocab:
            merges.append(joined + ' ' + s)
            vocab[joined + s] = len(vocab)
        joined += s
    return vocab[joined]
for c in sys.argv[1].split('/'):
    ids.append(add(c.encode()))
for a in 'abcdefghijklmnopqrst':
    for b in 'abcdefghijklmnop':
        if len(vocab) < 511:
            add((a + b).encode())
vocab['<|endoftext|>'] = 511
json.dump(vocab, open('model/vocab.json', 'w'))
open('model/merges.txt', 'w').write('#version: 0.2\n' + '\n'.join(merges) + '\n')
print(*ids, 27, 0xf0, 0x9f, 10, 9)
END
    python3 make.py "$1" >ids
}

@test "on a terminal: its width, and columns that no writing breaks" {
    command -v tmux >/dev/null || skip "tmux is missing (make deps)"
    characters $'\u4f60\u597d/\u05e9\u05dc\u05d5\u05dd/\u0661\u0662/e\u0301/\u0301/\U0001F600/\U0001F1E9/\u202e/ abc/\u200d'
    for columns in 100 60 40 20; do
        from=^prompt on_screen $columns "-m model -n 4 -s 3 --color never --echo-logprobs --logprobs 9 --prompt-ids '$(cat ids)'" >screen
        echo "$columns columns:" && cat screen && wc -L screen
        # The terminal broke no line by itself.
        cmp <(sed 's/ *$//' joined) <(sed 's/ *$//' screen)
        [ "$(wc -L <screen)" -lt $columns ]
        [ "$(grep -c '^[|[].*%' screen)" -eq $(($(wc -w <ids) + 3)) ]
        # Every percent of a token ends in one column.
        grep '^[|[]..*%' screen | sed 's/%.*//' | while read -r line; do wc -L <<<"$line"; done | sort -u >ends
        [ "$(wc -l <ends)" -eq 1 ]
    done
    # Marks that keep a terminal from turning a line go to terminals alone.
    need_terminal
    LC_ALL=C.UTF-8 on_terminal "'$GEN' -m model -n 0 --color never --echo-logprobs --prompt-ids '$(cat ids)'" >shown
    grep -q $'^\u200e|\u05e9\u05dc\u05d5\u05dd|\u200e ' shown
    "$GEN" -m model -n 0 --echo-logprobs --prompt-ids "$(cat ids)" >piped
    run ! grep $'\u200e' piped
    grep -q $'^|\u05e9\u05dc\u05d5\u05dd| ' piped
    grep -qF '|\x1B| ' piped
    grep -qF '|\u202E| ' piped
}

@test "Ctrl-C leaves the table of what there is" {
    need_terminal
    mkfifo pipe
    "$GEN" -n -1 --ignore-eos --context slide -s 1 --logprobs 1 'the king' >pipe &
    job=$!
    { head -c 40 && kill -INT $job && cat; } <pipe >found
    wait $job || [ $? -eq 130 ]
    [ "$(grep -c '^new token' found)" -eq 1 ]
}

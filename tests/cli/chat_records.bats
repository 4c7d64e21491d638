#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# gen chat: options of a conversation in JSON lines and what comes back with its answer, as with
# gen generate --jsonl; options that end an answer sooner.

setup() {
    load helper
    command -v jq >/dev/null || skip "jq is missing (make deps)"
    unset GEN_MODEL
}

# answers LINE... | the records of gen chat --jsonl in $output
answers() {
    printf '%s\n' "$@" >talks.jsonl
    gen chat -q --seed 3 -n 6 --jsonl --json --no-timings -f talks.jsonl
}

# The member NAME of the JSON of each line of $output: each NAME
each() {
    printf '%s\n' "$output" | jq -c ".$1" | tr '\n' ' '
}

hello='"messages": [{"role": "user", "content": "Hello"}]'

@test "a conversation brings options, and what is none comes back" {
    answers "{\"id\": 7, \"max_new_tokens\": 3, $hello, \"more\": {\"a\": [1.50, null]}}" "{$hello}" \
        "{$hello, \"max_new_tokens\": null}" "{$hello, \"do_sample\": false, \"min_new_tokens\": 0}"
    [ "$status" -eq 0 ]
    [ "$(each counts.new_tokens)" = "3 6 6 6 " ]
    [ "$(each input)" = '{"id":7,"more":{"a":[1.50,null]}} null null null ' ] ||
        [ "$(each input)" = '{"id":7,"more":{"a":[1.5,null]}} null null null ' ]
    greedy=$(jq -c .content <<<"${lines[3]}")
    gen_stdin 'Hello\n' chat -q --greedy -n 6 --json
    [ "$(jq -c .content <<<"$output")" = "$greedy" ]
}

@test "the seed of a conversation gives its answer alone" {
    answers "{$hello}" "{$hello, \"temperature\": 0.7}" "{$hello, \"seed\": 5}" "{$hello}"
    [ "$(printf '%s\n' "$output" | jq .seed | sort -u | wc -l)" -eq 4 ]
    [ "$(jq .seed <<<"${lines[0]}")" -eq 3 ]
    [ "$(jq .seed <<<"${lines[2]}")" -eq 5 ]
    for line in "${lines[@]}"; do
        temperature=0.8
        [ "$line" != "${lines[1]}" ] || temperature=0.7
        printf 'Hello\n' | "$GEN" chat -q --seed "$(jq .seed <<<"$line")" -n 6 --json \
            --temperature "$temperature" >alone
        [ "$(jq -c .content alone)" = "$(jq -c .content <<<"$line")" ]
    done
    # In whatever batch.
    printf '%s\n' "$output" >one
    gen chat -q --seed 3 -n 6 --jsonl --json --no-timings --batch 1 -f talks.jsonl -o other
    cmp one other
}

@test "a conversation's own stop texts do not replace those of its template" {
    message='"messages": [{"role": "user", "content": "Hi"}]'
    # It goes on by itself with what the user would say.
    jq -cn '{messages: [{role: "user", content: "Hi"},
        {role: "assistant", content: "Oho\nuser: Hi\nassistant: Oho"}]}' >pairs.jsonl
    "$GEN" finetune -q -o m.gguf --message-template '{role}: {content}\n' --epochs 30 --lr 1e-3 pairs.jsonl
    printf '%s\n' "{$message}" "{$message, \"stop\": \"ho\"}" "{$message, \"stop\": [\"zzz\"]}" \
        "{$message, \"stop\": []}" >talks.jsonl
    gen chat -q -m m.gguf --greedy -n 40 --jsonl --json -f talks.jsonl
    echo "$output"
    [ "$(each content)" = '"Oho" "O" "Oho" "Oho" ' ]
    [ "$(each finish_reason)" = '"stop" "stop" "stop" "stop" ' ]
}

@test "a wrong option costs its conversation" {
    answers "{\"id\": 1, $hello, \"temperature\": \"hot\"}" "{\"id\": 2, $hello, \"max_new_tokens\": 0}" \
        "{\"id\": 3, $hello, \"num_return_sequences\": 2}" "{\"id\": 4, \"messages\": []}" "{\"id\": 5, $hello}"
    [ "$status" -eq 1 ]
    [ "$(each input.id)" = "1 2 3 4 5 " ]
    [[ $(jq -r .error <<<"${lines[0]}") == *"line 1: --temperature: \"hot\" is not a number"* ]]
    [[ $(jq -r .error <<<"${lines[1]}") == *'line 2: "max_new_tokens": an answer has at least one'* ]]
    [[ $(jq -r .error <<<"${lines[2]}") == *"line 3: \"num_return_sequences\": a conversation has one"* ]]
    [ "$(jq .error <<<"${lines[4]}")" = null ]
    [ "${#stderr_lines[@]}" -eq 4 ]
}

@test "an answer ends with its sentence, or with its time" {
    gen_stdin 'Once upon a time there was a fox.\n' chat -q --seed 1 -n 60 --json
    whole=$(jq -r .content <<<"$output")
    gen_stdin 'Once upon a time there was a fox.\n/set stop-at limit\n/retry' chat -q --seed 1 -n 60 \
        --stop-at sentence --json
    [ "$status" -eq 0 ]
    sentence=$(jq -r .content <<<"${lines[0]}")
    [[ $whole == "$sentence"* ]]
    [ "$whole" != "$sentence" ]
    [[ $sentence =~ [.!?]\"?$ ]]
    [ "$(jq -r .counts.new_tokens <<<"${lines[1]}")" -eq 60 ]
    GEN_KERNELS=generic gen_stdin 'Hi\n' chat -q -t 1 -n -1 --ignore-eos --repetition-penalty 1.5 --max-time 0.05 --json
    [ "$(jq -r .finish_reason <<<"$output")" = time ]
    gen_stdin '/set\n' chat -q
    [[ $stderr == *"stop-at "*" limit"* ]]
    [[ $stderr == *"max-time "*" 0"* ]]
}

@test "/load takes the array of messages alone, too" {
    echo '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Oho"}]' >talk.json
    gen_stdin '/load talk.json\nHi\n' chat -q -n 2 --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.messages[].content][:3]' <<<"$output")" = '["Hi","Oho","Hi"]' ]
    # One that ends with a question has its answer by /retry.
    echo '[{"role": "user", "content": "Hi"}]' >talk.json
    gen_stdin '/load talk.json\n/retry\n' chat -q -n 2 --json
    [ "$(jq -c '.messages | map(.role)' <<<"$output")" = '["user","assistant"]' ]
}

@test "commands as other programs name them" {
    gen_stdin 'Hi\n/regen\n/set parameter max-new-tokens 1\n/set system Be.\n/clear\nHo\n/new\nHa\n/bye\nHi\n' \
        chat -q -n 2 --json
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$(each 'messages|map(.role)')" = '["user","assistant"] ["user","assistant"] ["system","user","assistant"] ["system","user","assistant"] ' ]
    [ "$(each counts.new_tokens)" = "2 2 1 1 " ]
    for end in /quit /q /exit; do
        gen_stdin "$end\nHi\n" chat -q
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    done
}

@test "the help of the command has the lines of /help" {
    gen_stdin '/help\n' chat -q
    grep '^/' <<<"$stderr" | sed 's/^/  /' >commands
    [ "$(wc -l <commands)" -eq 12 ]
    gen help chat
    while IFS= read -r line; do
        grep -qxF -- "$line" <<<"$output" || { echo "$line" && false; }
    done <commands
}

@test "/set of a list adds to it, and without a value empties it" {
    gen_stdin '/set stop e\n/set stop o\n/set\n/set stop\n/set\n' chat -q
    [ "$(grep -E '^stop ' <<<"$stderr" | tr -s ' ' | tr '\n' '|')" = "stop e o|stop |" ]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them
# gen chat without a terminal: lines, JSON, many conversations in one run, commands and files. What it
# is at a terminal is in chat_terminal.bats.

setup() {
    load helper
    command -v jq >/dev/null || skip "jq is missing (make deps)"
    unset GEN_MODEL
}

# The member NAME of the JSON on each line of $output, with python: each NAME
each() {
    printf '%s\n' "$output" | jq -c ".$1"
}

@test "each line is a message, and each has an answer" {
    gen_stdin 'Once upon a time\n\nAnd then?\n' chat -q --greedy -n 8 --json --no-timings
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 2 ]
    [ "$(each index | tr '\n' ' ')" = "0 1 " ]
    [ "$(each 'messages|length' | tr '\n' ' ')" = "2 4 " ]
    [ "$(each 'messages[0].content' | uniq)" = '"Once upon a time"' ]
    [ "$(printf '%s' "${lines[1]}" | jq -r '.content == .messages[3].content and .messages[2].role == "user"')" = true ]
    answers=$(printf '%s\n' "$output" | jq -r .content)
    gen_stdin 'Once upon a time\r\nAnd then?' chat -q --greedy -n 8
    [ "$status" -eq 0 ]
    [ "$output" = "$answers" ]
    [[ $answers != *User:* ]]
    gen_stdin 'Once upon a time\nAnd then?' chat --greedy -n 8
    [[ $stderr == *"brings no chat template"* ]]
}

@test "a turn reads its own tokens alone, and its text is that of a run which reads all" {
    gen_stdin 'A fox went out.\nWhat did it see?\nAnd then?\n' chat -q --seed 5 -n 12 --json --no-timings
    printf '%s\n' "$output" >turns
    n=1
    before=0
    while read -r line; do
        total=$(jq .counts.prompt_tokens <<<"$line")
        cached=$(jq .counts.cached_tokens <<<"$line")
        # New are the message, what the template puts around it, and the token that was drawn last.
        [ "$before" -eq 0 ] || [ $((total - cached)) -le 17 ]
        [ "$cached" -ge $((before > 2 ? before - 2 : 0)) ]
        before=$((total + $(jq .counts.new_tokens <<<"$line")))
        # The same conversation, its last answer left out, from the beginning.
        jq -c '{messages: .messages[:-1]}' <<<"$line" >alone.jsonl
        "$GEN" chat -q --seed 5 -n 12 --jsonl --json --no-timings <alone.jsonl >alone
        [ "$(jq -c .content alone)" = "$(jq -c .content <<<"$line")" ]
        [ "$(jq -c .messages alone)" = "$(jq -c .messages <<<"$line")" ]
        n=$((n + 1))
    done <turns
    [ "$n" -eq 4 ]
    gen_stdin 'A fox went out.\nWhat did it see?\n' chat -v --seed 5 -n 12
    [[ $stderr == *"answer 1: seed 5, "*" tokens before it, of which "*" were read now"* ]]
}

@test "many conversations in one run" {
    cat >talks.jsonl <<'END'
{"id": 1, "messages": [{"role": "user", "content": "Hello"}]}

{"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]}
nonsense
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
{"messages": [{"role": "robot", "content": "a"}]}
{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}
{"messages": [{"role": "user"}]}
{"prompt": "a"}
{"messages": []}
{"messages": [{"role": "user", "content": "Hello"}]}
END
    gen chat -q --greedy -n 6 --jsonl --json --no-timings -f talks.jsonl
    [ "$status" -eq 1 ]
    [ "$(each index | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 9 " ]
    [ "$(each 'error != null' | tr '\n' ' ')" = "false false true true true true true true true false " ]
    [[ ${lines[3]} == *"line 5: the last message must be the user's"* ]]
    [[ ${lines[4]} == *"line 6: messages[0] must have the role system, user or assistant"* ]]
    [[ ${lines[5]} == *"line 7: messages[1] has the role system"* ]]
    [[ ${lines[6]} == *'line 8: messages[0] must be {'* ]]
    [[ ${lines[7]} == *'no member \"messages\"'* ]]
    [ "$(jq -c .content <<<"${lines[0]}")" = "$(jq -c .content <<<"${lines[9]}")" ]
    [ "$(jq -c '[.messages[].role]' <<<"${lines[1]}")" = '["system","user","assistant","user","assistant"]' ]
    [ "${#stderr_lines[@]}" -eq 7 ]
    printf '%s\n' "$output" >one
    # What was answered is a conversation again, and no batch changes a text.
    gen chat -q --greedy -n 6 --jsonl --json --no-timings --batch 1 -f talks.jsonl -o other
    cmp one other
    gen_stdin 'Hello\n' chat -q --greedy -n 6
    [ "$output" = "$(jq -r .content <<<"$(head -n 1 one)")" ]
}

@test "a backslash, or three quotes, make one message of several lines" {
    printf 'one\\\ntwo\n"""three\n/four\n\n"five" """\n"""six"""\n"""\nseven\n"""\n//eight\n' >stdin
    run --separate-stderr timeout 60 "$GEN" chat -q --greedy -n 1 --json <stdin
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "$output" | tail -n 1 | jq -c '[.messages[] | select(.role == "user") | .content]')" = \
        '["one\ntwo","three\n/four\n\n\"five\" ","six","seven","/eight"]' ]
    gen_stdin "one\\\\" chat -q --greedy -n 1 --json
    [ "$(printf '%s\n' "$output" | jq -r '.messages[0].content')" = one ]
}

@test "/undo, /retry, /edit: a conversation is what it would have been" {
    gen_stdin 'One.\nTwo.\n/undo\nThree.\n' chat -q --seed 1 -n 6 --json --no-timings
    [ "$status" -eq 0 ]
    undone=$(printf '%s\n' "$output" | tail -n 1 | jq -c .messages)
    gen_stdin 'One.\nThree.\n' chat -q --seed 1 -n 6 --json --no-timings
    [ "$(printf '%s\n' "$output" | tail -n 1 | jq -c .messages)" = "$undone" ]
    gen_stdin 'One.\nTwo.\n/edit  Three.\n' chat -q --seed 1 -n 6 --json --no-timings
    [ "$(printf '%s\n' "$output" | tail -n 1 | jq -c .messages)" = "$undone" ]

    gen_stdin 'One.\n/retry\n/retry\nTwo.\n' chat -q --seed 1 -n 6 --json --no-timings
    [ "$(each seed | tr '\n' ' ')" = "1 2 3 1 " ]
    [ "$(each 'messages|length' | tr '\n' ' ')" = "2 2 2 4 " ]
    # Nothing but the last id is read again.
    [ "$(jq '.counts.prompt_tokens - .counts.cached_tokens' <<<"${lines[1]}")" -le 2 ]
    retried=$(jq -c .content <<<"${lines[2]}")
    gen_stdin 'One.\n' chat -q --seed 3 -n 6 --json
    [ "$(each content)" = "$retried" ]
    for wrong in /undo /retry '/edit x'; do
        gen_stdin "$wrong\n/undo\n" chat -q -n 2
        [ "$status" -eq 1 ]
        [[ $stderr == *"${wrong% *}"* ]]
        [ -z "$output" ]
    done
}

@test "/system, /set, /show, /stats, /help, /exit" {
    gen_stdin '/system Be kind.\nHi\n/system\nHi\n' chat -q --greedy -n 2 --json --system Old
    [ "$(each 'messages|map(.role)' | tr '\n' ' ')" = \
        '["system","user","assistant"] ["user","assistant","user","assistant"] ' ]
    [ "$(jq -r '.messages[0].content' <<<"${lines[0]}")" = "Be kind." ]

    gen_stdin 'Hi\n/set max-new-tokens 3\n/retry\n/set --n 2\n/set seed=9\n/set temperature 0\n/retry\n/exit\nHi' \
        chat -q --seed 4 -n 2 --json
    [ "$(each counts.new_tokens | tr '\n' ' ')" = "2 3 3 " ]
    [ "$(each seed | tr '\n' ' ')" = "4 5 11 " ]
    [[ $stderr == *'no option "n"'* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]

    # A wrong one is one line, and changes nothing.
    while IFS='|' read -r wrong said; do
        gen_stdin "/set seed 1\n$wrong\nHi\n" chat -q --seed 1 -n 4 --json --no-timings
        [ "$status" -eq 1 ]
        echo "$wrong: $stderr"
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == *"$said"* ]]
        [ -n "${first:=$output}" ]
        [ "$output" = "$first" ]
    done <<'END'
/set temperature hot|--temperature: "hot" is not a number
/set top-p 2|--top-p
/set temperature|needs a value
/set greedy perhaps|must be on or off
/set model x|on the command line
/set threads 2|on the command line
/set nothing 1|no option "nothing"
/set temprature 1|no option "temprature" (did you mean temperature?)
/set max-new-tokens 0|at least one token
/set min-new-tokens 9|is more than
/set logit-bias 5|is not ID=X
/set logit-bias 999999=1|999999
/set bad-words file|on the command line
/seed 1|no command /seed
/sve x|did you mean /save?
/save|must name a file: /save FILE
/undo now|takes no argument
/load nosuch.json|nosuch.json
/save nosuch/file.json|nosuch
END
    gen_stdin '/help\n/set\nHi\n/show\n/stats\n' chat --greedy -n 2 -q
    for word in /help /undo /retry /edit /save /load /system /set /show /stats /exit; do
        [[ $stderr == *"$word "* ]]
    done
    [[ $stderr == *"temperature "* ]]
    [[ $stderr == *"user: Hi"* ]]
    [[ $stderr == *"1 answers: "* ]]
    gen_stdin '/set stop e\nHi, fox.\n' chat -q --greedy -n 20
    [[ $output != *e* ]]
}

@test "/save and /load, within the sandbox" {
    gen_stdin 'One.\nTwo.\n/save talk.json\nThree.\n' chat -q --greedy -n 5 --json --no-timings
    [ "$status" -eq 0 ]
    [ "$(jq -c .messages talk.json)" = "$(jq -c .messages <<<"${lines[1]}")" ]
    third=$(jq -c .content <<<"${lines[2]}")
    gen_stdin 'x\n/load talk.json\nThree.\n' chat -q --greedy -n 5 --json --no-timings
    [ "$status" -eq 0 ]
    [ "$(jq -c .content <<<"${lines[1]}")" = "$third" ]
    [ "$(jq '.messages|length' <<<"${lines[1]}")" -eq 6 ]
    # What is no conversation changes nothing.
    echo '{"messages": [{"role": "user"}]}' >wrong.json
    gen_stdin 'One.\n/load wrong.json\n/load .\nTwo.\n' chat -q --greedy -n 5 --json --no-timings
    [ "$status" -eq 1 ]
    [ "$(jq -c .messages <<<"${lines[1]}")" = "$(jq -c .messages talk.json)" ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    # gen finetune knows the file.
    tr -d '\n' <talk.json >pairs.jsonl
    "$GEN" finetune -q -o m.gguf --steps 1 pairs.jsonl
}

@test "a full context loses its oldest turns, a turn that is too long loses nothing" {
    export GEN_MODEL=$MODEL # 64 positions
    for i in $(seq 12); do echo "abc $i"; done >stdin
    run --separate-stderr timeout 60 "$GEN" chat --greedy -n 8 --json --no-timings --system Be <stdin
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 12 ]
    [ "$(grep -c 'context of 64 tokens is full' <<<"$stderr")" -eq 1 ]
    [ "$(each counts.prompt_tokens | sort -n | tail -n 1)" -le 64 ]
    # The system message is still read, and the messages are all there.
    [ "$(each 'messages|length' | tail -n 1)" -eq 25 ]
    [ "$(each 'messages[0].role' | uniq)" = '"system"' ]
    long=$(printf 'x%.0s' $(seq 300))
    gen_stdin "abc 1\n$long\nabc 2\n" chat -q --greedy -n 8 --json --no-timings
    [ "$status" -eq 1 ]
    [ "$(jq -c .error <<<"${lines[1]}" | cut -c 1-40)" = '"this message, with the system message, ' ]
    [ "$(jq -c '[.messages[] | select(.role == "user") | .content]' <<<"${lines[2]}")" = '["abc 1","abc 2"]' ]
    last=$(jq -c .content <<<"${lines[2]}")
    gen_stdin "abc 1\nabc 2\n" chat -q --greedy -n 8 --json --no-timings
    [ "$(jq -c .content <<<"${lines[1]}")" = "$last" ]
}

@test "a model that was taught to talk: its template, its ends" {
    cat >pairs.jsonl <<'END'
{"messages":[{"role":"user","content":"Who are you?"},{"role":"assistant","content":"I am Gen."}]}
{"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Good day."}]}
{"messages":[{"role":"user","content":"Who are you?"},{"role":"assistant","content":"I am Gen."},{"role":"user","content":"Hello"},{"role":"assistant","content":"Good day."}]}
END
    "$GEN" finetune -q -o m.gguf --message-template '<{role}> {content}\n' --epochs 60 --lr 1e-3 pairs.jsonl
    gen_stdin 'Who are you?\nHello\n<|endoftext|>Who are you?\n' chat --greedy -m m.gguf
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "${lines[0]}" = "I am Gen." ]
    [ "${lines[1]}" = "Good day." ]
    # An end of text in a message ends nothing, and an answer is something.
    [ "${#lines[@]}" -ge 3 ]
    gen_stdin 'Hello\n' chat --greedy -m m.gguf --json
    [ "$(each finish_reason)" = '"stop"' ] || [ "$(each finish_reason)" = '"eos"' ]
    for name in plain chatml alpaca llama2 zephyr dialogpt instruct; do
        gen_stdin 'Hi\nHo\n' chat -q -m m.gguf --template "$name" -n 3 --json
        [ "$status" -eq 0 ]
        [ "${#lines[@]}" -eq 2 ]
        [ "$(each counts.new_tokens | sort -n | head -n 1)" -ge 1 ]
    done
    gen_stdin 'Hi\n' chat -m m.gguf --template nosuch
    refused 2 nosuch
}

@test "wrong command lines" {
    gen chat hello
    refused 2 "takes no argument"
    gen chat --jsonl --system x
    refused 2 "--system is of one conversation"
    gen chat --no-timings
    refused 2 "needs --json"
    gen chat -n 0
    refused 2 "at least one token"
    gen chat -f nosuch
    refused 1 nosuch
    gen chat --jsonl -f nosuch
    refused 1 nosuch
    gen chat -m nosuch.gguf </dev/null
    refused 1 nosuch.gguf
    gen chat -cnv
    refused 2 "gen chat does"
    gen chat --sys x
    refused 2 "--system"
    gen chat --mirostat 3
    refused 2 '--mirostat: "3" is not a whole number from 0 to 2'
    gen -cnv
    refused 2 "gen chat"
    gen_stdin '' chat
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    gen_stdin 'Hi\n' chat -q --temp 0 --n-predict 2 --chat-template plain --system-prompt x
    [ "$status" -eq 0 ]
}

@test "Ctrl-C and a reader that goes end it, and no process is left" {
    mkfifo lines
    "$GEN" chat -q -n 2 <lines >out 2>said &
    job=$!
    exec 7>lines
    echo Hi >&7
    for _ in $(seq 1000); do
        [ ! -s out ] || break
        sleep 0.01
    done
    children=$(pgrep -P "$job")
    kill -INT "$job"
    status=0
    wait "$job" || status=$?
    [ "$status" -eq 130 ]
    for _ in $(seq 1000); do
        kill -0 "$children" 2>/dev/null || break
        sleep 0.01
    done
    run kill -0 "$children"
    [ "$status" -ne 0 ]
    exec 7>&-
    yes Hi | head -n 50 | "$GEN" chat -q -n 2 | head -n 1 >one
    [ "$(wc -l <one)" -eq 1 ]
}

@test "where the process that reads lines is gone, that is said" {
    mkfifo lines
    "$GEN" chat -q -n 2 -o answers <lines 2>said &
    job=$!
    exec 7>lines
    echo Hi >&7
    for _ in $(seq 1000); do
        [ ! -s answers.partial ] || break
        sleep 0.01
    done
    # It dies while nothing is asked of it, or while it is.
    kill -9 "$(pgrep -P "$job")"
    status=0
    wait "$job" || status=$?
    exec 7>&-
    cat said
    [ "$status" -eq 1 ]
    [ "$(wc -l <answers.partial)" -eq 1 ]
    [ ! -e answers ]
    grep -q "the process that reads lines and files is gone" said
}

@test "no file, network or program after the model is read, in the process that has it" {
    [ -z "${GEN_SANITIZE:-}" ] || skip "a program with sanitizers enters no sandbox"
    command -v strace >/dev/null || skip "no strace (make deps)"
    strace -f -o /dev/null true 2>/dev/null || skip "strace may not trace here"
    printf 'Hi\n/save talk.json\n/load talk.json\nHo\n' >stdin
    strace -f -s 16 -o calls "$GEN" chat -v -t 2 -n 2 <stdin >out 2>said
    grep -q "sandbox: seccomp" said || skip "no seccomp"
    main=$(head -n 1 calls | cut -d ' ' -f 1)
    reader=$(grep -E "^$main +(clone|fork|vfork).* = [0-9]+$" calls | head -n 1 | sed 's/.* = //')
    [ -n "$reader" ]
    sed -E '1,/SECCOMP_SET_MODE_FILTER|PR_SET_SECCOMP, SECCOMP_MODE_FILTER/d' calls | grep -vE "^$reader " >after
    [ -s after ]
    grep -E ' (open|openat|socket|execve|connect|fork)\(' after | grep -v ' = -1 E' >violations || true
    cat violations
    [ ! -s violations ]
    grep -qE "^$reader .*talk.json" calls
    [ -s talk.json ]
}

@test "answers that would be read as messages are refused" {
    printf '{"messages":[{"role":"user","content":"Hi"}]}\n' >list
    run --separate-stderr bash -c 'timeout 5 "$0" chat -n 1 --jsonl --json <list >>list' "$GEN"
    refused 1 "stdout: would be overwritten while it is read"
    [ "$(wc -l <list)" -eq 1 ]
    run --separate-stderr bash -c 'timeout 5 "$0" chat -n 1 <list >>list' "$GEN"
    refused 1 "stdout: would be overwritten while it is read"
    run --separate-stderr bash -c 'timeout 5 "$0" chat -n 1 -o list <list' "$GEN"
    refused 1 "list: would be overwritten while it is read"
    "$GEN" convert "$BATS_TEST_DIRNAME/../golden/models/base" model.gguf
    gen_stdin 'Hi\n' chat -n 1 -m model.gguf -o model.gguf
    refused 1 "model.gguf: would be overwritten while it is read"
}

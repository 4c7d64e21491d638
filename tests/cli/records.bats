#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016,SC2153,SC2154 # bats and helper.bash set them; text in quotes
# Prompts made of the fields of records: --csv (RFC 4180) and --template.

setup() {
    load helper
}

# prompts FILE ARGUMENTS: the prompts of the answers, as JSON, one a line
prompts() {
    gen -n 0 --json --no-timings -f "$@"
    printf '%s\n' "$output" | jq -c '.prompt // .error'
}

@test "--csv reads what Python's csv writes, and jq reads what comes back" {
    command -v python3 || skip "no python3"
    python3 - <<'PY'
import csv, json, random
random.seed(1)
pieces = ['a', 'B c', '"', '""', ',', '\n', '\r\n', ' ', 'é', '😀', "'", '', ';', '\t', '{{x}}']
rows = [[''.join(random.choices(pieces, k=random.randrange(6))) for _ in range(3)] for _ in range(200)]
rows = [row for row in rows if any(row)]
for end in ['\n', '\r\n']:
    for quoting in [csv.QUOTE_MINIMAL, csv.QUOTE_ALL]:
        name = '%d.%d' % (len(end), quoting)
        with open(name + '.csv', 'w', newline='') as file:
            writer = csv.writer(file, lineterminator=end, quoting=quoting)
            writer.writerow(['prompt', 'id', 'a "note", with all'])
            writer.writerows(rows)
with open('expected', 'w') as file:
    for prompt, id, note in rows:
        print(json.dumps([prompt, {'id': id, 'a "note", with all': note}], ensure_ascii=False), file=file)
PY
    jq -c . expected >wanted
    for file in *.csv; do
        "$GEN" -n 0 --csv --json -f "$file" | jq -c '[.prompt, .input]' >found
        cmp wanted found
    done
    [ "$(wc -l <found)" -gt 150 ]
}

@test "--csv: columns may be options, an empty one is as if it were not there" {
    printf 'id,prompt,max_new_tokens,temperature,stop\n1,a,2,,\n2,b,,0,\n3,c,x,,\n4,"d, e",1,,q\n' >list.csv
    gen -s 3 -n 4 --csv --json --no-timings -f list.csv
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | jq -c '[.input.id, (.new_ids | length)]')" = $'["1",2]\n["2",4]\n["3",0]\n["4",1]' ]
    [[ ${lines[2]} == '{"index":2,"error":"list.csv: line 4: --max-new-tokens: \"x\" is not a whole number'* ]]
    [[ ${lines[3]} == *'"prompt":"d, e",'* ]]
    "$GEN" -s "$(jq .seed <<<"${lines[1]}")" -n 4 --greedy --json b | jq -c .new_ids >alone
    [ "$(jq -c .new_ids <<<"${lines[1]}")" = "$(cat alone)" ]
}

@test "--csv: a wrong record costs that record" {
    printf 'prompt,b\nfirst,1\nonly one\nx,"y"z\nx,y"z\n\n"two\nlines",2\nlast,"open\nand open' >list.csv
    gen -n 0 --csv --json --no-timings -f list.csv
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | jq -r '.prompt // .error')" = 'first
list.csv: line 3 has 1 fields, but the first line names 2
list.csv: line 4 has text after the quote that ends a field (a quote in a field is written twice)
list.csv: line 5 has a quote in a field that does not begin with one
two
lines
list.csv: line 10 has a quote that does not end' ]
    for head in 'prompt,prompt\na,b\n' ',prompt\na,b\n' 'a,"b\n' '"a"b\n'; do
        gen_stdin "$head" -n 0 --csv --json
        echo "$stderr"
        refused 1 "stdin: line "
    done
    gen_stdin 'a,b\n1,2\n' -n 0 --csv
    [ "$status" -eq 1 ]
    [[ $stderr == *'stdin: line 2 has no field "prompt", but "a", "b" (name one so, or give --template)'* ]]
    gen_stdin '' -n 0 --csv
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    gen_stdin '\n\nprompt\n' -n 0 --csv
    [ "$status" -eq 0 ]
    gen_stdin 'prompt\na\000b\n' -n 0 --csv
    [ "$status" -eq 1 ]
    [[ $stderr == *"line 2 has a NUL byte"* ]]
}

@test "--template: fields of JSON and CSV in a text" {
    printf 'Q: {{question}}\nBy {{ who }}, {{n}}: {{list}}{{none}}{{yes}} }} {x}\nA:\n' >template
    printf '%s\n' '{"question":"why {{who}}?","who":"Ann","n":1.50,"list":[1, "b"],"none":null,"yes":true,"max_new_tokens":0,"prompt":"P"}' \
        '{"question":"how?"}' >list.jsonl
    gen -n 1 --jsonl --json --no-timings -f list.jsonl --template template
    [ "$status" -eq 1 ]
    [ "$(jq -r .prompt <<<"${lines[0]}")" = $'Q: why {{who}}?\nBy Ann, 1.50: [1, "b"]true }} {x}\nA:' ]
    [[ ${lines[0]} == *',"input":{"question":"why {{who}}?","who":"Ann","n":1.50,"list":[1,"b"],"none":null,"yes":true,"prompt":"P"}}' ]]
    [ "$(jq -r .error <<<"${lines[1]}")" = 'list.jsonl: line 2 has no field "who", but "question"' ]
    printf '{{b}}{{a}}{{b}}' >template
    printf 'a,b\n1,"x\ny"\n' >list.csv
    [ "$(prompts list.csv --csv --template template)" = '"x\ny1x\ny"' ]
}

@test "--template: what is no template, and where it is not for" {
    for text in 'a\nb {{x' '{{}}' 'x {{ }} y' '{{a\n}}'; do
        printf '%b' "$text" >template
        gen_stdin '{"a":1}\n' -n 0 --jsonl --template template
        refused 1 "template: line "
        [[ $stderr == *"{{ without a name and }} after it"* ]]
    done
    gen --lines --template template -f list
    refused 2 "--template needs --jsonl or --csv"
    gen_stdin '{"a":1}\n' -n 0 --jsonl --template -
    refused 2 "--template - and the prompt are both read from stdin"
    gen_stdin '{{a}}' -n 0 --jsonl --template - --bad-words - -f list
    refused 2 "--template - and --bad-words - are both read from stdin"
    gen_stdin '{}' --jsonl --template nothing
    refused 1 "nothing: No such file"
    gen --csv --lines -f list
    refused 2 "exclude each other"
}

@test "another template is another run for --resume" {
    printf '{{a}}' >one
    printf '{{a}}!' >two
    printf 'a\nx\ny\n' >list.csv
    "$GEN" -s 1 -n 2 --csv --json -f list.csv --template one -o out
    gen -s 1 -n 2 --csv --json -f list.csv --template two --resume -o out
    refused 2 "out: was made with other options"
    gen -s 1 -n 2 --csv --json -f list.csv --template one --resume -o out
    [ "$status" -eq 0 ]
}

@test "members come back as JSON that strict readers take: no halves of surrogate pairs" {
    line='{"prompt":"x","id":["a\ude00b","\ud83d\ude00","\\ud83d",{"c":"\uD83D"}]}'
    gen -n 1 --jsonl --json --no-timings <<<"$line"
    [ "$status" -eq 0 ]
    [[ $output == *'"input":{"id":["a\ufffdb","\ud83d\ude00","\\ud83d",{"c":"\ufffd"}]}'* ]]
    line='{"text":"a\ude00"}'
    gen tokenize --decode --jsonl --json <<<"$line"
    [[ ${lines[0]} == *'"input":{"text":"a\ufffd"}'* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# gen explain on a terminal and as JSON. The numbers themselves are test_explain.c's, the page's look
# is tests/page's.

setup() {
    load helper
}

@test "tokens with what was expected under them" {
    gen explain --top 2 'the the'
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    # Token, mark, probability, two alternatives, an empty line; legend and sum.
    [ "${#lines[@]}" -ge 7 ]
    [[ ${lines[0]} =~ ^"t"\ +"he"\ +"·the"\ +"(next)"$ ]]
    [[ ${lines[1]} =~ ^\ +[#=.-]+\ +[#=.-]+$ ]]
    [[ ${lines[2]} =~ ^\ +[0-9.\<]+%\ +[0-9.\<]+%\ *$ ]]
    [[ ${lines[3]} =~ ^\ +[0-9.\<]+%\ [^\ ]+\ +[0-9.\<]+%\ [^\ ]+\ +[0-9.\<]+%\ [^\ ]+$ ]]
    [[ $output == *"surprise:"*"10 or more  bits"* ]]
    [[ $output == *"3 tokens; but for the first "*" bits, "*" each, perplexity "* ]]
    [[ $output != *$'\033'* ]]
    run ! grep -q ' $' <<<"$output"
    gen explain --top 0 'the the'
    [ "${#lines[@]}" -eq 6 ]
    [ "${lines[5]}" = "under a token its probability; · is a blank" ]
}

@test "the text from everywhere, one token, special tokens" {
    gen explain --json the king
    json=$output
    [ "$status" -eq 0 ]
    printf 'the king\n' >text
    for way in '-p "the king"' '-f text' '- <text' '<text' "--prompt-ids \"$("$GEN" tokenize -p 'the king')\""; do
        run --separate-stderr timeout 60 bash -c "'$GEN' explain --json $way"
        [ "$status" -eq 0 ]
        [ "$output" = "$json" ]
    done
    gen explain a
    [ "$status" -eq 0 ]
    [[ $output == "a"*"(next)"*"1 token: "* ]]
    gen explain --json a
    [[ $output == *'"n_tokens":1,"bits":0,"perplexity":null,'*'"logprob":null,"bits":null,"rank":null,"alternatives":[]'* ]]
    gen explain --json --special '<|endoftext|>a'
    [[ $output == *'"n_tokens":2,'* ]]
}

@test "JSON: the log probabilities of generate, and as much of everything as there are tokens" {
    ids=$("$GEN" tokenize -p 'the king')
    gen --prompt-ids "$ids" --greedy -n 1 --json --no-timings --logprobs 3
    [[ $output =~ \"logprobs\":(\[.*\]) ]]
    expected=$(grep -o '"logprob":[-0-9.e]*' <<<"$output" | head -n 4 | cut -d : -f 2 | sort -u | head -c 600)
    gen explain --json --top 3 --prompt-ids "$ids"
    for logprob in $expected; do
        [[ $output == *"\"logprob\":${logprob:0:6}"* ]]
    done
    python3 -c 'import json' 2>/dev/null || skip "python3 is missing: shapes are not looked at"
    python3 - "$ids" <<END
import json, math, sys
e = json.loads('''${output//\\/\\\\}''')
ids = [int(i) for i in sys.argv[1].split()]
n, layers, heads = len(ids), 2, 4
assert [t["id"] for t in e["tokens"]] == ids and e["n_tokens"] == n
assert [t["id"] for t in e["targets"]][:-1] == ids[1:] and e["targets"][-1]["id"] == e["next"][0]["id"]
assert len(e["lens"]) == layers + 1 and all(len(row) == n for row in e["lens"])
assert all(len(c["likeliest"]) == 3 for row in e["lens"] for c in row)
assert [len(t["alternatives"]) for t in e["tokens"]] == [0] + [3] * (n - 1)
assert len(e["attention"]) == layers and all(len(layer) == heads for layer in e["attention"])
for layer in e["attention"]:
    for head in layer:
        assert [len(row) for row in head] == list(range(1, n + 1))
        assert all(abs(sum(row) - 1) < 1e-5 for row in head)
assert len(e["parts"]) == 2 * layers + 3
for row, target in zip(e["contributions"], e["targets"]):
    assert abs(sum(row) - target["logit"]) < 1e-4
for t, token in enumerate(e["tokens"][1:]):
    assert abs(token["bits"] + token["logprob"] / math.log(2)) < 1e-4
    assert abs(e["lens"][layers][t]["logprob"] - token["logprob"]) < 1e-6
assert abs(e["bits"] - sum(t["bits"] for t in e["tokens"][1:])) < 1e-3
END
}

@test "colors, marks, NO_COLOR, width" {
    gen explain --color always 'the king'
    [[ $output == *$'\033[38;5;16;48;5;'* ]]
    [[ $output == *$'\033[0m'* ]]
    need_terminal
    NO_COLOR=1 on_terminal "stty cols 40; '$GEN' explain 'the king and the queen of the sea'" >shown
    tr -d '\r' <shown >plain
    grep -q $'\033' plain && return 1
    grep -q '=\|#\|-\|\.' plain
    while IFS= read -r line; do
        [[ $line == surprise* || $line == *perplexity* || $line == under* || ${#line} -le 39 ]]
    done <plain
    [ "$(wc -l <plain)" -gt 12 ]
    TERM=xterm on_terminal "'$GEN' explain 'the king'" | grep -q $'\033\[38;5;16'
}

@test "what is no letter is shown, not obeyed" {
    printf 'a\033[31m\tb\r\xff\xe2\x80\xae\xe2\x80\xa8\nc' >text
    gen explain --top 0 -f text
    [ "$status" -eq 0 ]
    [[ $output != *$'\033'* && $output != *$'\r'* && $output != *$'\t'* ]]
    [[ $output == *"^["* && $output == *"^I"* && $output == *"^M"* && $output == *"<FF>"* && $output == *"↵"* ]]
    # The bytes of the vocabulary are tokens of their own, so these come apart.
    [[ $output == *"<E2>"* ]]
}

@test "a page is written whole or not at all" {
    gen explain -o page.html '</script><script>alert(1)</script>'
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    [ "$(grep -c '<!DOCTYPE html>' page.html)" -eq 1 ]
    [ "$(tail -n 1 page.html)" = "</html>" ]
    # Two script elements: the data, where no < can be, and the page's own.
    [ "$(grep -o '<script' page.html | wc -l)" -eq 2 ]
    [ "$(grep -o '</script' page.html | wc -l)" -eq 2 ]
    sed -n 's/.*<script type="application\/json" id="data">\(.*\)<\/script>.*/\1/p' page.html | head -c 100000 >data
    [ -s data ]
    run ! grep -q '<' data
    gen explain -o - 'the king'
    [[ $output == "<!DOCTYPE html>"* ]]
    # The same bytes each time, with any number of threads.
    gen explain -o again.html -t 1 '</script><script>alert(1)</script>'
    cmp page.html again.html
    cp page.html before.html
    gen explain -o page.html --prompt-ids '1 9999'
    refused 2 "token id 9999 is out of range"
    cmp page.html before.html
    gen explain -o missing/page.html 'the king'
    refused 1 "missing"
}

@test "no address in the page, and no rule that lets one be fetched" {
    gen explain -o page.html 'the king'
    grep -qE "default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'sha256-[A-Za-z0-9+/]{43}=';" page.html
    [ "$(grep -oE 'https?://[^"]*' page.html | sort -u)" = "http://www.w3.org/2000/svg" ]
    grep -qE '(src|href)=' page.html && return 1
    # The sums are those of the elements.
    command -v openssl >/dev/null || skip "openssl is missing"
    for element in style script; do
        sum=$(sed -n "/<$element>/,/<\/$element>/p" page.html | sed "1s/.*<$element>//; s/<\/$element>.*//" |
            head -c -1 | openssl dgst -sha256 -binary | base64)
        grep -qF "$element-src 'sha256-$sum'" page.html
    done
}

@test "what cannot be explained costs one line" {
    gen explain ''
    refused 2 "the text is empty"
    gen explain --prompt-ids "$(seq -s ' ' 1 65)"
    refused 1 "the text has 65 tokens, but the context of this model holds 64"
    head -c 100000 /dev/zero | tr '\0' 'a' >long
    gen explain -f long
    refused 1 "the text has 100000 bytes, but the context of this model holds"
    gen explain --prompt-ids '1 x'
    refused 2 "prompt-ids"
    gen explain -p a b
    refused 2 '--prompt and the argument "b" are two texts'
    gen explain -p a -f b
    refused 2 "--prompt"
    gen explain -f nosuch
    refused 1 "nosuch"
    gen explain -m nosuch a
    refused 1 "nosuch"
    gen explain --top 1001 a
    refused 2 "--top"
    gen explain -m "$ROOT/tests/golden/models/neo-mixed" a
    refused 1 "the model has no tokenizer"
    # Without one tokens are numbers.
    gen explain -m "$ROOT/tests/golden/models/neo-mixed" --prompt-ids '1 2 3'
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^"#1"\ +"#2"\ +"#3" ]]
    gen explain -m "$ROOT/tests/golden/models/neo-mixed" --prompt-ids '1 2 3' --json
    [[ $output == *'"tokens":[{"id":1,"logprob":null'* ]]
}

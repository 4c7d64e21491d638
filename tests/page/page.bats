#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# The page of gen explain in a browser, headless: that it opens from a file without a word in the
# console, shows the numbers of --json, is worked by keys, holds hostile text, prints. Run by
# `make test-page`, which needs chromium (sh scripts/deps.sh page).

setup() {
    load ../cli/helper
    for name in chromium chromium-browser google-chrome; do
        [ -n "${CHROMIUM:-}" ] || CHROMIUM=$(command -v "$name" || true)
    done
    [ -n "$CHROMIUM" ] || skip "chromium is missing (sh scripts/deps.sh page)"
    options=(--headless=new --disable-gpu --hide-scrollbars --enable-logging=stderr
        --user-data-dir="$BATS_TEST_TMPDIR/profile" --virtual-time-budget=5000)
    # Chromium's sandbox refuses to be root's.
    [ "$(id -u)" -ne 0 ] || options+=(--no-sandbox)
    MODEL=$ROOT/models/tales-6m.gguf
    export GEN_MODEL=$MODEL
}

# browse PAGE OPTIONS: open it; its elements are then in `dom`, what the console said in `console`.
browse() {
    local page=$1
    shift
    timeout 120 "$CHROMIUM" "${options[@]}" "$@" --dump-dom "file://$PWD/$page" >dom 2>log
    grep 'CONSOLE' log >console || true
}

quiet() {
    cat console
    [ ! -s console ]
}

# drive PAGE SCRIPT: the page without its rule against other scripts, and with one that works it; what
# that hands to say() is in `said`, a line each.
drive() {
    sed '/Content-Security-Policy/d; $d' "$1" | sed '$d' >driven.html
    cat >>driven.html <<END
<pre id="said"></pre><script>
function say(...words) { document.getElementById("said").append(words.join(" ") + "\n"); }
function press(element, key) { element.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true})); }
$2
</script></body></html>
END
    browse driven.html
    quiet
    sed -n '/<pre id="said">/,/<\/pre>/p' dom | sed 's/.*<pre id="said">//; s/<\/pre>.*//; /^$/d' >said
    cat said
}

@test "opens from a file, light and dark, without a message" {
    for text in 'Once upon a time' 'O'; do
        "$GEN" explain -o page.html "$text"
        browse page.html
        quiet
        browse page.html --blink-settings=preferredColorScheme=0
        quiet
    done
    grep -q '<title>gen explain</title>' dom
    # Such messages would be seen: a script that the page does not know.
    sed 's/<\/body>/<script>document.title = "changed"<\/script>&/' page.html >changed.html
    browse changed.html
    grep -q 'Content Security Policy' console
    grep -q '<title>gen explain</title>' dom
}

@test "the numbers of --json" {
    head -c 700 "$ROOT/tests/golden/tale.txt" >text
    "$GEN" explain -o page.html -f text
    "$GEN" explain --json -f text >json
    drive page.html "const e = $(sed 's/</\\u003c/g' json);
        let far = 0;
        e.attention.forEach((heads, layer) => heads.forEach((rows, head) => rows.forEach((row, t) => {
            const limit = Math.max(...row) / 510 + 1 / 131070 + 1e-6;
            row.forEach((weight, i) => far += Math.abs(weight - weightAt(layer, head, t, i)) > limit);
        })));
        say('far', far, nTokens === e.n_tokens);
        e.tokens.slice(1).forEach((token, i) => {
            choose({item: i + 1});
            const label = items[i + 1].getAttribute('aria-label');
            const note = document.getElementById('expected-note').textContent;
            const shown = Array.from(document.querySelectorAll('#expected tbody td.number'), (td) => td.textContent);
            const wanted = token.alternatives.map((a) => percent(Math.exp(a.logprob)));
            const good = label.includes(token.bits.toFixed(1) + ' bits') && note.includes('rank ' + token.rank + '.')
                && String(shown) === String(wanted);
            const parts = Array.from(document.querySelectorAll('#contributions td.number'), (td) => td.textContent);
            const sums = e.contributions[i].map(signed).concat(signed(e.targets[i].logit));
            const lens = Array.from(document.querySelectorAll('#lens-chosen tr td.number:nth-child(3)'), (td) => td.textContent);
            const ranks = e.lens.map((layer) => layer[i].rank);
            if (!good || String(parts) !== String(sums) || String(lens) !== String(ranks)) {
                say('token', i + 1, label, note, shown, wanted, parts, sums, lens, ranks);
            }
        });
        say('done');"
    [ "$(cat said)" = "far 0 true"$'\n'done ]
}

@test "keys choose tokens and heads, and labels name them" {
    "$GEN" explain -o page.html 'Once upon a time there was a king who had a daughter'
    drive page.html "const focusable = (list) => list.filter((element) => element.tabIndex === 0).length;
        choose({item: 3});
        press(textBox, 'ArrowRight'); say('item', chosen.item, focusable(items), document.activeElement === items[4]);
        press(textBox, 'ArrowLeft'); press(textBox, 'ArrowLeft'); say('item', chosen.item);
        press(textBox, 'End'); press(textBox, 'ArrowRight'); say('end', chosen.item === nTokens);
        press(textBox, 'Home'); press(textBox, 'ArrowLeft'); say('item', chosen.item);
        say('first', document.getElementById('expected').hidden, document.getElementById('contributions').hidden);
        const grid = document.getElementById('heads');
        press(grid, 'ArrowDown'); press(grid, 'ArrowRight'); press(grid, 'ArrowRight');
        say('head', chosen.layer, chosen.head, focusable(headButtons), document.activeElement.getAttribute('aria-label'));
        say('labels', items.every((item) => item.getAttribute('aria-label') && item.getAttribute('role') === 'option'),
            items.filter((item) => item.getAttribute('aria-selected') === 'true').length,
            headButtons.filter((button) => button.getAttribute('aria-checked') === 'true').length);
        const named = (element) => element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || element.caption || element.closest('button');
        say('named', Array.from(document.querySelectorAll('section, table, canvas, svg, [role]')).every(named));
        say('heads of rows', Array.from(document.querySelectorAll('tbody tr')).every((row) => row.cells[0].scope === 'row'));
        const ids = Array.from(document.querySelectorAll('[aria-labelledby]'), (element) => element.getAttribute('aria-labelledby'));
        say('found', ids.every((id) => document.getElementById(id).textContent.trim() !== ''));"
    [ "$(cat said)" = "item 4 1 true
item 2
end true
item 0
first true true
head 1 2 1 layer 1, head 2
labels true 1 1
named true
heads of rows true
found true" ]
}

@test "hostile text is text" {
    printf '<script>document.title="x"</script></script><img src=x onerror=alert(1)>\xe2\x80\xa8\xe2\x80\xae\x00\xff\xf0\x9f</body><!--' >text
    "$GEN" explain -o page.html -f text
    browse page.html
    quiet
    grep -q '<title>gen explain</title>' dom
    drive page.html "say('elements', document.querySelectorAll('img, #text script, main script').length);
        say(JSON.stringify(textBox.textContent.replace(CUT, '')).includes('onerror=alert(1)>'));
        say(['\u202e', '\u2028', '\0'].some((sign) => document.querySelector('main').textContent.includes(sign)));"
    [ "$(cat said)" = $'elements 0\ntrue\nfalse' ]
}

@test "right to left, emoji, characters in several tokens" {
    printf 'שלום עולם! مرحبا 🦔 café' >text
    "$GEN" explain -o page.html -f text
    browse page.html
    quiet
    drive page.html "say(textBox.dir, textBox.textContent.replaceAll(CUT, ''));
        choose({item: 3}); press(textBox, 'ArrowLeft'); say(chosen.item);
        const blank = textBox.textContent.indexOf(' ') >= 0 && items.find((item) => item.textContent === ' ');
        say(blank.getAttribute('aria-label').replace(/[0-9].*/, ''),
            Array.from(document.querySelectorAll('#lines text'), (text) => text.textContent).every((text) => /[^\\s\u2068\u2069]/.test(text)));"
    [ "$(cat said)" = "rtl שלום עולם! مرحبا 🦔 cafénext…"$'\n4\n(blank), token  true' ]
}

@test "200 tokens: size, a telephone's width, paper" {
    head -c 900 "$ROOT/tests/golden/tale.txt" >long
    ids=$("$GEN" tokenize long | cut -d ' ' -f 1-200)
    "$GEN" explain -o page.html --prompt-ids "$ids"
    # 48 heads here; with 144 it is three times as much.
    [ "$(wc -c <page.html)" -lt 1900000 ]
    browse page.html --window-size=500,900
    quiet
    drive page.html "document.querySelectorAll('details').forEach((details) => details.open = true);
        document.body.style.width = '340px';
        say(document.body.scrollWidth <= 340, document.querySelectorAll('#lens tbody tr').length, items.length);"
    [ "$(cat said)" = "true 200 201" ]
    timeout 120 "$CHROMIUM" "${options[@]}" --no-pdf-header-footer --print-to-pdf=page.pdf "file://$PWD/page.html" 2>log
    grep 'CONSOLE' log && return 1
    [ "$(head -c 4 page.pdf)" = %PDF ]
}

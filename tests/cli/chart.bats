#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # bats and helper.bash set them
# The drawing of --svg, of losses that the file of --metrics has, so that they are known.

setup() {
    load helper
    printf 'the king and the queen %s\n' $(seq 100) >t.txt
}

# chart FIRST LAST N: draw a run of N steps whose loss falls from FIRST to LAST, noisily, by resuming it
chart() {
    gen train -q --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 -b 8 -o c.gguf \
        --steps "$3" --lr 1e-9 t.txt
    [ "$status" -eq 0 ]
    awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { for (i = 1; i <= n; i++) printf \
        "{\"step\":%d,\"loss\":%.6f}\n", i, i == 1 ? a : i == n ? b : b + (a - b) * (i * 7919 % 101) / 101 }' >m.jsonl
    gen train -q --resume --vocab "$MODEL" --n-ctx 8 -b 8 -o c.gguf --steps "$3" \
        --metrics m.jsonl --svg c.svg t.txt
    [ "$status" -eq 0 ]
}

@test "no line of the grid and no label is above the frame or below it" {
    chart 7.3 3.16 40
    ys=$(sed -n 's/.*class="grid" x1="70" y1="\([0-9.-]*\)".*/\1/p' c.svg)
    [ "$(wc -l <<<"$ys")" -ge 5 ]
    for y in $ys; do
        awk -v y="$y" 'BEGIN { exit !(y >= 66 && y <= 400) }'
    done
    [ "$(grep -c '<polyline' c.svg)" -eq 1 ]
}

@test "many steps have a smoothed curve that is far calmer than theirs" {
    chart 6 3 120
    [ "$(grep -c '<polyline' c.svg)" -eq 2 ]
    [ "$(grep -c 'class="curve noise train"' c.svg)" -eq 1 ]
    awk -F '"' '/<polyline/ { n = split($4, p, " "); sum = 0
        for (i = 21; i <= n; i++) { split(p[i], a, ","); split(p[i - 1], b, ",")
            sum += a[2] > b[2] ? a[2] - b[2] : b[2] - a[2] }
        print sum }' c.svg >lengths
    awk 'NR == 1 { noise = $1 } NR == 2 { exit !(noise > 5 * $1) }' lengths
}

@test "the drawing is one from the first moment on" {
    "$GEN" train -q --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 -b 8 -o c.gguf \
        --steps 100000000 --svg c.svg t.txt 3>&- &
    for _ in $(seq 1000); do
        [ ! -s c.svg ] || break
        sleep 0.05
    done
    kill -9 $!
    [ "$(tail -n 1 c.svg)" = "</svg>" ]
    grep -q 'no checkpoint yet' c.svg
    run ! grep -q 'polyline\|nan\|inf' c.svg
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # jq has $names of its own; bats and helper.bash set others
# gen bench: that it measures what it is asked for. How fast that is, is not tested.

setup() {
    load helper
}

# Whether stdout has a row that begins with $1 and ends like $2 (a regular expression).
row() {
    printf '%s\n' "$output" | grep -Eq "^$1 .*$2\$" || {
        printf 'no row "%s ... %s" in\n%s\n' "$1" "$2" "$output"
        return 1
    }
}

# is FILTER: whether jq makes true of the JSON on stdout.
is() {
    printf '%s' "$output" | jq -e "$1" >/dev/null || {
        printf 'not so: %s\n%s\n' "$1" "$output"
        return 1
    }
}

@test "the table has a row for each figure and limit" {
    gen bench --quick
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ ${lines[0]} == *"0.14 million parameters, 0.52 MB of weights" ]]
    row "the limit: memory" "[0-9]"
    row "the limit: f32" "[0-9]"
    row "the limit: int8" "[0-9]"
    for length in 32 64; do
        row "first token at $length" "choose one"
        row "prompt of $length" "[0-9] % of (memory|f32)"
        row "decode at $length" "[0-9] % of (memory|f32)"
    done
    row "1 together at 64" "[0-9] % of (memory|f32)"
    row "4 together at 64" "[0-9] % of (memory|f32)"
    row "first token" "read 8 tokens, choose one"
    if printf '%s\n' "${lines[@]:1}" | grep -E '^.{81}|nan|inf| $'; then
        false
    fi
}

@test "JSON is one line with every member" {
    gen bench --quick --json --repeat 3 --threads 1
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 1 ]
    for name in version model embedded format kv_type kernels limits read int8 prompt decode batch \
        tokens_per_second gb_per_second gflop_per_second share_of_limit first_token seconds; do
        [[ $output == *"\"$name\":"* ]]
    done
    for pair in parameters:136960 weight_bytes:524288 n_ctx:64 threads:1 repeat:3; do
        [ "$(member "${pair%:*}" "$output")" = "${pair#*:}" ]
    done
}

@test "JSON has a figure for each length, and numbers that fit together" {
    command -v jq >/dev/null || skip "skipped: jq is missing"
    gen bench --quick --json --repeat 4
    [ "$status" -eq 0 ]
    is '[.prompt[].length] == [32, 64] and [.decode[].length] == [32, 64]'
    is '[.batch[] | .sequences, .length] == [1, 64, 4, 64]'
    is '.limits | keys == ["f32", "int8", "read"]'
    is '[.. | objects | select(has("median")) | 0 < .min and .min <= .median and .median <= .max]
        | length == 12 and all'
    is '[.prompt[] | .first_token_seconds.median * .tokens_per_second.median >= .length * 0.999] | all'
    # A layer of 12 * 64 * 64 numbers and attention over 32 * 33 / 2 positions. A second one, of which
    # all rows but the last take 2 * 64 * 64 numbers and no attention. A head of 64 * 512.
    is '(2 * (32 * (12 + 2) + 10) * 64 * 64 + 2 * 64 * 512 + 4 * 64 * (32 * 33 / 2 + 32)) as $flops
        | .prompt[0]
        | .gflop_per_second * 1e9 * 32 / .tokens_per_second.median / $flops - 1 | fabs < 1e-3'
    # At 32, four tokens were added, to 28 ... 31 positions of 2 * 2 * 64 numbers; they see themselves.
    is '(4 * 524288 + (29 + 30 + 31 + 32) * 2 * 2 * 64 * 4) as $bytes | .decode[0]
        | .gb_per_second * 1e9 * 4 / .tokens_per_second.median / $bytes - 1 | fabs < 1e-3'
    is '.limits.read.gb_per_second.median as $limit | [.prompt[], .decode[], .batch[]
        | .share_of_limit.read * $limit / .gb_per_second - 1 | fabs < 1e-3] | all'
    is '.limits.f32.gflop_per_second.median as $limit | [.prompt[], .decode[], .batch[]
        | .share_of_limit.f32 * $limit / .gflop_per_second - 1 | fabs < 1e-3] | all'
}

@test "a KV cache of f16 is half as many bytes to read" {
    command -v jq >/dev/null || skip "skipped: jq is missing"
    gen bench --quick --json --kv-type f16
    [ "$status" -eq 0 ]
    is '.kv_type == "f16"'
    is '(4 * 524288 + (29 + 30 + 31 + 32) * 2 * 2 * 64 * 2) as $bytes | .decode[0]
        | .gb_per_second * 1e9 * 4 / .tokens_per_second.median / $bytes - 1 | fabs < 1e-3'
    gen bench --quick
    [[ ${lines[1]} == *"KV cache of f32"* ]]
}

@test "lists choose what is measured, in order and once" {
    gen bench --quick --prompt-lengths 64,1,5,5 --decode-lengths=3 --batch 3,2
    [ "$status" -eq 0 ]
    found=$(printf '%s\n' "$output" | sed -nE 's/^((prompt of|decode at) [0-9]+|[0-9]+ together) .*/\1/p')
    [ "$found" = $'prompt of 1\nprompt of 5\nprompt of 64\ndecode at 3\n2 together\n3 together' ]
}

@test "steps and length say what is decoded" {
    command -v jq >/dev/null || skip "skipped: jq is missing"
    gen bench --quick --json --steps 7 --batch-length 9 --batch 2 --decode-lengths 3,20
    [ "$status" -eq 0 ]
    is '[.batch[] | .sequences, .length] == [2, 9] and [.decode[].length] == [3, 20]'
    # Seven tokens after 2 of each sequence, after none (three, then), and after 13.
    for pair in 'batch[0]:7:2:2' 'decode[0]:3:0:1' 'decode[1]:7:13:1'; do
        IFS=: read -r figure steps start n <<<"$pair"
        is "($steps * 524288 + $n * ([range($start + 1; $start + $steps + 1)] | add) * 1024) as \$bytes
            | .$figure | .gb_per_second * 1e9 * $steps * $n / .tokens_per_second.median / \$bytes - 1
            | fabs < 1e-3"
    done
    gen bench --quick --batch-length 65
    refused 2 "--batch-length: 65 is more than the context of 64"
}

@test "products on int8 are set against that limit" {
    command -v jq >/dev/null || skip "skipped: jq is missing"
    gen convert -q --type q8_0 "$MODEL" q8_0.gguf
    gen bench --quick --json -m q8_0.gguf
    [ "$status" -eq 0 ]
    # All matrices, but not attention.
    is '(2 * (32 * (12 + 2) + 10) * 64 * 64 + 2 * 64 * 512) as $int8
        | (4 * 64 * (32 * 33 / 2 + 32)) as $f32
        | .limits as $limits | .prompt[0] | .share_of_limit.int8 * $limits.int8.gop_per_second.median
        / (.share_of_limit.f32 * $limits.f32.gflop_per_second.median) / ($int8 / $f32) - 1
        | fabs < 1e-3'
}

@test "a model without a tokenizer, and any kernels, will do" {
    mkdir bare
    cp "$MODEL"/config.json "$MODEL"/model.safetensors bare
    GEN_KERNELS=generic gen bench --quick -m bare --batch 1 --prompt-lengths 4 --decode-lengths 4
    [ "$status" -eq 0 ]
    [[ ${lines[1]} == "generic kernels, "* ]]
    GEN_KERNELS=none gen bench --quick
    refused 2 'kernels "none" are unknown'
}

@test "what makes no sense is refused" {
    for option in threads kv-type repeat prompt-lengths decode-lengths batch batch-length steps; do
        for value in "" 0 -1 x 1,x 2147483648 99999999999999999999; do
            gen bench --quick "--$option=$value"
            refused 2 "--$option: "
        done
    done
    gen bench --repeat 101
    refused 2 "from 1 to 100"
    gen bench --batch 1,1025
    refused 2 '"1025" is not a whole number from 1 to 1024'
    gen bench --batch ,1
    refused 2 '--batch: "" is not'
    gen bench --batch "$(seq -s , 1 17)"
    refused 2 "more than 16 numbers"
    gen bench --quick --prompt-lengths 65
    refused 2 '"65" is not a whole number from 1 to 64'
    gen bench --quick --decode-lengths 1,65
    refused 2 '"65" is not a whole number from 1 to 64'
    gen bench model.gguf
    refused 2 'no "model.gguf"'
    gen bench --quick -m no/such/model
    refused 1 "no/such/model"
}

@test "Ctrl-C ends it without a word" {
    timeout -k 30 --foreground --preserve-status -s INT 1 "$GEN" bench --repeat 100 >out 2>err && status=0 || status=$?
    [ "$status" -eq 130 ]
    [ ! -s out ]
    [ ! -s err ]
}

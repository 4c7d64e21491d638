#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# gen inspect --check: what is wrong or odd with a model's files

setup() {
    load helper
}

# poke FILE OFFSET BYTES: put printf's BYTES there.
poke() {
    # shellcheck disable=SC2059 # the bytes have escapes
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# A GGUF of 32-bit floats in m.gguf, its size, and where its numbers begin: those of wte, 512 x 64.
make_gguf() {
    "$GEN" convert -q "$MODEL" m.gguf
    size=$(wc -c <m.gguf)
    gen inspect --json --tensors m.gguf
    numbers=$(grep -o '"size":[0-9]*' <<<"$output" | cut -d : -f 2 | paste -sd + | bc)
    data=$((size - numbers))
}

@test "a good model is good" {
    gen inspect --check "$MODEL"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "verdict: nothing is wrong" ]
    [[ $output =~ numbers\ +28\ tensors\ +0\ +0 ]]
    [[ $output =~ vocabulary\ +512\ tokens ]]
    gen inspect --check --json "$MODEL"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *'"is_wrong":false}' ]]
    gen inspect --check tales-6m
    [ "$status" -eq 0 ]
    gen inspect --check "$(find "$ROOT/tests/golden/lora" -name '*.gguf' | head -n 1)"
    [ "$status" -eq 0 ]
}

@test "numbers that are not finite, norms of zeros: wrong" {
    make_gguf
    # The last 64 numbers are the bias of the last norm, the 64 before them its weights.
    poke m.gguf $((size - 4)) '\377\377\377\177'
    gen inspect --check m.gguf
    [ "$status" -eq 1 ]
    [[ $output == *"WRONG numbers: output_norm.bias: numbers are not finite in 1 of 1 rows, the first of them row 0"* ]]
    [ "${lines[-1]}" = "verdict: WRONG, 1 finding, and 0 odd" ]
    head -c 256 /dev/zero | dd of=m.gguf bs=1 seek=$((size - 512)) conv=notrunc status=none
    gen inspect --check m.gguf
    [ "$status" -eq 1 ]
    [[ $output == *"WRONG norms: output_norm.weight: all weights are zero"* ]]
    [ "${lines[-1]}" = "verdict: WRONG, 2 findings, and 0 odd" ]
    gen inspect --check --json m.gguf
    [ "$status" -eq 1 ]
    [[ $output == *'"is_wrong":true}' ]]
}

@test "scales of blocks that are not finite: wrong" {
    "$GEN" convert -q --type q8_0 "$MODEL" m.gguf
    gen inspect --check m.gguf
    [ "$status" -eq 0 ]
    gen inspect --json --tensors m.gguf
    numbers=$(grep -o '"size":[0-9]*' <<<"$output" | cut -d : -f 2 | paste -sd + | bc)
    # The scale of the second block of the second row of wte: 68 bytes a row, 34 a block.
    poke m.gguf $(($(wc -c <m.gguf) - numbers + 68 + 34)) '\000\174'
    gen inspect --check m.gguf
    [ "$status" -eq 1 ]
    [[ $output == *"token_embd.weight: scales of blocks are not finite in 1 of 512 rows, the first of them row 1"* ]]
}

@test "rows of zeros or there twice, huge numbers, other ends: odd" {
    make_gguf
    head -c 256 /dev/zero | dd of=m.gguf bs=1 seek=$((data + 3 * 256)) conv=notrunc status=none
    dd if=m.gguf bs=1 skip=$((data + 5 * 256)) count=256 status=none >row
    dd if=row of=m.gguf bs=1 seek=$((data + 9 * 256)) conv=notrunc status=none
    poke m.gguf $((data + 7 * 256)) '\000\000\200\107'
    gen inspect --check m.gguf
    [ "$status" -eq 0 ]
    [[ $output == *"odd   numbers: token_embd.weight: numbers up to 65536 in 1 of 512 rows, the first of them row 7"* ]]
    [[ $output == *"token_embd.weight: 1 of 512 rows are zero"* ]]
    [[ $output == *"token_embd.weight: 1 of 512 rows are another one's, row 9 that of row 5"* ]]
    [ "${lines[-1]}" = "verdict: nothing is wrong, 3 things are odd" ]
    cp -r "$MODEL" dir
    chmod -R u+w dir
    sed -i 's/"eos_token_id": *[0-9]*/"eos_token_id": 70/' dir/config.json
    gen inspect --check dir
    [ "$status" -eq 0 ]
    [[ $output == *"special ids: id 70, "*", ends a text, but is an ordinary token"* ]]
}

@test "tokens that no text is cut into: odd" {
    cp -r "$MODEL" dir
    chmod -R u+w dir
    sed -i '$ d' dir/merges.txt
    gen inspect --check dir
    [ "$status" -eq 0 ]
    [[ $output == *"odd   vocabulary: no text is cut into 1 token, "* ]]
}

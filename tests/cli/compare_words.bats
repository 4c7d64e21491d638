#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What gen score, gen eval and gen compare say to people: what a difference means, which model a column
# is of, how many records failed.

setup() {
    load helper
    TALE=$ROOT/tests/golden/tale.txt
    DATA=$ROOT/tests/golden/eval
}

narrow() {
    gen convert -q --type q4_0 "$MODEL" q4.gguf
    [ "$status" -eq 0 ]
}

@test "what chance could have made is not called a difference" {
    narrow
    # One window has no standard error.
    head -c 60 "$TALE" >little
    gen compare -m "$MODEL" -m q4.gguf --text little --no-timings
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == "q4.gguf and base: of one window alone it cannot be told what is chance"* ]]
    # Of two windows a difference must be 12.7 standard errors, of many 2.
    found=0
    for n in 150 200 250 300 350; do
        head -c "$n" "$TALE" >some
        gen compare -m "$MODEL" -m q4.gguf --text some --ctx 60 --json --no-timings
        read -r n_windows away < <(jq -r '.models[1] | "\(.n_windows) \((.difference | fabs) / .difference_stderr)"' <<<"$output")
        [ "$n_windows" -eq 2 ] || continue
        [ "$(jq -n "$away > 2.1 and $away < 12")" = true ] || continue
        found=1
        gen compare -m "$MODEL" -m q4.gguf --text some --ctx 60 --no-timings
        [[ ${lines[-1]} == *"no difference of log p for each token that could be told from chance" ]]
    done
    [ "$found" -eq 1 ]
}

@test "a few records cannot tell models apart" {
    # Records of which one model has every one right, and the other none.
    record='{"context":"Once upon a","choices":["time","the"],"label":0}'
    printf '%s\n' "$record" "$record" "$record" "$record" "$record" >five.jsonl
    { cat five.jsonl && echo "$record"; } >six.jsonl
    unset GEN_MODEL
    gen compare -m "$MODEL" -m tales-6m --choices five.jsonl --no-timings
    [ "${lines[-2]}" = "tales-6m and base: no difference of acc that could be told from chance" ]
    gen compare -m "$MODEL" -m tales-6m --choices six.jsonl --no-timings
    [ "${lines[-2]}" = "tales-6m is better than base in acc, by 1.00000 +- 0.00000" ]
}

@test "records that failed are counted, and the exit status tells" {
    narrow
    { cat "$DATA/choices.jsonl" && echo '{"context":"a","choices":["b","c"],"label":2}'; } >records.jsonl
    gen eval --choices records.jsonl
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "records      24 of choices, 1 more failed" ]
    gen compare -m "$MODEL" -m q4.gguf --choices records.jsonl --no-timings
    [ "$status" -eq 1 ]
    [[ ${lines[1]} =~ ^"records         24, 1 failed"\ +"24, 1 failed"$ ]]
    # The perplexity of lambada is compared, too; this model's is too large for a column.
    gen eval --task lambada "$DATA/lambada.jsonl" --json
    read -r perplexity error < <(jq -r '"\(.perplexity) \(.perplexity_stderr)"' <<<"$output")
    perplexity=$(LC_ALL=C printf '%.4g +- %.4g' "$perplexity" "$error")
    gen compare -m "$MODEL" -m q4.gguf --task lambada "$DATA/lambada.jsonl" --no-timings
    [ "$status" -eq 0 ]
    [[ ${lines[4]} == "perplexity      $perplexity "* ]]
}

@test "names tell models apart" {
    narrow
    mkdir -p a/run b/run
    cp "$MODEL"/* a/run
    cp "$MODEL"/* b/run
    long=a-model-with-a-name-as-long-as-that-of-its-parent
    cp q4.gguf "$long-1.gguf"
    gen compare -m a/run -m b/run -m "$long-1.gguf" --text "$TALE" --no-timings
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "                a/run                   b/run                   ...f-its-parent-1.gguf" ]
    [[ ${lines[-2]} == "b/run and a/run: no difference of log p"* ]]
    [[ ${lines[-1]} == "$long-1.gguf "* ]]
}

@test "another vocabulary: how many bits more, in the table's words" {
    unset GEN_MODEL
    gen compare -m tales-6m -m "$MODEL" --text "$TALE" --json --no-timings
    more=$(jq -r '.models[1].bits_per_byte - .models[0].bits_per_byte' <<<"$output")
    gen compare -m tales-6m -m "$MODEL" --text "$TALE" --no-timings
    [ "${lines[-1]}" = "base has another vocabulary than tales-6m: it takes $(LC_ALL=C printf %.4f "$more") bits more for each byte, and nothing else of it can be compared" ]
}

@test "by llama.cpp's convention errors are those of gen eval" {
    narrow
    gen eval -m q4.gguf --text "$TALE" --convention llama.cpp --ctx 32 --json
    alone=$(jq .perplexity_stderr <<<"$output")
    gen compare -m "$MODEL" -m q4.gguf --text "$TALE" --convention llama.cpp --ctx 32 --json --no-timings --save-base base.kld
    jq -e --argjson alone "$alone" '.models[1].perplexity_stderr - $alone | fabs < 1e-4 * $alone' <<<"$output"
    gen compare --base base.kld -m q4.gguf --json --no-timings
    jq -e --argjson alone "$alone" '.models[0].perplexity_stderr - $alone | fabs < 1e-4 * $alone' <<<"$output"
}

@test "--svg: names of points that lie together do not" {
    narrow
    cp q4.gguf twin.gguf
    gen compare -m "$MODEL" -m q4.gguf -m twin.gguf --text "$TALE" --no-timings --svg size.svg
    # base is at the right, its name on the left of its point.
    grep -q 'text-anchor="end">base</text>' size.svg
    first=$(sed -n 's/.* y="\([0-9.]*\)" text-anchor="start">q4.gguf<.*/\1/p' size.svg)
    second=$(sed -n 's/.* y="\([0-9.]*\)" text-anchor="start">twin.gguf<.*/\1/p' size.svg)
    [ "$(jq -n "$second - $first")" = 15 ]
}

@test "gen score: a part of a character is shown as its bytes" {
    unset GEN_MODEL
    gen score --tokens --logprobs 1 'a é'
    [ "${lines[1]}" = "     logprob        rank  token" ]
    [[ ${lines[5]} =~ \ \ "<C3>  likeliest: \"" ]]
    [[ ${lines[6]} =~ \ \ "<A9>  likeliest: \"" ]]
    gen score -v 'a b'
    [[ $stderr == *$'\n'"gen: 1 texts in "* ]]
}

@test "what llama-perplexity and lm-evaluation-harness call it" {
    gen eval -f x
    refused 2 "no option -f: --text FILE for perplexity"
    gen eval --limit 3
    refused 2 "head -n N FILE | gen eval --task NAME - reads less"
    gen compare --kl-divergence-base x
    refused 2 "--save-base FILE makes one, --base FILE reads it"
    gen eval --model_args pretrained=gpt2
    refused 2 "no option --model_args: -m PATH|NAME"
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154 # bats and helper.bash set them; jq's programs in quotes
# gen compare: models against a base, on a text and on data sets. That the figures of agreement are
# right is unit/test_compare.c's.

setup() {
    load helper
    TALE=$ROOT/tests/golden/tale.txt
    CHOICES=$ROOT/tests/golden/eval/choices.jsonl
    gen convert -q --type q4_0 "$MODEL" q4.gguf
    cp q4.gguf same.gguf
}

@test "on a text: both models' own figures, and what they agree on" {
    gen compare -m "$MODEL" -m q4.gguf --text "$TALE" --json --no-timings
    [ "$status" -eq 0 ]
    found=$output
    for number in 0 1; do
        gen eval -m "$(jq -r ".models[$number].model" <<<"$found")" --text "$TALE" --json
        jq -e -s --argjson i $number '.[1].models[$i] as $found | .[0] | .n_scored == $found.n_scored and
            (.perplexity - $found.perplexity | fabs) < 1e-5 * .perplexity and
            (.perplexity_stderr - $found.perplexity_stderr | fabs) < 1e-4 * .perplexity_stderr and
            (.bits_per_byte - $found.bits_per_byte | fabs) < 1e-6' <<<"$output $found"
    done
    jq -e '.models[0].base and (.models[0] | has("kl") | not) and (.models[1] | .same_vocabulary and
        .kl.mean > 0 and .kl.median <= .kl.p99 and .kl.p99 <= .kl.greatest and .same_top > 0.5 and .same_top < 1 and
        .difference_stderr > 0 and .change.rms > 0 and (has("prompt_tokens_per_second") | not))' <<<"$found"
    # Threads and kernels do not matter.
    gen compare -t 1 -m "$MODEL" -m q4.gguf --text "$TALE" --json --no-timings
    [ "$output" = "$found" ]
}

@test "a model and itself: no difference" {
    gen compare -m q4.gguf -m same.gguf --text "$TALE" --no-timings
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "                q4.gguf                 same.gguf" ]
    [[ ${lines[3]} =~ ^"log p - base's  -"\ +"0.00000 +- 0.00000"$ ]]
    [[ ${lines[4]} =~ ^"same top, %     -"\ +"100.00 +- 0.00"$ ]]
    [ "${lines[-1]}" = 'same.gguf and q4.gguf: no difference of log p for each token that could be told from chance' ]
    if grep -q tok/s <<<"$output"; then false; fi
    gen compare -m q4.gguf -m same.gguf --text "$TALE" --json
    jq -e '[.models[] | .prompt_tokens_per_second > 0 and .decode_tokens_per_second > 0 and .load_seconds > 0] | all' <<<"$output"
}

@test "on a data set: accuracies are gen eval's, differences are those of pairs" {
    gen compare -m "$MODEL" -m "$ROOT/tests/golden/models/neo-words" --choices "$CHOICES" --json --no-timings
    [ "$status" -eq 0 ]
    found=$output
    for model in "$MODEL" "$ROOT/tests/golden/models/neo-words"; do
        gen eval -m "$model" --choices "$CHOICES" --json
        [ "$(jq -c '[.acc, .acc_stderr, .acc_norm, .acc_norm_stderr]' <<<"$output")" = \
            "$(jq -c --arg m "$model" '.models[] | select(.model == $m) | [.acc, .acc_stderr, .acc_norm, .acc_norm_stderr]' <<<"$found")" ]
    done
    jq -e '.models[1] as $b | .models[0] as $a | $b.acc_difference == ($b.acc - $a.acc) and $b.acc_difference_stderr > 0' \
        <<<"$found" || jq -e '(.models[1].acc - .models[0].acc - .models[1].acc_difference | fabs) < 1e-8' <<<"$found"
    gen compare -m q4.gguf -m same.gguf --task piqa "$ROOT/tests/golden/eval/piqa.jsonl" --no-timings
    [ "${lines[-2]}" = "same.gguf and q4.gguf: no difference of acc that could be told from chance" ]
    [ "${lines[-1]}" = "same.gguf and q4.gguf: no difference of acc_norm that could be told from chance" ]
}

@test "other vocabularies are compared by bits per byte alone" {
    unset GEN_MODEL
    gen compare -m tales-6m -m "$MODEL" --text "$TALE" --json --no-timings
    [ "$status" -eq 0 ]
    [ "$stderr" = "gen: base has another vocabulary than tales-6m: compared by bits per byte alone" ]
    jq -e '.models[1].same_vocabulary == false and (.models[1] | has("kl") | not) and
        .models[0].bits_per_byte < .models[1].bits_per_byte' <<<"$output"
    gen eval --text "$TALE" --json --ctx 64
    [ "$(jq .bits_per_byte <<<"$output")" = "$("$GEN" compare -m tales-6m -m "$MODEL" --text "$TALE" --json --no-timings 2>/dev/null |
        jq '.models[0].bits_per_byte')" ]
}

@test "a base is kept in a file and stands for the model" {
    gen compare -m "$MODEL" -m q4.gguf --text "$TALE" --convention llama.cpp --ctx 32 --json --no-timings --save-base base.kld
    [ "$status" -eq 0 ]
    live=$output
    [ "$(head -c 8 base.kld)" = _logits_ ]
    # 33 windows of 32 ids, 15 rows of 512 tokens, scale and least number in each.
    [ "$(wc -c <base.kld)" -eq $((8 + 12 + 33 * (32 * 4 + 15 * (8 + 512 * 2)))) ]
    gen compare --base base.kld -m q4.gguf --json --no-timings
    [ "$status" -eq 0 ]
    jq -e -s '.[0].models[1] as $live | .[1].models[0] as $kept | ($live.kl.mean - $kept.kl.mean | fabs) < 1e-4 and
        ($live.logprob - $kept.logprob | fabs) < 1e-3 and ($live.same_top - $kept.same_top | fabs) < 0.01 and
        ($live.difference - $kept.difference | fabs) < 1e-3' <<<"$live $output"
    gen compare -m "$MODEL" --text "$TALE" --convention llama.cpp --ctx 32 --no-timings --save-base again.kld
    [ "$status" -eq 0 ]
    cmp base.kld again.kld
    head -c 1000 base.kld >cut.kld
    gen compare --base cut.kld -m q4.gguf
    refused 1 "cut.kld: is cut off or changed"
    gen compare --base "$TALE" -m q4.gguf
    refused 1 'holds no log probabilities, it must begin with "_logits_"'
    unset GEN_MODEL
    gen compare --base base.kld -m tales-6m --no-timings
    [ "$status" -ne 0 ]
    [[ $stderr == *"has 4096 token ids, but the base has 512"* ]]
}

@test "--svg draws a point for each model" {
    cp q4.gguf 'a<b&.gguf'
    gen compare -m "$MODEL" -m 'a<b&.gguf' --text "$TALE" --no-timings --svg size.svg
    [ "$status" -eq 0 ]
    [ "$(grep -c '<circle' size.svg)" -eq 2 ]
    grep -qF '>a&lt;b&amp;.gguf</text>' size.svg
    grep -q 'bits per byte' size.svg
    gen compare -m "$MODEL" -m q4.gguf --choices "$CHOICES" --svg speed.svg --svg-speed
    grep -q 'tokens per second' speed.svg
    if command -v xmllint; then xmllint --noout size.svg speed.svg; fi
}

@test "wrong usage: one line each" {
    gen compare -m "$MODEL" --text "$TALE"
    refused 2 "compare needs two models"
    gen compare -m "$MODEL" -m q4.gguf
    refused 2 "compare needs --text FILE"
    gen compare -m "$MODEL" -m q4.gguf --text "$TALE" --save-base x
    refused 2 "--save-base needs --convention llama.cpp"
    gen compare -m "$MODEL" -m q4.gguf --task none x
    refused 2 '"none" is none of'
    gen compare -m "$MODEL" -m nothing.gguf --text "$TALE"
    [ "$status" -eq 1 ]
    gen compare -m "$MODEL" -m q4.gguf --text "$TALE" --ctx 65
    refused 2 "--ctx is 65, but the least context of the models is 64"
    printf x >one
    gen compare -m "$MODEL" -m q4.gguf --text one
    refused 1 "one: the text has 1 token, but must have at least 2"
}

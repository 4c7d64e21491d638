#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# A program of somebody else's that scores a text and looks inside, written after gen_eval.h and
# gen_explain.h: it finds what gen score finds.

setup() {
    load helper
    BUILD=$(dirname "$GEN")
    [ -e "$BUILD/lib/libgen.a" ] || skip "this build is not for installing (sanitizers)"
    command -v cc >/dev/null || skip "the C compiler cc is missing"
    command -v pkg-config >/dev/null || skip "pkg-config is missing"
}

write_program() {
    cat >score.c <<'C'
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gen_eval.h>
#include <gen_explain.h>

static bool next(void *context, struct gen_score_request *request) { /* one, then no more */
    struct gen_ids *ids = context;
    *request = (struct gen_score_request){.ids = ids->data, .n_ids = ids->n};
    ids->n = 0;
    return request->n_ids > 0;
}

static bool show(void *context, const struct gen_score *score) {
    (void)context;
    if (score->error != NULL) {
        printf("%s\n", score->error->message);
        return true;
    }
    printf("%.6g", score->logprob);
    for (size_t i = 0; i < score->n_ids; i++) {
        printf(" %d", (int)score->tokens[i].rank);
    }
    printf("\n");
    return true;
}

int main(int argc, char **argv) {
    struct gen_error error = {.message = "usage: score MODEL TEXT"};
    struct gen_model *model = NULL;
    struct gen_scorer *scorer = NULL;
    struct gen_explanation *explanation = NULL;
    struct gen_eval_text result;
    struct gen_ids ids = {0};
    struct gen_score_options options = gen_score_options_default();
    struct gen_eval_text_options text_options = gen_eval_text_options_default();
    struct gen_explain_options explain_options = gen_explain_options_default();
    struct gen_score_source source = {.context = &ids, .next = next};
    struct gen_score_sink sink = {.score = show};
    bool good = argc == 3 && gen_model_open(&model, argv[1], NULL, &error) == GEN_OK &&
                gen_tokenizer_encode(gen_model_tokenizer(model), argv[2], strlen(argv[2]), false, &ids,
                                     &error) == GEN_OK &&
                gen_scorer_new(&scorer, model, &options, &error) == GEN_OK &&
                gen_eval_text(&result, scorer, gen_model_tokenizer(model), ids.data, ids.n, &text_options,
                              &error) == GEN_OK &&
                gen_explain(&explanation, model, ids.data, ids.n, &explain_options, &error) == GEN_OK &&
                gen_scorer_run(scorer, &source, &sink, NULL, &error) == GEN_OK;
    if (good) {
        double sum = 0;
        for (size_t t = 1; t < explanation->n; t++) {
            sum += (double)explanation->logprobs[t];
        }
        printf("%d %d\n", fabs(sum - result.logprob) < 1e-4, isnan(explanation->logprobs[0]) != 0);
    } else {
        printf("%s\n", error.message);
    }
    gen_explanation_free(explanation);
    gen_scorer_free(scorer);
    gen_ids_release(&ids);
    gen_model_free(model);
    return good ? 0 : 1;
}
C
}

@test "a program scores a text with the library" {
    write_program
    # shellcheck disable=SC2046 # several words
    cc -std=c17 -Wall -Wextra -Werror -I"$ROOT/include" score.c "$BUILD/lib/libgen.a" $(pkg-config --libs libcjson libutf8proc) -lm -pthread -o score
    expected=$("$GEN" score --tokens --json 'the king had' | jq -r '"\(.logprob) \(.token_ranks | map(. // 0) | join(" "))"' |
        LC_ALL=C awk '{ $1 = sprintf("%.6g", $1); print }')$'\n1 1'
    found=$(./score "$MODEL" 'the king had')
    echo "$expected / $found"
    [ "$found" = "$expected" ]
    run ./score "$MODEL" ''
    [ "$status" -eq 1 ]
    [[ $output == "the text has 0 tokens, but must have at least 2"* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats and helper.bash set them
# A draft model on the command line: that it is opened, told of and refused. What it guesses is
# tests/unit/test_draft_model.c's.

setup() {
    load helper
    # A model that is small enough to guess for the golden one: what is guessed depends on the time.
    DRAFT=$ROOT/tests/golden/models/neo-words
}

# same ARGUMENTS: the same bytes with a draft model as without
same() {
    "$GEN" -s 7 "$@" <<<$'the king\nOnce' >without
    "$GEN" -s 7 --draft-model "$DRAFT" "$@" <<<$'the king\nOnce' >with
    cmp with without
}

@test "texts are the same with a draft model" {
    same -n 50
    same -n 50 --greedy
    same -n 40 --lines --num-return-sequences 3 --json --no-timings
    same -n 30 --lines --regex '[a-z ]{20,40}' --repetition-penalty 1.2
    same -n 90 --context slide --ignore-eos --temperature 1.3
    "$GEN" chat -q -s 1 -n 10 <<<$'Hello\nYes' >without
    "$GEN" chat -q -s 1 -n 10 --draft-model "$DRAFT" <<<$'Hello\nYes' >with
    cmp with without
}

@test "--verbose and --json say what was guessed" {
    gen -v -n 20 --draft-model "$DRAFT" -p the
    [ "$status" -eq 0 ]
    [[ $stderr == *"draft model $DRAFT, "*" million parameters, context 40"* ]]
    [[ $stderr =~ draft\ model:\ [0-9]+\ tokens\ guessed\ in\ [0-9.]+\ s,\ [0-9]+\ of\ them\ \([0-9]+\ %\)\ accepted ]]
    gen --json -n 20 --draft-model "$DRAFT" -p the
    [ "$(jq '.timings | keys == ["accepted_tokens","decode_seconds","draft_seconds","guessed_tokens","prompt_seconds"]' \
        <<<"$output")" = true ]
    [ "$(jq '.timings | .accepted_tokens <= .guessed_tokens' <<<"$output")" = true ]
    gen --json -n 20 -p the
    [ "$(jq '.timings | keys | length' <<<"$output")" -eq 2 ]
    gen_stdin '{"messages":[{"role":"user","content":"Hi"}]}\n' chat --jsonl --json -q -n 5 --draft-model "$DRAFT"
    [ "$(jq '.timings | has("draft_seconds")' <<<"$output")" = true ]
}

@test "a draft model must have the same vocabulary" {
    gen --draft-model "$ROOT/tests/golden/models/neo-global" -p the
    refused 2 "neo-global: has 61 tokens, but must have 512: a draft model must have the vocabulary of"
    gen --draft-model missing.gguf -p the
    refused 1 "missing.gguf"
    gen chat -q --draft-model missing.gguf <<<Hello
    refused 1 "missing.gguf"
    gen --draft-model "$DRAFT" --no-speculate -p the
    refused 2 "--no-speculate"
}

@test "it is not opened where nothing is guessed, and that is said" {
    gen --draft-model missing.gguf --num-beams 2 -n 3 -p the
    [ "$status" -eq 0 ]
    [ "$stderr" = "gen: --draft-model is not used: nothing is guessed with a beam search" ]
    gen --draft-model missing.gguf --save-logits logits -n 3 -p the
    [ "$stderr" = "gen: --draft-model is not used: nothing is guessed with --save-logits" ]
    gen -q --draft-model missing.gguf --num-beams 2 -n 3 -p the
    [ -z "$stderr" ]
    # A record may have beams of its own.
    gen_stdin '{"prompt":"the","num_beams":2}\n{"prompt":"the"}\n' --jsonl -n 5 --draft-model "$DRAFT"
    [ "$status" -eq 0 ]
}

@test "its file is not written over" {
    "$GEN" convert -q "$MODEL" draft.gguf
    cp draft.gguf before.gguf
    gen --draft-model draft.gguf -o draft.gguf -p the
    refused 1 "draft.gguf: would be overwritten while it is read"
    gen chat -q --draft-model draft.gguf -o draft.gguf <<<Hello
    refused 1 "draft.gguf: would be overwritten while it is read"
    cmp draft.gguf before.gguf
}

@test "names of other programs lead to it" {
    gen -md x.gguf -p the
    refused 2 "--draft-model"
    gen --draft-max 16 -p the
    refused 2 "--draft-model"
    gen --model-draft missing.gguf -p the
    refused 1 "missing.gguf"
    gen --assistant-model missing.gguf -p the
    refused 1 "missing.gguf"
}

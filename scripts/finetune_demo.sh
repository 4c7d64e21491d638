#!/bin/sh
# Fine-tune the built-in model on a task it has never seen, and say how much of it was learned:
# active sentences become passive ones.
#
#   The small wolf found the old king.  ->  The old king was found by the small wolf.
#
# The script makes all pairs itself; those to check the answers with are never learned.
#
#   scripts/finetune_demo.sh [DIRECTORY]     GEN=build/gen, PAIRS=500, CHECKED=200 and options of
#                                            gen finetune in OPTIONS may be set
set -eu
GEN=${GEN:-build/gen}
PAIRS=${PAIRS:-500}
CHECKED=${CHECKED:-200}
directory=${1:-$(mktemp -d)}
mkdir -p "$directory"

awk -v n="$PAIRS" -v checked="$CHECKED" -v learned="$directory/pairs.jsonl" \
    -v held="$directory/checked.jsonl" '
    function pick(list, n) { return list[int(rand() * n) + 1] }
    BEGIN {
        n_adjectives = split("old young small great poor rich kind proud wise clever good little", adjective, " ")
        n_nouns = split("king queen wolf fox bird cat boy girl prince giant soldier miller man woman dog " \
              "bear son daughter horse witch", noun, " ")
        n_verbs = split("found heard called loved carried followed asked helped killed saved", verb, " ")
        srand(7)
        while (made < n + checked) {
            a = pick(adjective, n_adjectives) " " pick(noun, n_nouns)
            b = pick(adjective, n_adjectives) " " pick(noun, n_nouns)
            v = pick(verb, n_verbs)
            prompt = "The " a " " v " the " b ". ->"
            if (a == b || prompt in seen)
                continue
            seen[prompt] = 1
            printf "{\"prompt\": \"%s\", \"completion\": \" The %s was %s by the %s.\"}\n",
                prompt, b, v, a >(made++ < n ? learned : held)
        }
    }'

# Words of options are meant to be words of their own.
# shellcheck disable=SC2086
"$GEN" finetune -o "$directory/passive.gguf" --valid-share 0.05 --patience 3 --epochs 12 --lr 1e-3 \
    ${OPTIONS:-} "$directory/pairs.jsonl"

"$GEN" -m "$directory/passive.gguf" --greedy --no-echo --max-new-tokens 60 --jsonl \
    --file "$directory/checked.jsonl" >"$directory/answers.txt"
sed 's/.*"completion": "\(.*\)"}$/\1/' "$directory/checked.jsonl" >"$directory/wanted.txt"
paste -d '|' "$directory/wanted.txt" "$directory/answers.txt" |
    awk -F '|' '{ right += $1 == $2 }
        END { printf "%d of %d answers to new sentences are exactly right (%.1f %%)\n",
              right, NR, 100 * right / NR }'

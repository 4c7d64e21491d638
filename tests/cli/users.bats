#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# What users met: pages that are too wide, words of other programs, a mistake whose message did not
# say what to do.

setup() {
    load helper
}

@test "no page of help is wider than a terminal of 80 columns" {
    for command in generate score eval compare tokenize inspect convert bench vocab train finetune help; do
        gen help $command
        [ "$status" -eq 0 ]
        [ "${#lines[@]}" -ge 5 ]
        if grep -nE '.{80}' <<<"$output"; then
            echo "gen help $command"
            return 1
        fi
    done
}

@test "types may be written in capitals, as llama.cpp does" {
    gen convert --type Q8_0 "$MODEL" upper.gguf
    [ "$status" -eq 0 ]
    gen convert --type q8_0 "$MODEL" lower.gguf
    cmp upper.gguf lower.gguf
    gen convert --type Q9 "$MODEL" none.gguf
    refused 2 '"Q9" is none of its values'
}

@test "--resume with a name that no run had says so" {
    for command in train finetune; do
        gen $command --resume -o none.gguf
        refused 2 "none.gguf.state: is missing, so there is no run to resume"
    done
}

@test "a run that is done says on --resume that it is" {
    printf '{"prompt":"a","completion":"b"}\n' >pairs.jsonl
    gen finetune -o m.gguf --steps 2 --warmup 1 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune --resume -o m.gguf
    [ "$status" -eq 0 ]
    [[ $stderr == *"all steps are done (more --steps or --epochs make the run longer)"* ]]
}

@test "a run is not resumed by the other command, which would lose its best model" {
    printf '{"prompt":"a","completion":"b"}\n' >pairs.jsonl
    for _ in $(seq 99); do echo "The fox and the hen went to town."; done >text
    gen finetune -o f.gguf --steps 1 --warmup 1 pairs.jsonl
    gen train -o t.gguf --init "$MODEL" --n-ctx 8 -b 8 --steps 1 text
    cp f.gguf f.before
    gen train --resume -o f.gguf --steps 3 text
    refused 2 "f.gguf.state: the run was begun by gen finetune (gen finetune --resume"
    gen train --resume -o f.gguf
    refused 2 "begun by gen finetune"
    cmp f.gguf f.before
    gen finetune --resume -o t.gguf --steps 3 pairs.jsonl
    refused 2 "t.gguf.state: the run was begun by gen train (gen train --resume"
}

@test "a run that patience ended says so again when it is resumed, and goes on with more" {
    for _ in $(seq 99); do echo "The fox and the hen went to town."; done >text
    gen train -o m.gguf --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 -b 8 --lr 2 --warmup 0 \
        --steps 40 --valid-share 0.3 --valid-every 1 --patience 2 text
    [ "$status" -eq 0 ]
    [[ $stderr == *"stopped early: no better validation after that of step "* ]]
    gen train --resume -o m.gguf
    [ "$status" -eq 0 ]
    [[ $stderr == *"stopped early: no better validation after that of step "*"larger --patience goes on)"* ]]
    [[ $stderr != *"step "[0-9]*/40* ]]
    gen train --resume -o m.gguf --patience 40
    [ "$status" -eq 0 ]
    [[ $stderr == *"step 40/40"* ]]
}

@test "a file to validate on that is missing is named before the data are read" {
    for _ in $(seq 99); do echo "The fox and the hen went to town."; done >text
    gen train -o m.gguf --vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 --valid nosuch text
    refused 1 "nosuch: cannot open: No such file or directory"
    [ "$(echo m.gguf*)" = "m.gguf*" ]
}

@test "what holds no pairs is told what it must be" {
    echo "Once upon a time" >story.txt
    gen finetune -o m.gguf story.txt
    refused 1 "story.txt: line 1: not valid JSON at byte 1: "
    [[ $stderr == *"(each line must be a JSON object)" ]]
    # Of one that begins well that is not said.
    printf '{"prompt":"a","completion":"b"}\n{"prompt":}\n' >pairs.jsonl
    gen finetune -o m.gguf pairs.jsonl
    refused 1 "pairs.jsonl: line 2: not valid JSON at byte 11: "
    [[ $stderr != *"each line"* ]]
    : >empty.jsonl
    gen finetune -o m.gguf empty.jsonl
    refused 1 "empty.jsonl: there is no pair in it"
    [[ $stderr != *context* ]]
}

@test "how often a text is read is a plain number" {
    for _ in $(seq 9); do echo "The fox and the hen went to town."; done >text
    shape=(--vocab "$MODEL" --n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8)
    gen train -o few.gguf "${shape[@]}" -b 8 --steps 3 text
    [[ $stderr =~ "3 steps: 0."[0-9][0-9]" times over "[0-9]+" tokens" ]]
    interrupt_at 1 train "${shape[@]}" -b 64 --steps 100000 text
    [[ $stderr =~ "100000 steps: "[0-9]{4,}" times over "[0-9]+" tokens" ]]
}

@test "training knows the words of transformers' Trainer" {
    printf '{"prompt":"a","completion":"b"}\n' >pairs.jsonl
    mkdir a b
    gen finetune -o a/m.gguf --epochs 2 --lr 1e-3 --warmup 1 pairs.jsonl
    [ "$status" -eq 0 ]
    gen finetune -o b/m.gguf --num_train_epochs 2 --learning_rate 1e-3 --warmup-steps 1 \
        --model_name_or_path "$MODEL" pairs.jsonl
    [ "$status" -eq 0 ]
    cmp a/m.gguf b/m.gguf
    gen train -o c.gguf --gradient_accumulation_steps 4 pairs.jsonl
    refused 2 "--micro-batch"
    gen train -o c.gguf --output_dir out pairs.jsonl
    refused 2 "-o FILE.gguf"
    gen train -o c.gguf --lora-rank 8 pairs.jsonl
    refused 2 "gen finetune"
}

@test "words of llama.cpp's programs get a sentence that is about them" {
    while read -r words; do
        # shellcheck disable=SC2086 # several words
        gen $words -p Hi
        refused 2 "no option ${words%% *}: "
    done <<'END'
-no-cnv
-sys Hello
-ctk q8_0
-tb 2
--no-warmup
--chat-template chatml
END
    gen -ctk q8_0 Hi
    refused 2 "--kv-type"
    # What is short and may be a value is one.
    gen -n-1 --max-length 3 --prompt-ids "1 2"
    [ "$status" -eq 0 ]
    gen bench -p 512 -n 128
    refused 2 "no option -p: --prompt-lengths"
    gen convert "$MODEL" -o out.gguf
    refused 2 "no option -o: what is written is the second argument"
    gen convert "$MODEL" out.gguf --outtype q8_0
    [ "$status" -eq 0 ]
}

@test "gen --lines on a terminal says that it waits" {
    need_terminal
    run bash -c 'printf "Hi\n\004" | script -qec "$0 --lines -n 2" /dev/null' "$GEN"
    [[ $output == *"reads prompts from the terminal, to the end with Ctrl-D"* ]]
    run bash -c 'printf "Hi\n\004" | script -qec "$0 --lines -q -n 2" /dev/null' "$GEN"
    [[ $output != *"from the terminal"* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# The option parser: spellings, ranges, suggestions, conflicts, help.

setup() {
    load helper
}

@test "every spelling of an option does the same" {
    gen -n 3 --greedy --top-p 0.5 --prompt-ids "1 2"
    [ "$status" -eq 0 ]
    expected=$output
    for spelling in "-n3 --top-p=0.5" "--max-new-tokens 3" "--max-new-tokens=3" "-qn3" "-n 9 -n 3"; do
        # shellcheck disable=SC2086 # several words
        gen $spelling --greedy --prompt-ids "1 2"
        [ "$status" -eq 0 ]
        [ "$output" = "$expected" ]
    done
}

@test "options and operands may be mixed, and -- ends the options" {
    gen -n 0 Hello --greedy world
    [ "$output" = "Hello world" ]
    gen -n 0 -- --greedy -n
    [ "$output" = "--greedy -n" ]
}

@test "negative numbers are values" {
    gen -n 1 --presence-penalty -0.5 --frequency-penalty=-2 --logit-bias 5=-1,6=-inf Hi
    [ "$status" -eq 0 ]
}

@test "an unknown option is refused and the nearest one named" {
    while read -r wrong right; do
        gen "$wrong" 0.5 Hi
        refused 2 "did you mean $right?"
    done <<'END'
--topp --top-p
--temprature --temperature
--MAX_NEW_TOKENS --max-new-tokens
--sed --seed
--jsn --json
--hepl --help
--stpo --stop
-temperature --temperature
-json --json
END
    gen --qwxyz Hi
    refused 2 "unknown option --qwxyz"
    gen -Z Hi
    refused 2 "unknown option -Z"
    gen --min Hi
    refused 2 "--min-"
}

@test "a nearly right command name is mentioned where there is an error" {
    gen tokenise --count
    refused 2 'the command tokenize'
    gen help inspct
    refused 2 "did you mean inspect?"
    gen help qwxyz
    refused 2 'no command "qwxyz"'
}

@test "every numeric option refuses what is out of its range or no number" {
    while read -r option low high; do
        for value in "" x 5x 1e999 nan inf 0x10 " 1" "1 " 1,5 --1 99999999999999999999999 "$low" "$high"; do
            gen "--$option=$value" --json Hi
            refused 2 "--$option: "
        done
    done <<'END'
threads 0 1025
max-new-tokens -2 2147483648
max-length 0 2147483648
min-new-tokens -1 2147483648
min-length -1 2147483648
temperature -0.1 1000.5
top-k -1 2147483648
top-p 0 1.01
min-p -0.01 1.01
typical-p 0 1.01
top-n-sigma -0.1 1001
repetition-penalty 0 1001
presence-penalty -2.01 2.01
frequency-penalty -2.01 2.01
no-repeat-ngram-size -1 2147483648
num-return-sequences 0 2147483648
logprobs -1 1001
seed -1 18446744073709551616
END
    # Too small for a float, where 0 itself is out.
    gen --top-p 1e-60 Hi
    refused 2 "--top-p: "
}

@test "the ends of the ranges are accepted" {
    gen -n 1 --threads 1 --temperature 1000 --top-k 0 --top-p 1 --min-p 0 --typical-p 1 \
        --repetition-penalty 1000 --presence-penalty 2 --frequency-penalty -2 \
        --no-repeat-ngram-size 0 --seed 18446744073709551615 --json --logprobs 1000 Hi
    [ "$status" -eq 0 ]
    [[ $output == *'"seed":18446744073709551615,'* ]]
}

@test "a missing value, a value too many, a wrong choice" {
    gen Hi --top-p
    refused 2 "--top-p needs a value"
    gen Hi -n
    refused 2 "--max-new-tokens needs a value"
    gen --greedy=1 Hi
    refused 2 "--greedy takes no value"
    gen --context slid Hi
    refused 2 "(stop, slide)"
    gen --color sometimes Hi
    refused 2 "(auto, always, never)"
    gen --logit-bias 5 Hi
    refused 2 '"5" is not ID=X'
    gen --logit-bias 5=nan Hi
    refused 2 '"5=nan" is not ID=X'
    gen --logit-bias 1=2,-5=1 Hi
    refused 2 '"-5=1" is not ID=X'
    gen --prompt-ids "1 x"
    refused 2 '"x" at byte 2 is not a token id'
    gen --stop "" Hi
    refused 2 "--stop"
}

@test "options that contradict each other are refused" {
    while read -r a b; do
        # shellcheck disable=SC2086 # several words
        gen ${a//_/ } ${b//_/ }
        refused 2 "exclude each other"
    done <<'END'
--prompt_a --file_b
--prompt_a --prompt-ids_1
--file_a --prompt-ids_1
--prompt_a --lines
--prompt_a --jsonl
--prompt_a -0
--prompt-ids_1 --lines
--lines --jsonl
--lines -0
--jsonl -0
--greedy --temperature_0.7
--json --separator_x
--verbose --quiet
END
    gen --prompt a b
    refused 2 "two prompts"
    gen --lines b
    refused 2 "two prompts"
    gen --min-new-tokens 200 Hi
    refused 2 "--min-new-tokens 200 is more than --max-new-tokens 128"
    gen --max-length 5 --min-length 6 Hi
    refused 2 "--min-length 6 is more than --max-length 5"
    gen tokenize --json --count
    refused 2 "exclude each other"
    gen tokenize --decode --special
    refused 2 "exclude each other"
}

@test "hostile text in an argument stays one clean line" {
    gen --top-p $'1\n2\033[31m\r\xff' Hi
    refused 2 '"1?2?[31m??"'
    gen $'--x\ny\033z'
    refused 2 "unknown option"
    [[ $stderr != *$'\033'* ]]
    gen "--$(head -c 5000 /dev/zero | tr '\0' x)" Hi
    refused 2 "unknown option"
    gen -m "$(head -c 5000 /dev/zero | tr '\0' x)" Hi
    [ "${#stderr}" -lt 600 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "help of every command: both spellings, stdout, 80 columns, examples" {
    for command in generate score eval compare tokenize inspect convert bench help; do
        gen help "$command"
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        first=$output
        [[ $first == "usage: gen "* ]]
        [[ $first == *"Examples:"* ]]
        gen "$command" --help
        [ "$status" -eq 0 ]
        [ "$output" = "$first" ]
        gen "$command" -h
        [ "$output" = "$first" ]
        if printf '%s\n' "$first" | grep -E '^.{81}'; then
            false
        fi
    done
    gen --help
    [ "$status" -eq 0 ]
    overview=$output
    for command in generate score eval compare tokenize inspect convert bench; do
        [[ $overview == *"gen $command "* ]]
    done
    gen help
    [ "$output" = "$overview" ]
    gen help generate tokenize
    refused 2 "one command"
}

@test "the help tells the defaults" {
    gen help generate
    help=$(printf '%s' "$output" | tr -s '\n ' '  ')
    for text in "(default: 128)" "(default: 0.8)" "(default: 40)" "(default: 0.95)" "(default: stop)"; do
        [[ $help == *"$text"* ]]
    done
    gen help train
    help=$(printf '%s' "$output" | tr -s '\n ' '  ')
    for text in "rate grows (default: 100)" "in all, with those before a resumption (default: 1000)" \
        "(default: adamw)" "every N steps; 0: never --"; do
        [[ $help == *"$text"* ]]
    done
}

@test "--version" {
    gen --version
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "gen 0.1.0" ]
    [[ $output == *"MIT"* ]]
    gen tokenize --version
    [ "${lines[0]}" = "gen 0.1.0" ]
}

@test "no prompt on a terminal: a hint and status 2" {
    need_terminal
    run on_terminal "$GEN"
    [ "$status" -eq 2 ]
    [[ $output == *"no prompt"* ]]
}

@test "--help and --version take no value" {
    gen --help=generate
    refused 2 "--help takes no value"
    gen tokenize --version=1
    refused 2 "--version takes no value"
}

@test "an empty file name is seen in the message" {
    gen -n 1 --output= Hi
    refused 1 'gen: the name of the file to write is empty'
    gen -n 1 --file=
    refused 1 'gen: "": No such file'
}

#!/bin/bash
# Compare the speed of gen with that of llama.cpp and CTranslate2 on this machine.
#
#   scripts/bench_peers.sh --model MODEL [OPTIONS]
#
#   --model MODEL    GGUF file or Hugging Face directory, best with f32 weights: the other types are
#                    made from it with `gen convert`. For CTranslate2 it must be a directory
#   --hf DIR         the same model as a Hugging Face directory, where MODEL is a GGUF file
#   --only LIST      of decode,prompt,batch,ctranslate2,start,memory (default: all)
#   --types LIST     of f32,f16,bf16,q8_0,q4_0,q4_k_m (default: all; each regime takes those that
#                    it has a bar for)
#   --sizes LIST     of 1,16,64: how many sequences together (default: all)
#   --runs N         runs of each side (default: 5)
#   --threads N      (default: the processors there are)
#   --cache DIR      where converted models are kept; else they are made anew, and removed
#
# The programs llama-bench, llama-batched-bench and llama-simple are looked for in $LLAMA_CPP_BIN,
# then on the PATH; the module ctranslate2 in $PYTHON (default: python3); gen is $GEN (default:
# build/gen). What is missing is skipped. The two sides run in turns, each first every other time. A
# row shows the median of each side, and the median of the ratios of neighbours, which holds on a
# machine that is now fast and now slow: above 1 gen is ahead. The bars are those of the project for
# GPT-2 124M.
#
# Both sides do the same work. decode: 128 tokens one by one, from an empty context. prompt: 512
# tokens in one call, logits of the last. batch: 32 more tokens for sequences of 32 each. For decode
# and batch the KV cache is of f16 on both sides, the default of llama.cpp (else gen has f32). start:
# the whole process, up to one token. ctranslate2: 64 tokens greedily after each of 1 or 16 prompts
# of about 32 tokens, and with 4 beams after one, reading them included, loading not; gen does not
# guess tokens ahead there.
set -euo pipefail
export LC_ALL=C

die() {
    echo "bench_peers: $*" >&2
    exit 2
}

here=$(dirname "$0")
gen=${GEN:-$here/../build/gen}
python=${PYTHON:-python3}
model='' hf='' cache='' runs=5 threads=$(getconf _NPROCESSORS_ONLN)
only=decode,prompt,batch,ctranslate2,start,memory
types=f32,f16,bf16,q8_0,q4_0,q4_k_m
sizes=1,16,64
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
    --model | --hf | --only | --types | --sizes | --runs | --threads | --cache)
        [ $# -gt 1 ] || die "$1 needs a value"
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
    *) die "unknown argument $1 (see --help)" ;;
    esac
done
[ -e "$model" ] || die "give a model with --model (see --help)"
[ -x "$gen" ] || die "$gen is not there: build it, or set GEN"
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "--runs: $runs is no number"
if [ -z "$hf" ] && [ -d "$model" ]; then
    hf=$model
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cache=${cache:-$scratch}
mkdir -p "$cache"

# has LIST WORD: whether WORD is in LIST, divided by commas.
has() {
    [[ ,$1, == *",$2,"* ]]
}

skip() {
    echo "skipped: $*"
}

# ---- models -------------------------------------------------------------------------------------

# converted TYPE: print the path of the model in that type, made if it is not there yet.
converted() {
    local path=$cache/$1.gguf
    if [ ! -e "$path" ] || [ "$model" -nt "$path" ]; then
        "$gen" convert --quiet --type "$1" "$model" "$path"
    fi
    echo "$path"
}

# converted_ct2 QUANTIZATION: the same for CTranslate2.
converted_ct2() {
    local path=$cache/ct2-$1
    if [ ! -e "$path/model.bin" ]; then
        "$python" "$here/bench_ctranslate2.py" convert "$hf" "$path" "$1" >&2
    fi
    echo "$path"
}

# ---- numbers ------------------------------------------------------------------------------------

# median NUMBER...: of an even number, the mean of the two in the middle.
median() {
    printf '%s\n' "$@" | sort -g | awk '{ x[NR] = $1 }
        END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

# match PATTERN: print what the group in PATTERN matches in the one line of stdin.
match() {
    sed -n "s/.*$1.*/\\1/p"
}

# seconds COMMAND...: run it, print how long that took.
seconds() {
    local start=$EPOCHREALTIME
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }'
}

# peak COMMAND...: run it, print the most memory it had, in MB.
peak() {
    /usr/bin/time -f 'peak %M' -- "$@" </dev/null 2>&1 >"$scratch/out" | awk '/^peak/ { print $2 * 1024 / 1e6 }'
}

# ---- rows ---------------------------------------------------------------------------------------

heading() {
    printf '\n%-30s %10s %10s %8s  %s\n' "$1" gen "$2" ratio bar
}

# row LABEL BAR GEN PEER RATIO
row() {
    awk -v label="$1" -v bar="$2" -v a="$3" -v b="$4" -v ratio="$5" 'BEGIN {
        missed = (bar != "" && ratio + 0.005 < bar)
        printf "%-30s %10.4g %10.4g %8.2f  %s%s\n", label, a, b, ratio, bar,
            missed ? "  (not reached)" : ""
    }'
}

# limit_row LABEL DIRECTION BAR VALUE: a figure with a bar of its own.
limit_row() {
    awk -v label="$1" -v direction="$2" -v bar="$3" -v a="$4" 'BEGIN {
        up = (direction == "up")
        missed = (up ? a < bar : a > bar)
        printf "%-30s %10.4g %10s %8s  %s %.4g%s\n", label, a, "", "",
            up ? "at least" : "at most", bar, missed ? "  (not reached)" : ""
    }'
}

# compare LABEL BAR DIRECTION: run gen_side and peer_side in turns, each printing one number.
# DIRECTION is up where more is better, down where less is.
compare() {
    local ours=() theirs=() ratios=() i a b
    for ((i = 0; i < runs; i++)); do
        if ((i % 2 == 0)); then
            a=$(gen_side)
            b=$(peer_side)
        else
            b=$(peer_side)
            a=$(gen_side)
        fi
        ours+=("${a:?gen gave no figure}")
        theirs+=("${b:?the peer gave no figure}")
        ratios+=("$(awk -v a="$a" -v b="$b" -v direction="$3" 'BEGIN {
            print (direction == "up" ? a / b : b / a) }')")
    done
    row "$1" "$2" "$(median "${ours[@]}")" "$(median "${theirs[@]}")" "$(median "${ratios[@]}")"
}

# find_llama NAME: print the path of a program of llama.cpp.
find_llama() {
    if [ -x "${LLAMA_CPP_BIN:-}/$1" ]; then
        echo "$LLAMA_CPP_BIN/$1"
    else
        command -v "$1"
    fi
}

# ---- regimes ------------------------------------------------------------------------------------

# What `gen bench` measures besides what is compared is made as little as can be.
gen_bench() {
    local prompt=1 decode=1 batch=1 steps=1 length=1 kv=f32
    local "${@:2}"
    "$gen" bench --quiet --json --repeat 1 --threads "$threads" --model "$1" \
        --prompt-lengths "$prompt" --decode-lengths "$decode" --batch "$batch" \
        --batch-length "$length" --steps "$steps" --kv-type "$kv"
}

# share KIND LIMIT: the share of a limit in the last result of gen bench, in per cent.
share() {
    match "\"$1\":\\[{[^]]*\"share_of_limit\":{[^}]*\"$2\":\\([^,}]*\\)" <"$scratch/bench" |
        awk '{ print $1 * 100 }'
}

# bench_regime NAME TYPES BARS LIMITS: with llama-bench; for each of the types the bar of its ratio
# and, if any, "LIMIT:PERCENT" of the machine's.
bench_regime() {
    local name=$1 kind=$1 llama type bar limit shares
    read -ra kinds <<<"$2"
    read -ra bars <<<"$3"
    read -ra limits <<<"$4"
    llama=$(find_llama llama-bench) || {
        skip "$name (llama-bench is neither in \$LLAMA_CPP_BIN nor on the PATH)"
        return
    }
    heading "$name, tokens/s" llama.cpp
    for i in "${!kinds[@]}"; do
        type=${kinds[i]} bar=${bars[i]} limit=${limits[i]}
        has "$types" "$type" || continue
        local path
        path=$(converted "$type")
        gen_side() {
            if [ "$kind" = decode ]; then
                gen_bench "$path" decode=128 steps=128 kv=f16 >"$scratch/bench"
            else
                gen_bench "$path" prompt=512 >"$scratch/bench"
            fi
            [ "$limit" = - ] || share "$kind" "${limit%:*}" >>"$scratch/shares"
            match "\"$kind\":\\[{\"length\":[0-9]*,\"tokens_per_second\":{\"median\":\\([^,]*\\),.*" \
                <"$scratch/bench"
        }
        peer_side() {
            local work=(-p 512 -n 0)
            [ "$kind" = prompt ] || work=(-p 0 -n 128)
            "$llama" -m "$path" -t "$threads" -r 1 -o jsonl "${work[@]}" 2>/dev/null |
                match '"avg_ts": \([0-9.]*\)'
        }
        : >"$scratch/shares"
        compare "$type" "$bar" up
        if [ "$limit" != - ]; then
            mapfile -t shares <"$scratch/shares"
            limit_row "  % of ${limit%:*} limit" up "${limit#*:}" "$(median "${shares[@]}")"
        fi
    done
}

batch_regime() {
    local llama path
    llama=$(find_llama llama-batched-bench) || {
        skip "batch (llama-batched-bench is neither in \$LLAMA_CPP_BIN nor on the PATH)"
        return
    }
    heading "decoded together, tokens/s" llama.cpp
    path=$(converted q8_0)
    for n in 16 64; do
        has "$sizes" "$n" || continue
        gen_side() {
            gen_bench "$path" batch="$n" length=64 steps=32 kv=f16 |
                match '"batch":\[{"sequences":[0-9]*,"length":[0-9]*,"tokens_per_second":{"median":\([^,]*\),.*'
        }
        peer_side() {
            "$llama" -m "$path" -t "$threads" -tb "$threads" -c $((n * 64)) -b 2048 -ub 512 \
                -npp 32 -ntg 32 -npl "$n" --output-format jsonl 2>/dev/null |
                match '"speed_tg": \([0-9.]*\)'
        }
        compare "$n sequences, q8_0" 4 up
    done
}

# The same words in another order each, so that the prompts are of one length.
prompts() {
    local words=(the of and to in that was his he it with is for as had you not be her on at by
        which have or from this him but all she they were)
    for ((i = 0; i < $1; i++)); do
        echo "${words[@]:i}" "${words[@]:0:i}"
    done
}

ctranslate2_regime() {
    "$python" "$here/bench_ctranslate2.py" check 2>/dev/null || {
        skip "ctranslate2 ($python has no module of that name; set PYTHON)"
        return
    }
    [ -n "$hf" ] || {
        skip "ctranslate2 (it needs a Hugging Face directory, see --hf)"
        return
    }
    heading "greedy and beams, tokens/s" CTranslate2
    local pair type path other
    for pair in f32:float32 q8_0:int8; do
        type=${pair%:*}
        has "$types" "$type" || continue
        path=$(converted "$type")
        other=$(converted_ct2 "${pair#*:}")
        for n in 1 16; do
            has "$sizes" "$n" || continue
            prompts "$n" >"$scratch/prompts"
            while read -r prompt; do
                "$gen" tokenize -m "$path" --ids -p "$prompt"
            done <"$scratch/prompts" >"$scratch/ids"
            beams=1
            gen_side() {
                "$gen" --model "$path" --threads "$threads" --lines --json --greedy --ignore-eos \
                    --no-speculate --num-beams "$beams" --batch 16 --max-new-tokens 64 \
                    <"$scratch/prompts" |
                    sed -n 's/.*"prompt_seconds":\([^,]*\),"decode_seconds":\([^,}]*\).*/\1 \2/p' |
                    awk '{ s = $1 + $2; if (s > most) most = s } END { print NR * 64 / most }'
            }
            peer_side() {
                "$python" "$here/bench_ctranslate2.py" run "$other" "$threads" 64 "$beams" \
                    <"$scratch/ids"
            }
            compare "$type against ${pair#*:}, $n" 1 up
            [ "$n" -eq 1 ] || continue
            beams=4
            compare "$type against ${pair#*:}, 4 beams" 1.5 up
        done
    done
}

start_regime() {
    local path llama ours=()
    heading "process to first token, ms" llama.cpp
    path=$(converted q8_0)
    gen_side() {
        seconds "$gen" --model "$path" --threads "$threads" --greedy --max-new-tokens 1 \
            'Once upon a time' | awk '{ print $1 * 1000 }' | tee -a "$scratch/starts"
    }
    : >"$scratch/starts"
    if llama=$(find_llama llama-simple); then
        peer_side() {
            seconds "$llama" -m "$path" -n 1 'Once upon a time' | awk '{ print $1 * 1000 }'
        }
        compare q8_0 1 down
    else
        skip "start against llama.cpp (llama-simple is neither in \$LLAMA_CPP_BIN nor on the PATH)"
        for ((i = 0; i < runs; i++)); do
            gen_side >/dev/null
        done
    fi
    mapfile -t ours <"$scratch/starts"
    limit_row "q8_0" down 60 "$(median "${ours[@]}")"
    ours=()
    if env -u GEN_MODEL "$gen" --max-new-tokens 0 x >"$scratch/out" 2>&1; then
        for ((i = 0; i < runs; i++)); do
            ours+=("$(seconds env -u GEN_MODEL "$gen" --threads "$threads" --greedy \
                --max-new-tokens 1 'Once upon a time' | awk '{ print $1 * 1000 }')")
        done
        limit_row "embedded model" down 15 "$(median "${ours[@]}")"
    else
        skip "start of the embedded model ($gen has none)"
    fi
}

# The KV cache of 128 tokens in f32, which gen takes; a peer's may be of f16.
memory_regime() {
    local llama path type file cache_bytes
    if ! /usr/bin/time -f %M true 2>/dev/null; then
        skip "memory (GNU time, /usr/bin/time, is missing)"
        return
    fi
    heading "peak memory, MB" llama.cpp
    for type in f32 q8_0; do
        has "$types" "$type" || continue
        path=$(converted "$type")
        gen_side() {
            peak "$gen" --model "$path" --threads "$threads" --greedy --ignore-eos \
                --no-speculate --max-new-tokens 124 'Once upon a time' | tee -a "$scratch/peaks"
        }
        : >"$scratch/peaks"
        if llama=$(find_llama llama-simple); then
            peer_side() {
                peak "$llama" -m "$path" -n 124 'Once upon a time'
            }
            compare "$type, 128 tokens" "" down
        else
            skip "memory of llama.cpp (llama-simple is neither in \$LLAMA_CPP_BIN nor on the PATH)"
            gen_side >/dev/null
        fi
        file=$(wc -c <"$path")
        cache_bytes=$("$gen" inspect --json "$path" | awk -v RS=, -F: '
            /"n_layer"/ { layers = $2 } /"n_embd"/ { width = $2 }
            END { print layers * width * 2 * 4 * 128 }')
        mapfile -t peaks <"$scratch/peaks"
        limit_row "$type: file, KV cache, 15 %" down \
            "$(awk -v f="$file" -v c="$cache_bytes" 'BEGIN { print (f + c) * 1.15 / 1e6 }')" \
            "$(median "${peaks[@]}")"
    done
}

echo "$("$gen" --version | head -n 1), $threads threads, medians of $runs"
for regime in ${only//,/ }; do
    case $regime in
    decode)
        bench_regime decode "f32 f16 bf16 q8_0 q4_0 q4_k_m" "1.05 1.1 1.1 1.6 1.5 1.5" \
            "read:85 read:85 read:85 read:85 read:85 read:85"
        ;;
    prompt)
        bench_regime prompt "f32 f16 bf16 q8_0 q4_0" "2.0 1.7 1.7 2.5 1.8" "f32:70 - - - -"
        ;;
    batch | ctranslate2 | start | memory) "${regime}_regime" ;;
    *) die "--only: there is no $regime" ;;
    esac
done

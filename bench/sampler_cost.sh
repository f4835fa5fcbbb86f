#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the sampler costs above the least that could read four files at a rate.
#
#   bench/sampler_cost.sh PROGRAM [ROUNDS [SECONDS [together|alternate]]]
#
# PROGRAM is the built bench/sampler_cost.c.  On a shared machine the price of a
# wake-up drifts by a factor of two within seconds, so what counts is the ratio
# of a pair: of runs at the same time (which see the same machine, and so scatter
# half as much) or of runs one after the other that change places.
# "bare" is clock_nanosleep() and four pread(), "stamped" adds the clock reads
# that every sample needs.  At 1 and 10 Hz runs are longer, to have ticks to
# count.
set -eu

program=$1
rounds=${2:-9}
seconds=${3:-2}
manner=${4:-together}
directory=$(mktemp -d "${JB_BENCH_TMPFS:-/dev/shm}/sampler_cost.XXXXXX")
trap 'rm -rf "$directory"' EXIT INT TERM

# CPU microseconds per tick of one run: price MODE HZ SECONDS.
price() {
    mkdir -p "$directory/$1"
    "$program" "$1" "$2" "$3" "$directory/$1" |
        awk '{ print $1 / $2 / 1000 }' >"$directory/$1.us"
}

# One round: a line "bare stamped ours".  $1: HZ, $2: SECONDS, then the modes.
compare() {
    hz=$1
    long=$2
    shift 2
    for mode in "$@"; do
        if [ "$manner" = together ]; then
            price "$mode" "$hz" "$long" &
        else
            price "$mode" "$hz" "$long"
        fi
    done
    wait
    paste -d' ' "$directory/bare.us" "$directory/stamped.us" \
        "$directory/ours.us"
}

# Lines of compare to medians and the spread of the ratios.
summary() {
    awk -v hz="$1" '
    function sort(a, n,    i, j, t) {
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
                t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
            }
    }
    function median(a, n) {
        sort(a, n)
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    {
        bare[NR] = $1; stamped[NR] = $2; ours[NR] = $3
        ratio[NR] = $3 / $1; own[NR] = $3 / $2
        sum_bare += $1; sum_ours += $3
    }
    END {
        printf "%5d Hz  us/tick: bare %5.1f stamped %5.1f ours %5.1f", \
            hz, median(bare, NR), median(stamped, NR), median(ours, NR)
        r = median(ratio, NR)
        printf "  ours/bare %.2f (quartiles %.2f %.2f, of means %.2f)", r, \
            ratio[int((NR + 3) / 4)], ratio[int((3 * NR + 3) / 4)], \
            sum_ours / sum_bare
        printf "  ours/stamped %.2f\n", median(own, NR)
    }'
}

for hz in 1 10 100 1000; do
    case $hz in
    1) long=$((seconds * 6)) ;;
    10) long=$((seconds * 2)) ;;
    *) long=$seconds ;;
    esac
    round=0
    while [ "$round" -lt "$rounds" ]; do
        if [ $((round % 2)) -eq 0 ]; then
            compare "$hz" "$long" bare stamped ours
        else
            compare "$hz" "$long" ours stamped bare
        fi
        round=$((round + 1))
    done | summary "$hz"
done
"$program" edges - 100 "$directory" | awk '
{ for (i = 1; i < NF; i += 2) { name[i] = $i; v[i, NR] = $(i + 1) } n = NF }
END {
    for (i = 1; i < n; i += 2) {
        for (a = 2; a <= NR; a++)
            for (b = a; b > 1 && v[i, b - 1] > v[i, b]; b--) {
                t = v[i, b]; v[i, b] = v[i, b - 1]; v[i, b - 1] = t
            }
        printf "%-10s median %6.1f us, worst of ten %6.1f us\n", name[i], \
            v[i, int((NR + 1) / 2)] / 1000, v[i, int(NR * 0.9)] / 1000
    }
}'

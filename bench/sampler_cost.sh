#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the sampler costs above the least that could read four files at a rate.
#
#   bench/sampler_cost.sh PROGRAM [ROUNDS [SECONDS]]
#
# PROGRAM is the built bench/sampler_cost.c.  Runs of it and of the bare loop
# alternate and change places, since on a shared machine the price of a wake-up
# drifts by a factor of two; what counts is the ratio of neighbours.
# At 1 and 10 Hz a run is longer, so that there are ticks to count.
set -eu

program=$1
rounds=${2:-9}
seconds=${3:-2}
directory=$(mktemp -d "${JB_BENCH_TMPFS:-/dev/shm}/sampler_cost.XXXXXX")
trap 'rm -rf "$directory"' EXIT INT TERM

# CPU microseconds per tick of one run.
price() {
    "$program" "$1" "$2" "$3" "$directory" | awk '{ print $1 / $2 / 1000 }'
}

# Lines "bare ours" to medians and the spread of the ratios.
summary() {
    awk -v hz="$1" '
    function median(a, n,    i, j, t) {
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
                t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
            }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    { bare[NR] = $1; ours[NR] = $2; ratio[NR] = $2 / $1 }
    END {
        b = median(bare, NR); o = median(ours, NR); r = median(ratio, NR)
        q1 = ratio[int((NR + 3) / 4)]; q3 = ratio[int((3 * NR + 3) / 4)]
        printf "%5d Hz  bare %6.2f us  ours %6.2f us  ours/bare %.3f", \
            hz, b, o, r
        printf "  (quartiles %.3f to %.3f, of minima %.3f, of medians %.3f)\n", \
            q1, q3, ours[1] / bare[1], o / b
    }'
}

for hz in 1 10 100 1000; do
    case $hz in
    1) long=$(echo "$seconds * 6" | bc) ;;
    10) long=$(echo "$seconds * 2" | bc) ;;
    *) long=$seconds ;;
    esac
    round=0
    while [ "$round" -lt "$rounds" ]; do
        if [ $((round % 2)) -eq 0 ]; then
            bare=$(price bare "$hz" "$long")
            ours=$(price ours "$hz" "$long")
        else
            ours=$(price ours "$hz" "$long")
            bare=$(price bare "$hz" "$long")
        fi
        echo "$bare $ours"
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

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What begin and end of a region cost beyond the reads, with powercap on four
# domains: bench/region_cost.c on a tree of plain files that the lab rewrites.
#
#   bench/region_cost.sh JOULEBOOK REGION_COST [ROUNDS [LOOPS]]
set -eu

joulebook=$1
program=$2
shift 2
directory=$(mktemp -d "${JB_BENCH_TMPFS:-/dev/shm}/region_cost.XXXXXX")
trap 'kill "$lab" 2>/dev/null; wait; rm -rf "$directory"' EXIT
trap 'exit 1' INT TERM

cat >"$directory/layout" <<LAYOUT
layout region
zone path=intel-rapl:0   name=package-0 wave=const:30W
zone path=intel-rapl:0:0 name=core      in=intel-rapl:0 wave=const:20W
zone path=intel-rapl:0:1 name=dram      wave=const:5W
zone path=intel-rapl:1   name=psys      wave=const:9W
LAYOUT
mkdir "$directory/sys"
"$joulebook" lab --quiet --files --mount "$directory/sys" \
    --layout "$directory/layout" &
lab=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -e "$directory/sys/class/powercap/intel-rapl:1/energy_uj" ] || break
    sleep 0.1
done
"$program" "$directory/sys" "$@"

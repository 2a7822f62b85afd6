#!/bin/sh
# sh tests/fuzz/run.sh TARGET SECONDS: one fuzz target from its corpus and the bad files of its format.
target=$1
seconds=$2
case $target in
claims) seeds="tests/bad/claims examples" ;;
npy | npz) seeds="tests/bad/numpy tests/data/npy" ;;
torch | pickle) seeds="tests/bad/torch tests/data/torch" ;;
*) seeds="tests/bad/$target" ;;
esac
for d in "tests/fuzz/corpus/$target" $seeds; do [ -d "$d" ] && folders="$folders $d"; done
mkdir -p "build-fuzz/corpus/$target"
echo "  fuzz  $target, $seconds s"
"build-fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=20000 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix="build-fuzz/$target-" \
    "build-fuzz/corpus/$target" $folders 2>"build-fuzz/$target.log"
status=$?
grep -E 'number_of_executed_units|new_units_added|ERROR|SUMMARY|Test unit written' "build-fuzz/$target.log" | sed 's/^/        /'
exit $status

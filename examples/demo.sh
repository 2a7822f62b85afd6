#!/bin/sh
# make demo: the main job on a shipped model.
set -eu
program=${BUILD:-build}/weightproof
mkdir -p demo-out
echo "verifying examples/max4.claims (one attention layer, 16,777,216 sequences)"
"$program" verify examples/max4.claims --expect --report demo-out/report.html --json demo-out/run.json --certificates demo-out/evidence
echo
echo "checking one certificate again, by the second program alone"
"${BUILD:-build}/weightproof-check" --dir demo-out/evidence demo-out/evidence/how_often.cert
echo
echo "report: demo-out/report.html   evidence: demo-out/evidence   JSON: demo-out/run.json"

#!/bin/sh
# Golden command-line tests: sh tests/cli/run.sh BUILD [--update] [FILE.t]...   Ends with `N passed, N failed`.
exec python3 tests/cli/run.py "$@"

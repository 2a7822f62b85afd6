# Commands and options from their tables.
$ weightproof
! error: no command; 'weightproof help' lists them
? 3

$ weightproof --version
> weightproof 0.1.0
? 0

$ weightproof help
> usage: weightproof COMMAND [ARGUMENT]...
> 
> proves or refutes claims about the mechanism inside small transformers
> 
> commands:
>   verify   FILE.claims  decide every claim, check every certificate, print the verdicts
>   new      MODEL        a claim file that runs on this model as it stands
>   eval     FILE.claims  the value of every subexpression of a claim at one input
>   smt      FILE.claims  one claim as an SMT-LIB 2 document, for Z3, cvc5 or another solver
>   info     [MODEL]      what was read, what was inferred, what was assumed
>   run      MODEL        certified enclosures of activations
>   selftest MODEL        stored outputs of another program against certified bounds
>   convert  MODEL|DATA   the canonical network file (.net) of a model, or array (.arr) of data
>   help     [COMMAND]    this list, or the options of a command
> 
> weightproof COMMAND --help lists the options of a command; weightproof --version prints the version
> exit status of verify: 0 all proved or bounded, 1 one refuted, 2 one undecided or vacuous, 3 bad input, 4 resources
? 0

$ weightproof verify --help
> usage: weightproof verify FILE.claims [OPTION]...
> 
> decide every claim, check every certificate, print the verdicts
> 
> options:
>   --only NAME                only the claim of that name (may be repeated)
>   --model NAME=FILE          read this file for a model of the claim file (may be repeated)
>   --data NAME=FILE           read this file for a data array of the claim file (may be repeated)
>   --param NAME=VALUE         the value of a param of the claim file (may be repeated)
>   --config FILE              configuration of the model (JSON)
>   --set [NAME:]KEY=VALUE     one key of the configuration; with a claim file, of its model NAME or of all (may be repeated)
>   --timeout SECONDS          time to prove one claim
>   --check-timeout SECONDS    time to check one certificate (default 3600)
>   --threads N                threads (default: all processors)
>   --engine NAME              use this engine only
>   --no-symmetry              evaluate every sequence, also where positions or tokens are known to be alike
>   --seed N                   seed of what is random (default 0)
>   --resources N              steps that Z3 may take for one query (its rlimit, default 400000000)
>   --expect                   exit 0 exactly when every verdict is the one its expect line names
>   --plan                     print types, domain sizes, engine and estimated cost, decide nothing
>   --accept-solver            print what only a solver says as proved (solver only)
>   --json OUT                 write the results as JSON (- for standard output, without the lines)
>   --report OUT.html          write the results as one HTML page
>   --picture ROWSxCOLUMNS     in the report, inputs of so many numbers are pictures of that shape (default: square ones) (may be repeated)
>   --certificates DIR         write a bundle that can be checked on its own
>   --failures DIR             write failing inputs and the PyTorch lines that replay them
>   -q, --quiet                print the summary line only
>   -h, --help                 print this
? 0

$ weightproof help eval
> usage: weightproof eval FILE.claims [OPTION]...
> 
> the value of every subexpression of a claim at one input
> 
> options:
>   --only NAME                only the claim of that name (may be repeated)
>   --model NAME=FILE          read this file for a model of the claim file (may be repeated)
>   --data NAME=FILE           read this file for a data array of the claim file (may be repeated)
>   --param NAME=VALUE         the value of a param of the claim file (may be repeated)
>   --config FILE              configuration of the model (JSON)
>   --set [NAME:]KEY=VALUE     one key of the configuration; with a claim file, of its model NAME or of all (may be repeated)
>   --at NAME=V,...            the value of one variable (may be repeated)
>   -h, --help                 print this
? 0

$ weightproof help evl
! error: unknown command 'evl'; did you mean 'eval'?
? 3

$ weightproof verfy x
! error: unknown command 'verfy'; did you mean 'verify'?
? 3

$ weightproof fnord
! error: unknown command 'fnord'; 'weightproof help' lists them
? 3

$ weightproof verify --jsn x y.claims
! error: unknown option '--jsn' of verify; did you mean '--json'?
? 3

$ weightproof verify --qqqqqqqqqqqqq y.claims
! error: unknown option '--qqqqqqqqqqqqq' of verify; 'weightproof verify --help' lists them
? 3

$ weightproof verify
! error: verify needs FILE.claims
? 3

$ weightproof verify a b
! error: unexpected argument 'b' of verify
? 3

$ weightproof verify --timeout
! error: option '--timeout' needs an argument: SECONDS
? 3

$ weightproof verify --timeout=-1 x.claims
! error: option '--timeout' needs a number from 0.001 to 1e+09, not '-1'
? 3

$ weightproof verify --timeout nan x.claims
! error: option '--timeout' needs a number from 0.001 to 1e+09, not 'nan'
? 3

$ weightproof verify --threads 0 x.claims
! error: option '--threads' needs a whole number from 1 to 1024, not '0'
? 3

$ weightproof verify --threads 2x x.claims
! error: option '--threads' needs a whole number from 1 to 1024, not '2x'
? 3

$ weightproof verify --expect=yes x.claims
! error: option '--expect' takes no argument
? 3

$ weightproof verify --json a --json b x.claims
! error: option '--json' is given twice
? 3

$ weightproof verify --model M x.claims
! error: option '--model' needs NAME=FILE, not 'M'
? 3

$ weightproof verify --engine enumrate x.claims
! error: unknown engine 'enumrate'; did you mean 'enumerate'?
? 3

$ weightproof verify -x x.claims
! error: unknown option '-x' of verify
? 3

$ weightproof verify $T/none.claims
! error: cannot read '$T/none.claims': there is no such file
? 3

$ weightproof convert -o
! error: option '--output' needs an argument: OUT
? 3

# Every option and command is in the manual page, and every option belongs to a command.
$ for o in $(sed -n 's/^OPTION([A-Z_]*, "\([a-z-]*\)".*/\1/p' cli/options.def); do grep -q -- "--$o" docs/man/weightproof.1 || echo "not in the manual page: $o"; done
? 0

$ for c in $(sed -n 's/^COMMAND([a-z]*, "\([a-z-]*\)".*/\1/p' cli/commands.def); do grep -q -- "\"$c " docs/man/weightproof.1 || echo "not in the manual page: $c"; weightproof $c --help > /dev/null || echo "no help: $c"; done
? 0

$ for o in $(sed -n 's/^OPTION(\([A-Z_]*\),.*/\1/p' cli/options.def | grep -v -e HELP -e VERSION); do grep -q "O($o)" cli/commands.def || echo "no command takes $o"; done
? 0

$ weightproof help --completion > $T/completion && bash -c '. $T/completion; COMP_WORDS=(weightproof verify --js); COMP_CWORD=2; _weightproof; echo ${COMPREPLY[@]}'
> --json
? 0

$ weightproof help --bad
! error: unknown option '--bad' of help; 'weightproof help --help' lists them
? 3

# Claim files through verify, eval and new. Verdicts, evidence, exit status.
$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\ndomain D = tokens[3] of 0..9\nclaim how_often "how often it is right" { count t in D : argmax(logits(M, t)[last]) == max(t) prove fraction >= 999/1000 }\nclaim always { forall t in D prove argmax(logits(M, t)[last]) == max(t) expect refuted }\nclaim few { list t in D : argmax(logits(M, t)[last]) != max(t) at most 3 }\nclaim margin { minimize t in D : logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..63 where j != max(t) } within 1e-6 }\nclaim attends { forall t in D prove sum{ attn(M, 0, 0, t)[last, i] : i in 0..2 where t[i] == max(t) } > 0 }\n' "$PWD" > $T/a.claims; weightproof verify $T/a.claims
> refuted    how_often: 480 of 1000, fraction 12/25  [..., checked, # s + # s]
> refuted    always: counterexample t=0,0,0  [..., replayed, # s + # s]
> bounded    few: 3 found, there may be more, first t=0,0,0  [..., checked, # s + # s]
> bounded    margin: value in [...] at t=0,0,1  [..., checked, # s + # s]
> proved     attends: slack [0.09877733, 0.09877734] at t=2,2,6  [..., checked, # s + # s]
> 5 claims: 1 proved, 2 bounded, 2 refuted; 5 certificates accepted; # s
? 1

$ weightproof verify $T/a.claims --expect
> refuted    how_often: 480 of 1000, fraction 12/25  [..., checked, # s + # s]  -- expected proved or bounded
> refuted    always: counterexample t=0,0,0  [..., replayed, # s + # s]
> bounded    few: 3 found, there may be more, first t=0,0,0  [..., checked, # s + # s]
> bounded    margin: value in [...] at t=0,0,1  [..., checked, # s + # s]
> proved     attends: slack [0.09877733, 0.09877734] at t=2,2,6  [..., checked, # s + # s]
> 5 claims: 1 proved, 2 bounded, 2 refuted; 5 certificates accepted; 1 not as expected; # s
? 1

$ weightproof verify $T/a.claims --only how_often --only attends
> refuted    how_often: 480 of 1000, fraction 12/25  [..., checked, # s + # s]
> proved     attends: slack [0.09877733, 0.09877734] at t=2,2,6  [..., checked, # s + # s]
> 2 claims: 1 proved, 1 refuted; 2 certificates accepted; # s
? 1

$ weightproof verify $T/a.claims --quiet --only few
> 1 claim: 1 bounded; 1 certificate accepted; # s
? 0

$ weightproof verify $T/a.claims --only how_oftn
! error: --only 'how_oftn': $T/a.claims has no such name
!   = help: did you mean 'how_often'?
? 3

$ weightproof verify $T/a.claims --only how_often --expect --json - | python3 -c 'import json,sys; c = json.load(sys.stdin)["claims"][0]; print(c["verdict"], c["number_lo"], c["total"], c["lo_exact"], c["evidence"], c["certificate"])'
> refuted 480 1000 12/25 checked None
? 0

$ weightproof verify $T/a.claims --plan --only margin
> margin: minimize under real
>   t         set of integer[3] = tokens[3] of 0..9
>   subject   real: logits(M, t)[last, max(t)] - max{logits(M, t)[last, j] : j in 0..63 where j != max(t)}
>   bindings  1000 at most, before conditions
>   engine    enumerate, about 1.7e+07 steps, roughly under a second; checking usually takes 3 to 10 times that, up to 2 s when every input needs a closer look
>   then      separable, about 6.7e+07 steps, roughly under a second
? 0

$ weightproof eval $T/a.claims --only margin --at t=0,0,1
> t = {0, 0, 1}
> logits(M, t) = {{[7.88259360004778 +/- 1.59e-15], [5.15856078419031 +/- 6.25e-16], [9.31386509543048 +/- 7.48e-16], [9.23576917754100 +/- 1.87e-16], [14.6796455378506 +/- 4.99e-14], [13.3821008467757 +/- 2.84e-14], [16.3984838591796 +/- 1.60e-14], [13.3771701429238 +/- 3.39e-14], [13.1979792697664 +/- 1.88e-14], [11.7860944330138 +/- 4.14e-14], [17.7470357055135 +/- 1.35e-14], [15.3866279944478 +/- 8.75e-15], [1 ... (6022 characters more)
> max(t) = 1
> logits(M, t)[last, max(t)] = [4.08953702326163 +/- 2.32e-15]
> max{logits(M, t)[last, j] : j in 0..63 where j != max(t)} = [15.3478697877442 +/- 2.04e-14]
> logits(M, t)[last, max(t)] - max{logits(M, t)[last, j] : j in 0..63 where j != max(t)} = [-11.2583327644826 +/- 7.34e-15]
? 0

$ weightproof eval $T/a.claims --only margin --at t=0,0
! error: variable 't' has 3 tokens, not 2
? 3

$ weightproof eval $T/a.claims --only margin
! error: variable 't' has no value; give it with --at t=V,...
? 3

$ weightproof eval $T/a.claims --only margin --at s=1
! error: claim 'margin' has no variable 's'
? 3

$ weightproof eval $T/a.claims --at t=1,1,1
! error: eval needs --only NAME, once
? 3

$ printf 'claims 1\nclaim a { prov 1 < 2 }\nclaim b { prove 1 < c }\n' > $T/bad.claims; weightproof verify $T/bad.claims
! error: expected prove, count, average, minimize, maximize or list, found 'prov'
!  --> $T/bad.claims:2:11
!   |
! 2 | claim a { prov 1 < 2 }
!   |           ^^^^
! error: unknown name 'c'
!  --> $T/bad.claims:3:21
!   |
! 3 | claim b { prove 1 < c }
!   |                     ^
? 3

$ printf 'claims 1\n' > $T/empty.claims; weightproof verify $T/empty.claims
! error: no claim to decide in '$T/empty.claims'
? 3

$ printf 'claims 1\nclaim yes { prove 1 < 2 }\nclaim no { prove 2 < 1 }\nclaim wrong { prove 2 < 1 expect proved }\n' > $T/pure.claims; weightproof verify $T/pure.claims --expect
> proved     yes: slack [0.9999999, 1.000001]  [..., checked, # s + # s]
> refuted    no: it is false: 2 < 1 fails  [..., checked, # s + # s]  -- expected proved or bounded
> refuted    wrong: it is false: 2 < 1 fails  [..., checked, # s + # s]  -- expected proved
> 3 claims: 1 proved, 2 refuted; 3 certificates accepted; 2 not as expected; # s
? 1

$ printf 'claims 1\nclaim of { foreach c in 0..2 prove all{ a * c < 5 : a in 0..3 where a > 1 } or c == 7 }\nclaim top { prove (if 1 < 2 then 3 else 4) >= 7 and 1 < 2 }\n' > $T/each.claims; weightproof verify $T/each.claims
> proved     of[c=0]: it is true  [..., checked, # s + # s]
> proved     of[c=1]: it is true  [..., checked, # s + # s]
> refuted    of[c=2]: it is false: at a=3: 6 < 5 fails, 2 == 7 fails  [..., checked, # s + # s]
> refuted    top: it is false: 3 >= 7 fails  [..., checked, # s + # s]
> 4 claims: 2 proved, 2 refuted; 4 certificates accepted; # s
? 1

$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\nclaim c { forall t in tokens[4] of 0..63 where t[0] == 5 and t[1] == 7 and 9 == t[last] prove argmax(logits(M, t)[last]) != max(t) }\n' $PWD > $T/given.claims; weightproof verify $T/given.claims --engine search
> refuted    c: counterexample t=5,7,...,9  [search, replayed, # s + # s]
> 1 claim: 1 refuted; 1 certificate accepted; # s
? 1

$ weightproof verify $T/each.claims --only 'of[c=2]'
> refuted    of[c=2]: it is false: at a=3: 6 < 5 fails, 2 == 7 fails  [..., checked, # s + # s]
> 1 claim: 1 refuted; 1 certificate accepted; # s
? 1

$ weightproof verify $T/each.claims --only 'of[c=5]'
! error: --only: no value of foreach of claim 'of' is asked for so
!   = help: its first value is --only 'of[c=0]'; --only of takes all
? 3

$ weightproof verify $T/each.claims --only 'top[c=5]'
! error: --only: no value of foreach of claim 'top' is asked for so
!   = help: it has no foreach: --only top
? 3

$ weightproof verify $T/pure.claims --only yes --expect
> proved     yes: slack [0.9999999, 1.000001]  [..., checked, # s + # s]
> 1 claim: 1 proved; 1 certificate accepted; all as expected; # s
? 0

$ weightproof verify $T/pure.claims --engine separable --only yes
> undecided  yes: separable: no sequence of tokens is quantified
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

$ weightproof new examples/max4_s123.safetensors -o $T/new.claims && weightproof verify $T/new.claims
> proved     one_answer: slack ...  [..., checked, # s + # s]
> bounded    answers_zero: 0 of 4096, fraction 0  [..., checked, # s + # s]
> bounded    least_attention: value in [...] at t=63,0  [..., checked, # s + # s]
> 3 claims: 1 proved, 2 bounded; 3 certificates accepted; # s
? 0

$ cd $T && cp $OLDPWD/examples/max4_s123.safetensors . && weightproof new max4_s123.safetensors > here.claims && weightproof verify here.claims --only answers_zero
> bounded    answers_zero: 0 of 4096, fraction 0  [..., checked, # s + # s]
> 1 claim: 1 bounded; 1 certificate accepted; # s
? 0

$ weightproof new missing.pt
! error: cannot read 'missing.pt': there is no such file
? 3

# A run-time error says where it is and at which values.
$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\ndomain D = tokens[2] of 0..3\nclaim ratio { forall t in D prove max(logits(M, t)[last]) / t[0] > 0 }\nclaim table { count t in D : all{ {1, 2, 3}[t[k]] < 4 : k in 0..1 } }\nclaim none { minimize t in D : max{ t[k] : k in 0..1 where t[k] > 3 } }\n' "$PWD" > $T/runtime.claims; weightproof verify $T/runtime.claims
> error      ratio: division by zero (line 4:61, t=0,0)  [enumerate, none, # s + # s]
> error      table: index 3 out of range: the axis has 3 entries (0..2) (line 5:45, t=0,3 k=1)  [enumerate, none, # s + # s]
> error      none: nothing to take the maximum of (line 6:32, t=0,0)  [enumerate, none, # s + # s]
> 3 claims: 3 error; 0 certificates accepted; # s
! error: claim 'ratio': division by zero
!  --> $T/runtime.claims:4:61
!   |
! 4 | claim ratio { forall t in D prove max(logits(M, t)[last]) / t[0] > 0 }
!   |                                                             ^^^^ t=0,0
! error: claim 'table': index 3 out of range: the axis has 3 entries (0..2)
!  --> $T/runtime.claims:5:45
!   |
! 5 | claim table { count t in D : all{ {1, 2, 3}[t[k]] < 4 : k in 0..1 } }
!   |                                             ^^^^ t=0,3 k=1
! error: claim 'none': nothing to take the maximum of
!  --> $T/runtime.claims:6:32
!   |
! 6 | claim none { minimize t in D : max{ t[k] : k in 0..1 where t[k] > 3 } }
!   |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ t=0,0
? 3

# The mean of three positions is no binary64 number: no tensor, but rows.
$ printf 'claims 1\nmodel M = "%s/examples/modadd29.safetensors"\ndomain D = tokens(0..1, 0..1, {29})\nclaim tensor { count t in D : argmax(logits(replace(M, "pos_embed.W_pos" = mean_rows(W(M, "pos_embed.W_pos"))), t)[last]) == t[0] }\nclaim rows { count t in D : argmax(logits(patch(M, pos_embed = mean_rows(W(M, "pos_embed.W_pos"))), t)[last]) == t[0] }\n' $PWD > $T/mean.claims; weightproof verify $T/mean.claims 2>/dev/null
> error      tensor: entry 1 is no binary64 number, as those of a tensor are; rows of a component may be any numbers: patch(M, pos_embed = ...) (line 4:56)  [enumerate, none, # s + # s]
> bounded    rows: 2 of 4, fraction 1/2  [enumerate, checked, # s + # s]
> 2 claims: 1 bounded, 1 error; 1 certificate accepted; # s
? 3

# What an unfinished search found bounds the optimum, or the slack, from one side only.
$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\ndomain D = tokens[4] of 0..63\nclaim least { minimize t in D : dist(2, logits(M, t)[last], logits(M, t)[0]) }\nclaim most { maximize t in D : dist(2, logits(M, t)[last], logits(M, t)[0]) }\nclaim all { forall t in D prove dist(2, logits(M, t)[last], logits(M, t)[0]) < 100000 }\nclaim mean { average t in D : dist(2, logits(M, t)[last], logits(M, t)[0]) }\nclaim number { count t in D : dist(2, logits(M, t)[last], logits(M, t)[0]) < 3 }\n' "$PWD" > $T/long.claims; weightproof verify $T/long.claims --engine enumerate --timeout 0.3 --json $T/long.json --report $T/long.html
> undecided  least: time is up after ... of 16777216 bindings; found so far, not checked: value <= ... at t=...  [enumerate, none, # s + # s]
> undecided  most: time is up after ... of 16777216 bindings; found so far, not checked: value >= ... at t=...  [enumerate, none, # s + # s]
> undecided  all: time is up after ... of 16777216 bindings; found so far, not checked: slack <= ... at t=...  [enumerate, none, # s + # s]
> undecided  mean: time is up after ... of 16777216 bindings  [enumerate, none, # s + # s]
> undecided  number: time is up after ... of 16777216 bindings; the prover's interval, not checked: [...]  [enumerate, none, # s + # s]
> 5 claims: 5 undecided; 0 certificates accepted; # s
? 2

$ python3 -c 'import json,sys; [print(c["name"], *(k for k in ("lo", "hi", "slack", "attains") if k in c)) for c in json.load(open(sys.argv[1]))["claims"]]' $T/long.json; grep -c 'not checked: slack &lt;= ' $T/long.html
> least hi attains
> most lo attains
> all hi attains
> mean
> number lo hi
> 2
? 0

# Outputs that cannot be written are an error before anything is proved.
$ for o in "--json $T/no/x.json" "--report /proc/x.html" "--json $T" "--failures $T/a.claims"; do weightproof verify $T/a.claims --only few $o; done
! error: cannot write '$T/no/x.json': No such file or directory
! error: cannot write '/proc/x.html': No such file or directory
! error: cannot write '$T': it is a folder
! error: cannot make folder '$T/a.claims': a file of that name exists
? 3

# A bundle holds the evidence of its own run only, and takes no folder that holds anything else.
$ weightproof verify $T/a.claims -q --only few --only attends --certificates $T/b > /dev/null; weightproof verify $T/a.claims -q --only attends --certificates $T/b; ls $T/b; cd $T/b && sha256sum --quiet -c MANIFEST
> 1 claim: 1 proved; 1 certificate accepted; # s
> M.info.txt
> M.net
> MANIFEST
> REPLAY.md
> a.claims
> attends.cert
> attends.statement
? 0

$ mkdir $T/full && touch $T/full/mine && weightproof verify $T/a.claims -q --only attends --certificates $T/full; ls $T/full
> mine
! error: the folder '$T/full' is not empty and holds no bundle of certificates; name a new one
? 0

# Which command is meant.
$ weightproof verify examples/max4_s123.safetensors; weightproof verify examples/cumsum12_s1.pt; weightproof info $T/a.claims
! error: 'examples/max4_s123.safetensors' is a model file, verify takes a claim file; 'weightproof new examples/max4_s123.safetensors' writes one
! error: 'examples/cumsum12_s1.pt' is a model file, verify takes a claim file; 'weightproof new examples/cumsum12_s1.pt' writes one
! error: '$T/a.claims' is a claim file, info takes a model file; 'weightproof verify $T/a.claims' decides it
? 3

$ weightproof new examples/max4_s123.safetensors -o $T/new.claims; weightproof new examples/max4_s123.safetensors -o $T/new.claims --force
! error: '$T/new.claims' exists; --force writes over it
? 0

# eval: where a real vector is largest; inputs of the domain only; one value of foreach.
$ weightproof eval $T/a.claims --only always --at t=5,3,9 | grep -v '^logits'
> t = {5, 3, 9}
> argmax(logits(M, t)[last]) = ... (lead [...])
> max(t) = 9
> argmax(logits(M, t)[last]) == max(t) = ...
> slack = ...
? 0

$ weightproof eval $T/a.claims --only always --at t=0,1,10
! error: 10 is not in the set of 't', tokens[3] of 0..9
? 3

$ printf 'claims 1\nclaim each { foreach a in 2..4, b in {7, 9} prove exists x in 0..9 : x == a + b }\n' > $T/each.claims; weightproof eval $T/each.claims --only each --at x=1; weightproof eval $T/each.claims --only each --at x=1 --at a=3 --at b=9
> x = 1
> 3 + 9 = 12
> x == 3 + 9 = false
> slack = -11.0000000000000
! error: claim 'each' stands for 6 values of foreach; choose one, as with --at a=2 --at b=7
? 0

# A replay script names the model by its whole path.
$ weightproof verify $T/a.claims -q --only always --failures $T/f > /dev/null; grep -c "else \"$PWD/examples/max4_s123.safetensors\"" $T/f/always.py
> 1
? 0

# Of a vector of real numbers the script holds the exact numbers; there is no array of tokens.
$ printf 'weightproof-net 1\nreals 2 1\nmask none\neps 0\ntensor W 2 2\n0x1p0 -0x1p0\n0x1p0 0x1p0\nnode x input\nnode pre linear x W\nnode y relu pre\noutput y\nend\n' > $T/r.net; printf 'claims 1\nmodel M = "r.net"\nclaim low { forall x in box({0, 0}, {1, 1/2}) prove output(M, x)[0] <= 1/4 }\n' > $T/r.claims; weightproof verify $T/r.claims -q --failures $T/fr > /dev/null; ls $T/fr; grep -c "^x = torch.tensor" $T/fr/low.py; grep -n -m1 "sys.path.pop" $T/fr/low.py | cut -d: -f2
> low.py
> 1
> sys.path.pop(0)   # this folder, where a file may have the name of a module
? 0

# A network that the claim changes is run as it is, and the script says so.
$ printf 'weightproof-net 1\nreals 2 1\nmask none\neps 0\ntensor I 2 2\n0x1p0 0\n0 0x1p0\ntensor P 2 2\n0x1p0 0\n0 0x1p1\nnode x input\nnode l linear x I\nnode r linear x I\nnode m mul l r\nnode y linear m P\noutput y\nend\n' > $T/q.net; printf 'claims 1\nmodel M = "q.net"\nclaim cut { forall i in 0..2 prove argmax(output(truncate(M, 1), {1, i})) == 0 }\nclaim whole { forall i in 0..2 prove argmax(output(M, {1, i})) == 0 }\n' > $T/q.claims; weightproof verify $T/q.claims -q --failures $T/fq > /dev/null; for c in cut whole; do grep -c "The claim changes the network" $T/fq/$c.py; done
> 1
> 0
? 1

# Data arrays: named by their canonical text, which the bundle holds; --data reads another file.
$ cp tests/data/claims/x.arr tests/data/claims/y.arr $T; printf 'claims 1\ndata X = "x.arr"\ndata Y = "y.arr"\nclaim right { count r in rows(X) : argmax(X[r]) == Y[r] prove number == 2 }\nclaim each { foreach r in { r : r in rows(Y) where r != 1 } prove Y[r] <= 1 }\n' > $T/data.claims; weightproof verify $T/data.claims --certificates $T/data
> proved     right: 2 of 4, fraction 1/2  [enumerate, checked, # s + # s]
> proved     each[r=0]: slack [0.9999999, 1.000001]  [enumerate, checked, # s + # s]
> proved     each[r=2]: slack 0  [enumerate, checked, # s + # s]
> proved     each[r=3]: slack [0.9999999, 1.000001]  [enumerate, checked, # s + # s]
> 4 claims: 4 proved; 4 certificates accepted; # s
? 0

$ cd $T/data && ls && weightproof-check --quiet --claims data.claims --only each --data Y=Y.arr each.r.3.cert | cut -c 1-16; weightproof-check --quiet --claims data.claims --only each --data Y=X.arr each.r.3.cert; rm Y.arr; weightproof-check --quiet right.cert | cut -c 1-50
> MANIFEST
> REPLAY.md
> X.arr
> Y.arr
> data.claims
> each.r.0.cert
> each.r.0.statement
> each.r.2.cert
> each.r.2.statement
> each.r.3.cert
> each.r.3.statement
> right.cert
> right.statement
> accepted proved 
> rejected each.r.3.cert: the statement is not what claim each stands for
> rejected right.cert: no .arr with SHA-256 fb48ae36
? 0

$ printf 'weightproof-array 1\nshape 4\n0 0 0 0\nend\n' > $T/z.arr; weightproof verify $T/data.claims --only right --data Y=$T/z.arr
> refuted    right: 1 of 4, fraction 1/4  [enumerate, checked, # s + # s]
> 1 claim: 1 refuted; 1 certificate accepted; # s
? 1

$ weightproof verify $T/data.claims --data y=$T/z.arr
! error: --data 'y': .../data.claims has no such name
? 3

$ weightproof eval $T/data.claims --only right --at r=4
! error: 4 is not in the set of 'r', rows(X)
? 3

# Claim files through verify, eval and new. Verdicts, evidence, exit status.
$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\ndomain D = tokens[4] of 0..63\nclaim how_often "how often it is right" { count t in D : argmax(logits(M, t)[last]) == max(t) prove fraction >= 999/1000 }\nclaim always { forall t in D prove argmax(logits(M, t)[last]) == max(t) expect refuted }\nclaim few { list t in D : argmax(logits(M, t)[last]) != max(t) at most 3 }\nclaim margin { minimize t in D : logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..63 where j != max(t) } within 1e-6 }\nclaim attends { forall t in D prove sum{ attn(M, 0, 0, t)[last, i] : i in 0..3 where t[i] == max(t) } > 0 }\n' "$PWD" > $T/a.claims; weightproof verify $T/a.claims
> undecided  how_often: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: 0.999705731...  [separable, none, # s + # s]
> undecided  always: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof  [separable, none, # s + # s]
> undecided  few: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof  [separable, none, # s + # s]
> undecided  margin: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [-11.3820439, -11.3820435]  [separable, none, # s + # s]
> undecided  attends: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [0.00738010722, 0.00738034565]  [separable, none, # s + # s]
> 5 claims: 5 undecided; 0 certificates accepted; # s
? 2

$ weightproof verify $T/a.claims --expect
> undecided  how_often: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: 0.999705731...  [separable, none, # s + # s]  -- expected proved or bounded
> undecided  always: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof  [separable, none, # s + # s]  -- expected refuted
> undecided  few: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof  [separable, none, # s + # s]  -- expected proved or bounded
> undecided  margin: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [-11.3820439, -11.3820435]  [separable, none, # s + # s]  -- expected proved or bounded
> undecided  attends: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [0.00738010722, 0.00738034565]  [separable, none, # s + # s]  -- expected proved or bounded
> 5 claims: 5 undecided; 0 certificates accepted; 5 not as expected; # s
? 2

$ weightproof verify $T/a.claims --only how_often --only attends
> undecided  how_often: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: 0.999705731...  [separable, none, # s + # s]
> undecided  attends: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [0.00738010722, 0.00738034565]  [separable, none, # s + # s]
> 2 claims: 2 undecided; 0 certificates accepted; # s
? 2

$ weightproof verify $T/a.claims --quiet --only few
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

$ weightproof verify $T/a.claims --only how_oftn
! error: --only 'how_oftn': $T/a.claims has no such name
!   = help: did you mean 'how_often'?
? 3

$ weightproof verify $T/a.claims --only how_often --expect --json - | python3 -c 'import json,sys; c = json.load(sys.stdin)["claims"][0]; print(c["verdict"], c["number_lo"], c["total"], c["lo_exact"], c["evidence"], c["certificate"])'
> undecided 16772279 16777216 16772279/16777216 none None
? 0

$ weightproof verify $T/a.claims --plan --only margin
> margin: minimize under real
>   t         set of integer[4] = tokens[4] of 0..63
>   subject   real: logits(M, t)[last, max(t)] - max{logits(M, t)[last, j] : j in 0..63 where j != max(t)}
>   bindings  16777216 at most, before conditions
>   engine    separable, about 6.7e+07 steps
? 0

$ weightproof eval $T/a.claims --only margin --at t=0,0,0,1
> t = {0, 0, 0, 1}
> logits(M, t) = {{7.88259360005 +- 1.2e-16, 5.15856078419 +- 1.3e-16, 9.31386509543 +- 4.1e-16, 9.23576917754 +- 1.8e-16, 14.6796455379 +- 4.3e-16, 13.3821008468 +- 2.4e-16, 16.3984838592 +- 1.1e-15, 13.3771701429 +- 5.1e-16, 13.1979792698 +- 4.1e-16, 11.786094433 +- 1.5e-16, 17.7470357055 +- 1.2e-15, 15.3866279944 +- 3.9e-16, 12.1451118034 +- 1.6e-18, 13.9618658629 +- 1.7e-16, 14.4462481485 +- 7.4e-16, 13.471694 ... (6342 characters more)
> max(t) = 1
> logits(M, t)[last, max(t)] = 2.61016032471 +- 1.6e-16
> max{logits(M, t)[last, j] : j in 0..63 where j != max(t)} = 13.9922039662 +- 8.8e-16
> logits(M, t)[last, max(t)] - max{logits(M, t)[last, j] : j in 0..63 where j != max(t)} = -11.3820436415 +- 3.6e-16
? 0

$ weightproof eval $T/a.claims --only margin --at t=0,0,1
! error: variable 't' has 4 tokens, not 3
? 3

$ weightproof eval $T/a.claims --only margin
! error: variable 't' has no value; give it with --at t=V,...
? 3

$ weightproof eval $T/a.claims --only margin --at s=1
! error: claim 'margin' has no variable 's'
? 3

$ weightproof eval $T/a.claims --at t=1,1,1,1
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
!   = help: did you mean 'W'?
? 3

$ printf 'claims 1\n' > $T/empty.claims; weightproof verify $T/empty.claims
! error: no claim to decide in '$T/empty.claims'
? 3

$ printf 'claims 1\nclaim yes { prove 1 < 2 }\nclaim no { prove 2 < 1 }\nclaim wrong { prove 2 < 1 expect proved }\n' > $T/pure.claims; weightproof verify $T/pure.claims --expect
> undecided  yes: separable: no sequence of tokens is quantified; enumerate: absent  -- expected proved or bounded
> undecided  no: separable: no sequence of tokens is quantified; enumerate: absent  -- expected proved or bounded
> undecided  wrong: separable: no sequence of tokens is quantified; enumerate: absent  -- expected proved
> 3 claims: 3 undecided; 0 certificates accepted; 3 not as expected; # s
? 2

$ weightproof verify $T/pure.claims --only yes --expect
> undecided  yes: separable: no sequence of tokens is quantified; enumerate: absent  -- expected proved or bounded
> 1 claim: 1 undecided; 0 certificates accepted; 1 not as expected; # s
? 2

$ weightproof verify $T/pure.claims --engine separable --only yes
> undecided  yes: separable: no sequence of tokens is quantified
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

$ weightproof new examples/max4_s123.safetensors -o $T/new.claims && weightproof verify $T/new.claims
> undecided  one_answer: separable: two argmaxes are compared; enumerate: absent
> undecided  answers_zero: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: 0  [separable, none, # s + # s]
> undecided  least_attention: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: [-2.38418574e-07, 1.19209295e-07]  [separable, none, # s + # s]
> 3 claims: 3 undecided; 0 certificates accepted; # s
? 2

$ cd $T && cp $OLDPWD/examples/max4_s123.safetensors . && weightproof new max4_s123.safetensors > here.claims && weightproof verify here.claims --only answers_zero
> undecided  answers_zero: the checker is missing: weightproof-check stands neither beside the program nor in libexec/weightproof; the prover's interval, not checked: 0  [separable, none, # s + # s]
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

$ weightproof new missing.pt
! error: cannot read 'missing.pt': there is no such file
? 3

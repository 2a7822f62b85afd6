# Claims as SMT-LIB 2 documents.
$ printf 'weightproof-net 1\nreals 2 1\nmask none\neps 0\ntensor W 2 2\n0x1p0 -0x1p0\n0x1p0 0x1p0\nnode x input\nnode pre linear x W\nnode y relu pre\noutput y\nend\n' > $T/m.net; printf 'claims 1\nmodel M = "m.net"\nclaim small { forall x in box({-1, 0}, {1, 1/2}) where x[0] > -1/2 prove output(M, x)[0] + output(M, x)[1] <= 2 }\nclaim huge { count t in 0..100000 : t %% 2 == 0 }\nclaim rounded { forall x in box({0, 0}, {1, 1}) prove output(M, x)[0] <= 2 under float32 }\n' > $T/a.claims; weightproof smt $T/a.claims --only small
> ; weightproof smt: claim small, statement cf48e06223a64eee849442b96c001f5d008b9ee1116658b1c73732c3d7857916
> ;   weightproof-statement 1
> ;   model M 784a73d8ce36bb2f4938faf642fe11a5277332e5d17c1f8d9a38f3054929381a
> ;   semantics real
> ;   forall x in box({-1, 0}, {1, 1/2}) where x[0] > -1/2
> ;   prove output(M, x)[0] + output(M, x)[1] <= 2
> ; model M: network 784a73d8ce36bb2f4938faf642fe11a5277332e5d17c1f8d9a38f3054929381a
> ; |t[0]=5| says that token 0 of t is 5; |M.NODE[i,e]| is entry e of row i of a node. Numbers are exact.
> ; unsat: the claim holds. sat: the model refutes it.
> (set-logic QF_LRA)
> ; x in box({-1, 0}, {1, 1/2})
> (declare-const |x[0]| Real)
> (assert (<= (- 1.0) |x[0]|))
> (assert (<= |x[0]| 1.0))
> (declare-const |x[1]| Real)
> (assert (<= 0.0 |x[1]|))
> (assert (<= |x[1]| (/ 1.0 2.0)))
> ; the condition
> (assert (> (+ |x[0]| (/ 1.0 2.0)) 0.0))
> ; M: the network M on x
> (declare-const |M.y[0,0]| Real)
> (assert (<= (- (/ 8388609.0 8388608.0)) (+ |x[0]| |x[1]|)))
> (assert (<= (+ |x[0]| |x[1]|) (/ 12582913.0 8388608.0)))
> (assert (and (>= |M.y[0,0]| 0.0) (>= |M.y[0,0]| (+ |x[0]| |x[1]|)) (or (<= |M.y[0,0]| 0.0) (<= |M.y[0,0]| (+ |x[0]| |x[1]|)))))
> (assert (<= (* (/ 10485761.0 4194304.0) |M.y[0,0]|) (* (/ 12582913.0 8388608.0) (- (+ |x[0]| |x[1]|) (- (/ 8388609.0 8388608.0))))))
> (declare-const |M.y[0,1]| Real)
> (assert (<= (- (/ 8388609.0 8388608.0)) (+ (* (- 1.0) |x[0]|) |x[1]|)))
> (assert (<= (+ (* (- 1.0) |x[0]|) |x[1]|) (/ 12582913.0 8388608.0)))
> (assert (and (>= |M.y[0,1]| 0.0) (>= |M.y[0,1]| (+ (* (- 1.0) |x[0]|) |x[1]|)) (or (<= |M.y[0,1]| 0.0) (<= |M.y[0,1]| (+ (* (- 1.0) |x[0]|) |x[1]|)))))
> (assert (<= (* (/ 10485761.0 4194304.0) |M.y[0,1]|) (* (/ 12582913.0 8388608.0) (- (+ (* (- 1.0) |x[0]|) |x[1]|) (- (/ 8388609.0 8388608.0))))))
> ; the claim is false, or something in it has no value
> (assert (not (<= (+ |M.y[0,0]| |M.y[0,1]| (- 2.0)) 0.0)))
> (check-sat)
? 0

$ weightproof smt $T/a.claims --only huge
! error: a set of more than 20000 elements has no encoding
? 4

$ weightproof smt $T/a.claims --only rounded | grep -e '^; float32' -e '^; unsat' -e 'declare.*err' -e '<= (- .*err' -e 'not .*err'
> ; float32: |....err| is what an execution, in whatever order it adds, has there less the real value.
> ; unsat: the claim holds. sat: perhaps not, since functions are enclosed between bounds; the model is to be evaluated exactly.
> (declare-const |M.y[0,0].err| Real)
> (assert (<= (- (/ 6291457.0 17592186044416.0)) |M.y[0,0].err| (/ 6291457.0 17592186044416.0)))
> (assert (not (<= (+ |M.y[0,0]| |M.y[0,0].err| (- 2.0)) 0.0)))
? 0

$ weightproof smt $T/a.claims
! error: there are 3 claims (or values of foreach); smt writes one: --only NAME, and --param for a foreach
? 3

$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\nclaim one { forall t in tokens[2] of 5..6 where t[0] < t[1] prove argmax(logits(M, t)[last]) == max(t) }\nclaim some { prove exists t in tokens[2] of 5..6 : attn(M, 0, 0, t)[last, 0] > 1/2 }\n' "$PWD" > $T/b.claims; weightproof smt $T/b.claims --only some -o $T/some.smt2 && grep -v '^;   ' $T/some.smt2 | cut -c1-150
> ; weightproof smt: claim some, statement 7f22f47a7a04538b257fe024708d1adabecc2318c608a63d44d4fff276ed6fad
> ; model M: network cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116
> ; |t[0]=5| says that token 0 of t is 5; |M.NODE[i,e]| is entry e of row i of a node. Numbers are exact.
> ; sat: the claim holds, the model shows it. unsat: it is false.
> (set-logic QF_LRA)
> ; t in tokens[2] of 5..6
> (declare-const |t[0]=5| Bool)
> (declare-const |t[0]=6| Bool)
> (assert (or |t[0]=5| |t[0]=6|))
> (assert (not (and |t[0]=5| |t[0]=6|)))
> (declare-const |t[1]=5| Bool)
> (declare-const |t[1]=6| Bool)
> (assert (or |t[1]=5| |t[1]=6|))
> (assert (not (and |t[1]=5| |t[1]=6|)))
> ; M: the network M on t
> (define-fun |c#1| () Bool (and |t[0]=6| |t[1]=5|))
> ; the predicate is true
> (assert (not |c#1|))
> (check-sat)
? 0

$ weightproof smt $T/b.claims --only one | head -12 | tail -4
> ; unsat: the claim holds. sat: the model refutes it.
> (set-logic QF_LRA)
> ; t in tokens[2] of 5..6
> (declare-const |t[0]=5| Bool)
? 0

$ WEIGHTPROOF_Z3= PATH=/nowhere:$(dirname $(command -v weightproof)) weightproof smt $T/a.claims --only small --rounds 3
! error: --rounds asks Z3: there is no Z3: neither WEIGHTPROOF_Z3 nor z3 on the PATH (pip install z3-solver)
? 2

# Z3 is looked for, and an old one is refused.
$ printf '#!/bin/sh\necho "Z3 version 4.8.12 - 64 bit"\n' > $T/z3; chmod +x $T/z3; WEIGHTPROOF_Z3=$T/z3 weightproof verify $T/b.claims --engine smt --only one
> undecided  one: smt: Z3 4.8.12 is too old: before 4.13 it says unsat of some queries that have a solution (pip install z3-solver, or WEIGHTPROOF_Z3 names another)
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

$ WEIGHTPROOF_Z3=$T/none weightproof verify $T/b.claims --engine smt --only one
> undecided  one: smt: '$T/none' does not say which Z3 it is: WEIGHTPROOF_Z3 names its program
> 1 claim: 1 undecided; 0 certificates accepted; # s
? 2

# One that answers wrongly proves nothing: here the claim is false, and the checker says so.
$ printf '#!/bin/sh\ncase "$1" in --version) echo "Z3 version 5.4.1 - 64 bit";; *) echo unsat;; esac\n' > $T/z3; WEIGHTPROOF_Z3=$T/z3 weightproof verify $T/b.claims --engine smt
> undecided  one: the checker did not accept the certificate (exit status 1): line 8: some binding may satisfy the condition  [smt, none, # s + # s]
> undecided  some: the checker did not accept the certificate (exit status 1): line 7: the predicate is not false  [smt, none, # s + # s]
> 2 claims: 2 undecided; 0 certificates accepted; # s
? 2

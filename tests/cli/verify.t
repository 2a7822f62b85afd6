# Claim files through verify, eval and new. Verdicts, evidence, exit status.
$ printf 'claims 1\nmodel M = "%s/examples/max4_s123.safetensors"\ndomain D = tokens[4] of 0..63\nclaim how_often "how often it is right" { count t in D : argmax(logits(M, t)[last]) == max(t) prove fraction >= 999/1000 }\nclaim always { forall t in D prove argmax(logits(M, t)[last]) == max(t) expect refuted }\nclaim few { list t in D : argmax(logits(M, t)[last]) != max(t) at most 3 }\nclaim margin { minimize t in D : logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..63 where j != max(t) } within 1e-6 }\nclaim attends { forall t in D prove sum{ attn(M, 0, 0, t)[last, i] : i in 0..3 where t[i] == max(t) } > 0 }\n' "$PWD" > $T/a.claims; weightproof verify $T/a.claims

$ weightproof verify $T/a.claims --expect

$ weightproof verify $T/a.claims --only how_often --only attends

$ weightproof verify $T/a.claims --quiet --only few

$ weightproof verify $T/a.claims --only how_oftn

$ weightproof verify $T/a.claims --only how_often --expect --json - | python3 -c 'import json,sys; c = json.load(sys.stdin)["claims"][0]; print(c["verdict"], c["number_lo"], c["total"], c["lo_exact"], c["evidence"], c["certificate"])'

$ weightproof verify $T/a.claims --plan --only margin

$ weightproof eval $T/a.claims --only margin --at t=0,0,0,1

$ weightproof eval $T/a.claims --only margin --at t=0,0,1

$ weightproof eval $T/a.claims --only margin

$ weightproof eval $T/a.claims --only margin --at s=1

$ weightproof eval $T/a.claims --at t=1,1,1,1

$ printf 'claims 1\nclaim a { prov 1 < 2 }\nclaim b { prove 1 < c }\n' > $T/bad.claims; weightproof verify $T/bad.claims

$ printf 'claims 1\n' > $T/empty.claims; weightproof verify $T/empty.claims

$ printf 'claims 1\nclaim yes { prove 1 < 2 }\nclaim no { prove 2 < 1 }\nclaim wrong { prove 2 < 1 expect proved }\n' > $T/pure.claims; weightproof verify $T/pure.claims --expect

$ weightproof verify $T/pure.claims --only yes --expect

$ weightproof verify $T/pure.claims --engine separable --only yes

$ weightproof new examples/max4_s123.safetensors -o $T/new.claims && weightproof verify $T/new.claims

$ cd $T && cp $OLDPWD/examples/max4_s123.safetensors . && weightproof new max4_s123.safetensors > here.claims && weightproof verify here.claims --only answers_zero

$ weightproof new missing.pt

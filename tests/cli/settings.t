# Settings on the command line, and what verify says it assumed.

# A setting beats the claim file, with and without the model's name.
$ cp examples/max4_s123.safetensors $T/m.safetensors; printf 'claims 1\nmodel M = "m.safetensors" with { n_ctx = 4 }\nclaim a { forall t in tokens[4] of 0..1 prove logits(M, t)[last, 0] <= 1000 }\n' > $T/set.claims; weightproof verify $T/set.claims -q; for k in n_ctx M:n_ctx; do weightproof verify $T/set.claims --set $k=5 2>&1 | head -1; done; weightproof verify $T/set.claims --set N:n_ctx=5
> 1 claim: 1 proved; 1 certificate accepted; # s
> error: cannot read '$T/m.safetensors': n_ctx is 5 (given by --set), but 4 by the shape of 'pos_embed.W_pos'
> error: cannot read '$T/m.safetensors': n_ctx is 5 (given by --set), but 4 by the shape of 'pos_embed.W_pos'
! error: --set 'N': $T/set.claims has no such name
? 3

# Settings on the command line, and what verify says it assumed.

# A setting beats the claim file, with and without the model's name.
$ cp examples/max4_s123.safetensors $T/m.safetensors; printf 'claims 1\nmodel M = "m.safetensors" with { n_ctx = 4 }\nclaim a { forall t in tokens[4] of 0..1 prove logits(M, t)[last, 0] <= 1000 }\n' > $T/set.claims; weightproof verify $T/set.claims -q; for k in n_ctx M:n_ctx; do weightproof verify $T/set.claims --set $k=5 2>&1 | head -1; done; weightproof verify $T/set.claims --set N:n_ctx=5
> 1 claim: 1 proved; 1 certificate accepted; # s
> error: cannot read '$T/m.safetensors': n_ctx is 5 (given by --set), but 4 by the shape of 'pos_embed.W_pos'
> error: cannot read '$T/m.safetensors': n_ctx is 5 (given by --set), but 4 by the shape of 'pos_embed.W_pos'
! error: --set 'N': $T/set.claims has no such name
? 3

# What no file says is named; a wrapper's prefix is taken off.
$ cp tests/data/torch/wrapped.pt $T; printf 'claims 1\nmodel M = "wrapped.pt"\nclaim a { forall t in tokens[2] of 0..2 prove logits(M, t)[last, 0] <= 100 }\n' > $T/w.claims; weightproof verify $T/w.claims; weightproof verify $T/w.claims -q; weightproof info $T/wrapped.pt | grep -E 'prefix|not used|IGNORE'
> proved     a: slack [99.85256, 99.85257] at t=2,0  [enumerate, checked, # s + # s]
> 1 claim: 1 proved; 1 certificate accepted; # s
> 1 claim: 1 proved; 1 certificate accepted; # s
>   tensor names               module._orig_mod. a prefix of all, taken off
> in the file, not used
>   blocks.0.attn.IGNORE
! note: model M: blocks.0.attn.b_K = 0, assumed, as the tensor is absent
! note: model M: blocks.0.attn.b_V = 0, assumed, as the tensor is absent
! note: model M: blocks.0.attn.b_O = 0, assumed, as the tensor is absent
! note: model M: blocks.0.mlp.b_in = 0, assumed, as the tensor is absent
! note: model M: blocks.0.mlp.b_out = 0, assumed, as the tensor is absent
! note: model M: unembed.b_U = 0, assumed, as the tensor is absent
? 0

# info, run, convert.
$ weightproof info examples/max4_s123.safetensors
> file      examples/max4_s123.safetensors
> sha256    aed9197b4352b3cdeeb380e566fa6d65fe9e73e309c3fd854ded7e3d01d07aa9
> format    safetensors
> family    transformer
> net       sha256 cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116
> input     1..4 tokens in 0..63, causal mask
> output    logits, 64 entries a position
> size      1 layer(s); heads: 1; 8320 parameters
> binary32  yes, every weight
> 
> configuration
>   d_vocab                    64         read from metadata
>   d_model                    32         read from metadata
>   d_vocab_out                64         read from metadata
>   n_ctx                      4          read from metadata
>   n_layers                   1          read from metadata
>   attn_only                  true       read from metadata
>   n_heads                    1          read from metadata
>   d_head                     32         read from metadata
>   normalization_type         null       read from metadata
>   attention_dir              causal     read from metadata
>   positional_embedding_type  standard   read from metadata
>   task                       max-of-4   stated by the file
>   seed                       123        stated by the file
>   sampled_accuracy           0.9997325  stated by the file
> 
> tensors
>   blocks.0.attn.W_K                F32   1 x 32 x 32     rank 32  norm 8.8790876  largest -0.8542812466621399 [0, 19, 10]
>   blocks.0.attn.W_O                F32   1 x 32 x 32     rank 32  norm 11.371292  largest 0.9511198401451111 [0, 7, 0]
>   blocks.0.attn.W_Q                F32   1 x 32 x 32     rank 32  norm 10.75386  largest 0.9347267150878906 [0, 13, 19]
>   blocks.0.attn.W_V                F32   1 x 32 x 32     rank 32  norm 12.199236  largest -1.0214706659317017 [0, 7, 18]
>   embed.W_E                        F32   64 x 32         rank 32  norm 13.060981  largest -1.0081017017364502 [32, 16]
>   pos_embed.W_pos                  F32   4 x 32          rank 4  norm 2.4741194  largest 0.6322981715202332 [3, 0]
>   unembed.W_U                      F32   32 x 64         rank 32  norm 12.037597  largest -0.7868267893791199 [25, 45]
> 
> nodes
>   hook_embed                           embed      32
>   hook_pos_embed                       position   32
>   blocks.0.hook_resid_pre              add        32
>   blocks.0.attn.hook_q.0               linear     32
>   blocks.0.attn.hook_k.0               linear     32
>   blocks.0.attn.hook_v.0               linear     32
>   blocks.0.attn.hook_attn_scores.0     score      length of the sequence
>   blocks.0.attn.hook_pattern.0         softmax    length of the sequence
>   blocks.0.attn.hook_z.0               mix        32
>   blocks.0.attn.hook_result.0          linear     32
>   blocks.0.hook_attn_out               heads      32
>   blocks.0.hook_resid_post             add        32
>   logits                               linear     64
? 0

$ weightproof info --json - examples/max4_s123.safetensors | python3 -c 'import json,sys; d = json.load(sys.stdin); print(d["net_sha256"], d["d_vocab"], d["heads"], len(d["tensors"]), len(d["nodes"]))'
> cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116 64 [1] 7 13
? 0

$ weightproof info examples/max4_s123.safetensors --set n_ctx=5
! error: cannot read 'examples/max4_s123.safetensors': n_ctx is 5 (given by --set), but 4 by the shape of 'pos_embed.W_pos'
? 3

$ weightproof info examples/max4_s123.safetensors --set n_ctx
! error: option '--set' needs [NAME:]KEY=VALUE, not 'n_ctx'
? 3

$ weightproof info --families
> bilinear     bilinear MLPs: products of two linear maps, stacked or not, with or without residual path; torch.nn.Bilinear
>              known by: embed.weight, blocks.N.weight, head.weight; l/r/d.weight, left/right/head.weight; w_l, w_r, w_u; bilinear.weight
> transformer  models of tokens with attention: any layers and heads, norms, MLPs, positions
>              known by: an embedding and layers of attention: the names of TransformerLens, GPT-2, GPT-NeoX, Llama, nn.TransformerEncoder, and usual ones of hand-written modules
> sequence     transformers that read sequences of vectors of real numbers
>              known by: `as sequence` or --set input_type=reals only; names as for transformer, the embedding being a matrix [width, d_model]
> pair         an MLP on two embedded tokens, concatenated, added or multiplied
>              known by: embed.weight (or two), lN.weight, unembed.weight; W_E, W_U
> tms          toy models of superposition: relu(W' W x + b)
>              known by: W, b; linear1.weight, linear2.weight, linear2.bias
> autoencoder  sparse autoencoders: relu, topk or jumprelu features
>              known by: W_enc, W_dec, b_enc, b_dec; encoder.weight, decoder.weight
> transcoder   autoencoders whose result is another activation
>              known by: the same with b_dec_out or W_skip
> mlp          chains of linear layers: torch.nn.Sequential with BatchNorm1d, LayerNorm, RMSNorm; real inputs, or embedded tokens
>              known by: N.weight, net.N.weight, layers.N.weight, fcN.weight, WN; embed.weight before them
> onnx         graphs over real numbers or tokens; docs/onnx.md lists the operators
>              known by: the ending .onnx, or the first bytes of such a file
> net          a canonical network file
>              known by: its first line, weightproof-net 1
? 0

$ weightproof info
! error: info needs MODEL or --families
? 3

$ weightproof info missing.safetensors
! error: cannot read 'missing.safetensors': there is no such file
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 3,1,4,1 --node blocks.0.attn.hook_pattern.0 --node blocks.0.attn.hook_attn_scores.0
> blocks.0.attn.hook_pattern.0  [4, 4]  real
> position 0, token 3
>      0  1.00000000000
>      1  0
>      2  0
>      3  0
> position 1, token 1
>      0  [0.474847357980 +/- 4.88e-14]
>      1  [0.525152642020 +/- 4.88e-14]
>      2  0
>      3  0
> position 2, token 4
>      0  [0.199242105783 +/- 4.98e-13]
>      1  [0.362230954539 +/- 4.20e-13]
>      2  [0.438526939679 +/- 8.33e-14]
>      3  0
> position 3, token 1
>      0  [0.0460239632909 +/- 2.06e-14]
>      1  [0.272287693321 +/- 2.32e-13]
>      2  [0.463821541454 +/- 2.12e-13]
>      3  [0.217866801934 +/- 1.41e-13]
> blocks.0.attn.hook_attn_scores.0  [4, 4]  real
> position 0, token 3
>      0  [-8.30720754325 +/- 4.18e-12]
>      1  -
>      2  -
>      3  -
> position 1, token 1
>      0  [-3.75219816475 +/- 1.92e-12]
>      1  [-3.65150259848 +/- 3.07e-12]
>      2  -
>      3  -
> position 2, token 4
>      0  [-12.9472115882 +/- 2.40e-11]
>      1  [-12.3494502810 +/- 4.45e-11]
>      2  [-12.1583110395 +/- 8.72e-12]
>      3  -
> position 3, token 1
>      0  [-34.9866325325 +/- 5.99e-12]
>      1  [-33.2089355311 +/- 1.55e-11]
>      2  [-32.6762948651 +/- 3.61e-11]
>      3  [-33.4319108587 +/- 3.76e-12]
? 0

$ weightproof run examples/max4_s123.safetensors --tokens 3,1,4,1 --node blocks.0.attn.hook_pattern.0 --under float32
> blocks.0.attn.hook_pattern.0  [4, 4]  float32
> position 0, token 3
>      0  [1.000000 +/- 1.80e-7]
>      1  0
>      2  0
>      3  0
> position 1, token 1
>      0  [0.4748 +/- 5.84e-5]
>      1  [0.5252 +/- 5.84e-5]
>      2  0
>      3  0
> position 2, token 4
>      0  [0.1992 +/- 6.22e-5]
>      1  [0.3622 +/- 5.91e-5]
>      2  [0.4385 +/- 5.71e-5]
>      3  0
> position 3, token 1
>      0  [0.0460 +/- 3.86e-5]
>      1  [0.2723 +/- 7.58e-5]
>      2  [0.464 +/- 2.59e-4]
>      3  [0.2179 +/- 9.02e-5]
? 0

$ weightproof run examples/max4_s123.safetensors --tokens 63 | tail -3
>     61  [18.8136943934 +/- 3.25e-11]
>     62  [13.1464530025 +/- 2.20e-11]
>     63  [29.4899958462 +/- 1.41e-11]
? 0

$ weightproof run examples/max4_s123.safetensors --tokens 64
! error: token 64 is out of range: this model has tokens 0..63
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1,2,3,4,5
! error: 5 tokens are too many: this model reads at most 4
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1,,2
! error: cannot read '1,,2': expected integers separated by commas
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1,x
! error: cannot read '1,x': expected integers separated by commas
? 3

$ weightproof run examples/max4_s123.safetensors --tokens -1
! error: token -1 is out of range: this model has tokens 0..63
? 3

$ weightproof run examples/max4_s123.safetensors --tokens ''
! error: cannot read '': expected integers separated by commas
? 3

$ weightproof run examples/max4_s123.safetensors
! error: run needs --tokens V,...
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1 --node blocks.0.attn.hook_patern.0
! error: no node 'blocks.0.attn.hook_patern.0'; did you mean 'blocks.0.attn.hook_pattern.0'?
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1 --under float16
! error: option '--under' needs real or float32, not 'float16'
? 3

$ weightproof run examples/max4_s123.safetensors --tokens 1 --digits 0
! error: option '--digits' needs a whole number from 1 to 60, not '0'
? 3

$ weightproof convert examples/max4_s123.safetensors -o $T/a.net && weightproof convert $T/a.net -o $T/b.net && cmp $T/a.net $T/b.net && sha256sum < $T/a.net && head -4 $T/a.net
> cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116  -
> weightproof-net 1
> tokens 64 4
> mask causal
> eps 0
? 0

$ weightproof convert examples/max4_s123.safetensors -o $T/no/such/folder/a.net; ls $T
> a.net
> b.net
! error: cannot write '$T/no/such/folder/a.net': No such file or directory
? 0

$ weightproof info $T/a.net | head -8
> file      $T/a.net
> sha256    cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116
> format    net
> family    net
> net       sha256 cf751f85ed9cbd33cc6a8dedf2cfab126e4fc74649d4cf9eec85573f4f8ce116
> input     1..4 tokens in 0..63, causal mask
> output    logits, 64 entries a position
> size      1 layer(s); heads: 1; 8320 parameters
? 0

$ weightproof convert tests/data/claims/x.arr -o $T/x.arr && cmp $T/x.arr tests/data/claims/x.arr && weightproof convert tests/data/claims/digits_y.npy
> weightproof-array 1
> shape 3
> 0x1.8p1 0x1p0 0x1p2
> end
? 0

$ weightproof run tests/data/claims/three.net --input tests/data/claims/x.arr --row 2 --node left
> left  [1, 4]  real
> row 2
>      0  -1.25000000000
>      1  0.0625000000000
>      2  3.00000000000
>      3  0.250000000000
? 0

$ weightproof run tests/data/claims/three.net --input tests/data/claims/x.arr
! error: 'tests/data/claims/x.arr' has 4 rows, and this model reads at most 1: choose one with --row R
? 3

$ weightproof run tests/data/claims/three.net --input tests/data/claims/x.arr --row 4
! error: option '--row' needs a whole number from 0 to 3, not '4'
? 3

$ weightproof run tests/data/claims/three.net --input tests/data/claims/y.arr
! error: 'tests/data/claims/y.arr' has no rows of 3 numbers, which this model reads
? 3

$ weightproof run tests/data/claims/three.net --tokens 1
! error: this model reads rows of 3 real numbers, not tokens: run --input FILE.npy --row R
? 3

$ weightproof run examples/max4_s123.safetensors --input tests/data/claims/x.arr
! error: this model reads tokens: run --tokens V,...
? 3

$ weightproof new tests/data/claims/rows.net -o $T/rows.claims && weightproof verify --quiet $T/rows.claims
> 3 claims: 1 proved, 2 bounded; 3 certificates accepted; # s
? 0

$ weightproof info tests/data/claims/x.arr
! error: 'tests/data/claims/x.arr' is a data array, info takes a model file
? 3

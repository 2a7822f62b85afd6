# ONNX files: what info says, the network they become, claims about a token model with two heads and three positions.
$ weightproof info tests/data/onnx/cnn.onnx
> file      tests/data/onnx/cnn.onnx
> sha256    c4baf8aece0bcac5baaed4f31ed8195a410d84f2f820add42d1e7ad171fdb83a
> format    onnx
> family    onnx
> net       sha256 ad111c36706799be88163a0f9542ba228492d4fc7ac6e5b16361c3c9aeb394e7
> input     36 real numbers
> output    y, 2 entries
> size      244 parameters
> binary32  yes, every weight
> 
> configuration
>   opset                      17         read from the file
>   ir_version                 8          read from the file
>   producer                   weightproof-tests stated by the file
>   dimension 'N'              1          assumed: a batch of one
>   input                      x [1, 1, 6, 6] numbers, row-major
>   output                     y [1, 2]   row-major
>   operators                  Flatten 1, Relu 1, Gemm 1, Conv 1, MaxPool 1 those that the output needs
> 
> tensors
>   V                                exact 8 x 2           rank 2  norm 3.642699  largest 1.5140172243118286 [6, 0]
>   W                                exact 18              norm 3.5593323  largest -1.328211784362793 [17]
>   b                                exact 32              norm 2.2849909  largest 0.5707361102104187 [16]
>   c.windows.index                  exact 144             norm 233.04935  largest 35 [143]
>   d                                exact 2               norm 2.2772034  largest 2.250537633895874 [1]
>   p.index                          exact 8 x 4           rank 2  norm 102.05881  largest 31 [7, 3]
> 
> nodes
>   x                                    input      36
>   c.windows                            select     144
>   W.constant                           constant   18
>   c.sums                               matmul     32
>   b.constant                           constant   32
>   c                                    add        32
>   r                                    relu       32
>   p                                    maxpool    8
>   y                                    linear     2
? 0

$ weightproof info tests/data/onnx/tokens_sum.onnx | head -n 18
> file      tests/data/onnx/tokens_sum.onnx
> sha256    af5c7cffb90ad55278d1c6fa1ab5d1a85745413d2de1593157237627f4b74a8d
> format    onnx
> family    onnx
> net       sha256 5b69eb29084704233b648bd66fa6821fe3095f306c0321e75cd7c9f0f116550b
> input     1..2 tokens in 0..3, every position reads all positions
> output    y, 3 entries a position
> size      33 parameters
> binary32  yes, every weight
> 
> configuration
>   opset                      17         read from the file
>   ir_version                 8          read from the file
>   producer                   weightproof-tests stated by the file
>   input                      x [1, 2]   tokens, row-major
>   output                     y [1, 3]   row-major
>   operators                  Gather 4, Add 1, MatMul 1 those that the output needs
> 
? 0

$ weightproof convert tests/data/onnx/matmul_bias.onnx | grep -v "^[-0]"
> weightproof-net 1
> reals 4 1
> mask none
> eps 0
> tensor V 3 2
> tensor W 4 3
> tensor b 3
> node x input
> node a linear x W b
> node r relu a
> node y linear r V
> output y
> end
? 0

$ weightproof info tests/bad/onnx/input_length_open.onnx --set length=2 | grep dimension
>   dimension 'N'              1          assumed: a batch of one
>   dimension 'length'         2          as set
? 0

$ weightproof info tests/bad/onnx/operator_unknown.onnx
! error: cannot read 'tests/bad/onnx/operator_unknown.onnx': node 'n' (Einsum): this operator is not among those that are read
? 2

$ printf 'claims 1\nmodel M = "%s/tests/data/onnx/tokens_attention.onnx"\nclaim a { count t in tokens[3] of 0..5 : argmax(logits(M, t)[last]) == 2 }\nclaim b { count t in tokens[3] of 0..5 : argmax(logits(M, t)[last]) == 2 under float32 }\n' "$PWD" > $T/a.claims
? 0

$ weightproof verify $T/a.claims --certificates $T/certificates --quiet; weightproof verify $T/a.claims
> 2 claims: 2 bounded; 2 certificates accepted; # s
> bounded    a: 149 of 216, fraction 149/216  [enumerate, checked, # s + # s]
> bounded    b: 149 of 216, fraction 149/216: 149 in every execution, 67 in none  [enumerate, checked, # s + # s]
> 2 claims: 2 bounded; 2 certificates accepted; # s
! note: model M: dimension 'N' = 1, assumed: a batch of one
? 0

$ weightproof-check $T/certificates/a.cert $T/certificates/b.cert > /dev/null && python3 proofs/reference/check.py $T/certificates/a.cert > $T/said && head -n 1 $T/said
> accepted bounded 542a5d1aaf98bf50894bbf945813bce2b545f2faa34036384e606e0ea5610400 b7eea0e734fd19a73d7d9e505485c71a61672140cd7c76717b8a7b3f164fc7c2
? 0

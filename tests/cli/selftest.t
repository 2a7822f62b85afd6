# selftest: stored outputs against certified bounds, and why they disagree.
$ weightproof selftest examples/relu_digits_s0.safetensors --set act=gelu --against tests/data/relu_digits_s0.reference.npz
> FAILED  logits_float32       F32  640 entries  deviation 1.21, certified float32 bound 0.000315, ratio 0.00026 at input 25, entry 7: stored 7.11715221, computed 8.33003186; 640 entries outside
> FAILED  logits_float64       F64  640 entries  deviation 1.21, certified float64 bound 2.34e-12, ratio 1.93e-12 at input 25, entry 7: stored 7.11715213, computed 8.33003186; 640 entries outside
> likely cause: the activation: would agree with --set act=relu
? 1

$ weightproof selftest examples/relu_digits_s0.safetensors --against tests/data/relu_digits_s0.reference.npz | cut -c1-45
> agrees  logits_float32       F32  640 entries
> agrees  logits_float64       F64  640 entries
? 0

$ weightproof selftest examples/bilinear_digits_s0.safetensors --set residual=add --set residual_scale=1 --against tests/data/bilinear_digits_s0.reference.npz
> FAILED  logits_float32       F32  640 entries  deviation 2.6, certified float32 bound 0.00031, ratio 0.000119 at input 4, entry 4: stored 8.96397591, computed 11.5651109; 640 entries outside
> FAILED  logits_float64       F64  640 entries  deviation 2.6, certified float64 bound 1.19e-12, ratio 4.58e-13 at input 4, entry 4: stored 8.96397585, computed 11.5651109; 640 entries outside
> likely cause: the residual path: would agree with --set residual=none
? 1

$ weightproof selftest examples/bilinear_digits_s0.safetensors --against tests/data/relu_digits_s0.reference.npz | sed '/^likely/!s/  .*//'
> FAILED
> FAILED
> likely cause: none of the changes that were tried makes the outputs agree
? 0

$ weightproof selftest examples/tms_5_2_s0.safetensors --against tests/data/relu_digits_s0.reference.npz
! error: cannot use 'tests/data/relu_digits_s0.reference.npz': array 'inputs' has no shape [inputs, 5]
? 3

$ weightproof selftest examples/max4_s123.safetensors --against tests/data/relu_digits_s0.reference.npz
! error: cannot use 'tests/data/relu_digits_s0.reference.npz': array 'inputs' has no shape [inputs, 1 to 4 tokens]
? 3

$ weightproof selftest examples/max4_s123.safetensors
! error: selftest needs --against REFERENCE.npz
? 3

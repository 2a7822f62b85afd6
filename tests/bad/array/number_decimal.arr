weightproof-array 1
shape 2 2
0x1p0 0
-3 0x1p-3
end

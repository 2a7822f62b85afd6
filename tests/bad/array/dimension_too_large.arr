weightproof-array 1
shape 2 2147483648
0x1p0 0
-0x1.8p1 0x1p-3
end

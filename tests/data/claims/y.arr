weightproof-array 1
shape 4
0 0x1p1 0x1p0 0
end

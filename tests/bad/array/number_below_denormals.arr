weightproof-array 1
shape 2 2
0x1p0 0
0x1.8p-1074 0x1p-3
end

#include "models/net.h"

const struct op_info op_table[OP_COUNT] = {
#define OP(code, name, evaluate, enclose, bound, meaning) [OP_##code] = { name, meaning },
#include "models/op.def"
#undef OP
};

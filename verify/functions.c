#include "verify/ast.h"

const struct function_info function_table[FUNCTION_COUNT] = {
#define FUNCTION(code, name, min_args, max_args, decided, meaning) [FUNCTION_##code] = {name, min_args, max_args, decided, meaning},
#include "verify/function.def"
#undef FUNCTION
};

/* onnx: the family of ONNX files. A graph of tensors over real inputs becomes a network whose only row holds every tensor flattened
 * row-major; a graph over integer tokens becomes a token model. Steps: onnx.c unpacks and checks the bytes (protobuf, models/onnx.proto),
 * onnx_graph.c walks the nodes, onnx_shape.c carries what only moves entries or computes shapes (exactly, in int64), onnx_build_*.c lower
 * the operators to the table op.def, onnx_net.c appends to the network. Source: the ONNX specification (onnx.ai/onnx/operators). */
#ifndef WEIGHTPROOF_MODELS_ONNX_H
#define WEIGHTPROOF_MODELS_ONNX_H
#include "models/model.h"

/* Could these bytes be an ONNX file? It has no magic: the version of the representation is the first field, and small. */
bool onnx_looks_like(const char *path, const char *data, size_t size);
/* m has its path; fills net, facts and family. */
enum status onnx_load(struct model *m, const char *data, size_t size, const struct model_options *o, struct diag *d) MUST_USE;
#endif

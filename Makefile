# weightproof: make help lists the targets. GNU make, C17.
VERSION = 0.1.0
BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
PYTHON ?= python3
OPT    ?= -O2 -g
WARN    = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS  = -std=c17 $(OPT) $(WARN) -ffp-contract=off -fopenmp -fPIC -fno-semantic-interposition -D_GNU_SOURCE -DWEIGHTPROOF_VERSION='"$(VERSION)"' $(SAN)
CPPFLAGS = -I. -Iinclude -I$(BUILD)/gen -isystem /usr/include/flint
LDFLAGS = -fopenmp $(SAN)
SAN    ?=
# make V=1 shows the commands
Q       = $(if $(V),,@)

# The layers, lowest first. A layer's objects may use those before it; the tests of a layer link with nothing above it.
LAYERS  = core models verify proofs
core_SRC    = $(wildcard core/*.c)
models_SRC  = $(wildcard models/*.c)
verify_SRC  = $(wildcard verify/*.c verify/smt/*.c)
proofs_SRC  = $(wildcard proofs/*.c)
cli_SRC     = $(wildcard cli/*.c)
check_SRC   = $(wildcard proofs/check/*.c)

core_LIBS   = $(BUILD)/libcore.a
models_LIBS = $(BUILD)/libmodels.a $(core_LIBS)
verify_LIBS = $(BUILD)/libverify.a $(models_LIBS)
proofs_LIBS = $(BUILD)/libproofs.a $(verify_LIBS)
LIBS    = -lflint-arb -lflint -lmpfr -lgmp -lcjson -lzip -lz -lnettle -lprotobuf-c -lm

.PHONY: all help deps demo check asan bench install clean FORCE
.SECONDARY:
.DEFAULT_GOAL = all
all: $(BUILD)/weightproof weightproof-check $(BUILD)/libweightproof.a $(BUILD)/libweightproof.so

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  cc    $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The parser of ONNX files, written by protoc-c from the fields that are read.
ONNX    = $(BUILD)/gen/models/onnx.pb-c
PROTOC  ?= protoc-c
$(ONNX).h: models/onnx.proto
	@mkdir -p $(@D)
	@echo '  proto $<'
	$(Q)$(PROTOC) --c_out=$(BUILD)/gen $<
$(ONNX).c: $(ONNX).h ;
$(ONNX).o: $(ONNX).c
	@echo '  cc    $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(patsubst %.c,$(BUILD)/%.o,$(wildcard models/onnx*.c)): | $(ONNX).h
models_GEN = $(ONNX).o

define layer_rule
$(BUILD)/lib$(1).a: $(call obj,$($(1)_SRC)) $$($(1)_GEN)
	@rm -f $$@
	@echo '  ar    $$@'
	$(Q)ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_rule,$(layer))))

$(BUILD)/libweightproof.a: $(foreach layer,$(LAYERS),$(call obj,$($(layer)_SRC)) $($(layer)_GEN))
	@rm -f $@
	@echo '  ar    $@'
	$(Q)ar rcs $@ $^

# The library that programs load while they run: only the public names are seen. It finds its libraries beside itself first.
BESIDE = -Wl,--disable-new-dtags,-rpath,'$$ORIGIN'
$(BUILD)/libweightproof.so: $(foreach layer,$(LAYERS),$(call obj,$($(layer)_SRC)) $($(layer)_GEN)) include/weightproof.map
	@echo '  link  $@'
	$(Q)$(CC) -shared $(LDFLAGS) $(BESIDE) -Wl,--version-script=include/weightproof.map -o $@ $(filter %.o,$^) $(LIBS)

$(BUILD)/weightproof: $(call obj,$(cli_SRC)) $(proofs_LIBS)
	@echo '  link  $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/bench/forward: bench/forward.c $(models_LIBS)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(models_LIBS) $(LIBS)

# The checker: its own objects and GMP, nothing else.
CHECK_FLAGS = -std=c17 -O2 -g $(WARN) -DCHECK_VERSION='"$(VERSION)"' $(SAN)
weightproof-check: $(BUILD)/weightproof-check
check_OBJ = $(patsubst proofs/check/%.c,$(BUILD)/check/%.o,$(check_SRC))
$(BUILD)/check/%.o: proofs/check/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CHECK_FLAGS) -Iproofs/check -MMD -MP -c -o $@ $<
$(BUILD)/weightproof-check: $(check_OBJ)
	@echo '  link  $@'
	$(Q)$(CC) $(CHECK_FLAGS) -o $@ $(check_OBJ) $(CHECK_LDFLAGS) -lgmp

# A test of the checker's own rows: its objects without main.
$(BUILD)/tests/checker/rows: tests/checker/rows.c $(filter-out $(BUILD)/check/main.o,$(check_OBJ))
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CHECK_FLAGS) -Iproofs/check -MMD -MP -o $@ $^ $(CHECK_LDFLAGS) -lgmp -lm

# The checker's count of two forms at once has a test of its own, linked with the checker's objects.
$(BUILD)/tests/checker/halves: tests/checker/halves.c $(filter-out $(BUILD)/check/main.o,$(check_OBJ))
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CHECK_FLAGS) -Iproofs/check -MMD -MP -o $@ $^ $(CHECK_LDFLAGS) -lgmp

# tests/LAYER/check_X.c is one Check program, linked with its layer and those below.
define test_rule
$(BUILD)/tests/$(1)/%: tests/$(1)/%.c $($(1)_LIBS)
	@mkdir -p $$(@D)
	@echo '  link  $$@'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $$@ $$< $($(1)_LIBS) $(LIBS) -lcheck -lsubunit -lrt -lpthread -lm
endef
$(foreach layer,$(LAYERS),$(eval $(call test_rule,$(layer))))
TESTS = $(BUILD)/tests/checker/rows $(foreach layer,$(LAYERS),$(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/$(layer)/check_*.c)))

include build.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

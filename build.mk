# The targets people type. The build rules are in the Makefile.
help:
	@echo 'make            programs and library, in $(BUILD)/'
	@echo 'make demo       set up, build, verify the claims on a shipped model, write demo-out/report.html'
	@echo 'make check      set up, build, run the tests'
	@echo 'make check-long the tests that take minutes: random models, large domains'
	@echo 'make check-peers  the same facts from PyTorch, TransformerLens and ONNX Runtime, which are installed into .venv'
	@echo 'make asan       the tests under AddressSanitizer and UBSan'
	@echo 'make bench      the same work beside its peers, in one run, as ratios'
	@echo 'make install    to $$DESTDIR$$PREFIX ($(PREFIX))'
	@echo 'make deps       install what is missing (Debian packages by apt)'
	@echo 'make weightproof-check   the checker alone: a C compiler and GMP suffice'
	@echo 'make fuzz       every reader fed with anything, SECONDS=60 each (clang is installed)'
	@echo 'make clean'

deps:
	@CC='$(CC)' ./deps.sh
deps-tests:
	@CC='$(CC)' ./deps.sh tests

# The set-up runs first, then a second make that may rely on it.
demo: deps
	@$(MAKE) --no-print-directory -j2 all
	@BUILD=$(BUILD) sh examples/demo.sh

VENV = .venv
$(VENV)/ready: tests/requirements.txt
	@echo 'installing the Python needs of the tests into $(VENV)'
	@$(PYTHON) -m venv $(VENV) && $(VENV)/bin/pip install -q --disable-pip-version-check -r tests/requirements.txt && touch $@

tests-built: all $(TESTS) $(BUILD)/tests/checker/halves
check: deps-tests
	@$(MAKE) --no-print-directory $(VENV)/ready
	@$(MAKE) --no-print-directory -j2 tests-built
	@$(VENV)/bin/python tests/run.py $(BUILD)

ASAN = BUILD=build-asan SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' OPT='-O1 -g'
asan: deps-tests
	@$(MAKE) --no-print-directory $(VENV)/ready
	@$(MAKE) --no-print-directory -j2 $(ASAN) tests-built
	@ASAN_OPTIONS=detect_leaks=1 $(VENV)/bin/python tests/run.py build-asan

peers: deps-tests
	@$(MAKE) --no-print-directory $(VENV)/ready
	@$(VENV)/bin/python -c 'import torch' 2>/dev/null || { echo 'installing PyTorch into $(VENV) (about 200 MB)'; $(VENV)/bin/pip install -q --disable-pip-version-check torch==2.13.0; }
	@$(VENV)/bin/python -c 'import transformer_lens, nbclient, ipykernel' 2>/dev/null || { echo 'installing TransformerLens and the notebook client into $(VENV)'; $(VENV)/bin/pip install -q --disable-pip-version-check torch==2.13.0 'transformer_lens<4' nbclient ipykernel; }
	@$(VENV)/bin/python -c 'import cvc5' 2>/dev/null || { echo 'installing cvc5 into $(VENV)'; $(VENV)/bin/pip install -q --disable-pip-version-check cvc5==1.4.2; }
	@$(VENV)/bin/python -c 'import onnx, onnxruntime' 2>/dev/null || { echo 'installing ONNX and ONNX Runtime into $(VENV)'; $(VENV)/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0; }
bench: deps peers
	@$(MAKE) --no-print-directory all $(BUILD)/bench/forward
	@$(VENV)/bin/python bench/run.py $(BUILD)
	@$(VENV)/bin/python bench/bilinear.py $(BUILD)
check-peers: peers
	@$(MAKE) --no-print-directory all
	@$(VENV)/bin/python tests/peers/run.py $(BUILD)
	@$(VENV)/bin/python tests/peers/families.py $(BUILD)
	@$(VENV)/bin/python tests/peers/python.py $(BUILD)
	@$(VENV)/bin/python tests/peers/interventions.py $(BUILD)
	@$(VENV)/bin/python tests/peers/radius_z3.py $(BUILD)
	@$(MAKE) --no-print-directory $(BUILD)/tests/models/check_onnx
	@$(VENV)/bin/python tests/peers/onnx_files.py $(BUILD)
	@$(VENV)/bin/python tests/smt/oracle.py $(BUILD) --count 300 --seed 5 --cvc5
	@$(VENV)/bin/python tests/smt/forms.py $(BUILD) --cvc5
	@$(VENV)/bin/python tests/peers/data.py $(BUILD)
check-long: deps-tests
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory $(VENV)/ready
	@$(VENV)/bin/python tests/long/run.py $(BUILD)

# Readers fed with anything. Each runs for SECONDS from tests/fuzz/corpus and the bad files; what it finds of interest stays in build-fuzz/corpus.
SECONDS = 60
FUZZ_FLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz:
	@./deps.sh fuzz
	@$(MAKE) --no-print-directory fuzz-built
	@for f in $(FUZZERS); do sh tests/fuzz/run.sh $$f $(SECONDS) || exit 1; done
fuzz-built:
	@$(MAKE) --no-print-directory -j2 BUILD=build-fuzz CC=clang WARN= SAN='-fno-openmp -Itests/fuzz' OPT='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' build-fuzz/libverify.a build-fuzz/libmodels.a build-fuzz/libcore.a
	@$(MAKE) --no-print-directory $(FUZZERS:%=build-fuzz/fuzz_%)
build-fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/wrap.h $(wildcard build-fuzz/*.a)
	@echo '  link  $@'
	$(Q)clang -std=c17 $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< build-fuzz/libverify.a build-fuzz/libmodels.a build-fuzz/libcore.a $(LIBS)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man1
	install $(BUILD)/weightproof $(BUILD)/weightproof-check $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libweightproof.a $(BUILD)/libweightproof.so $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/weightproof.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/

clean:
	rm -rf build build-asan build-fuzz demo-out

.PHONY: deps-tests tests-built peers check-peers check-long fuzz fuzz-built

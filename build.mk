# The targets people type. Kept apart from the build rules in the Makefile.
help:
	@echo 'make            programs and library, in $(BUILD)/'
	@echo 'make demo       set up, build, verify the claims of examples/ on a shipped model, write the report'
	@echo 'make check      set up, build, run the tests'
	@echo 'make asan       the tests under AddressSanitizer and UBSan'
	@echo 'make bench      the same work beside its peers, as ratios'
	@echo 'make install    DESTDIR, PREFIX ($(PREFIX))'
	@echo 'make deps       install what is missing (Debian packages by apt)'
	@echo 'make weightproof-check   the checker alone: a C compiler and GMP suffice'
	@echo 'make clean'

clean:
	rm -rf $(BUILD)

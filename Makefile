# gen - build, test, install. `make help` lists the targets.
#
#   make CC=clang CFLAGS='-O0 -g'   any compiler, any flags (of -O3 kernels take -O2); what they
#                                   change is rebuilt
#   make BUILD=/tmp/gen             any build directory; nothing is ever written next to sources
#   make V=1                        show the commands in full

CC      ?= cc
AR      ?= ar
# -g1 keeps line numbers, for backtraces.
CFLAGS  ?= -O3 -g1
PREFIX  ?= /usr/local
BUILD   ?= build

# On all processors, unless the caller says otherwise with -j, here or in $MAKEFLAGS (which make
# hides while it reads this). Several goals are made one after the other, as they were named; a make
# below another takes what that one has.
ifeq ($(MAKELEVEL)$(filter-out 0 1,$(words $(MAKECMDGOALS))),0)
ifeq ($(filter -j% j% --jobs%,$(shell printenv MAKEFLAGS; printenv GNUMAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
endif
endif

comma := ,

# What a recipe line starts with: its short form is said, or with V=1 the command itself.
say = $(if $(V),,@echo '  $(1)';)

# The model compiled into the program; scripts/train_default_model.sh makes it. While the file is
# missing the program is built without one.
EMBEDDED_MODEL ?= models/tales-6m.gguf

# MPI=1 makes a program whose `gen train` can be one of many processes under mpirun.
MPICC ?= mpicc

# ---- sources: the library is every room but the program's own ---------------------------------

PROGRAM_SOURCES := $(filter-out src/cli/ranks_$(if $(MPI),one,mpi).c,\
	$(wildcard src/main.c src/cli/*.c src/cmd/*.c src/cmd/*/*.c))
LIBRARY_SOURCES := $(filter-out src/cli/% src/cmd/%,\
	$(wildcard src/*/*.c src/*/*/*.c src/*/*/*/*.c))
TEST_SOURCES    := $(wildcard tests/unit/test_*.c)
TEST_HELPERS    := $(filter-out $(TEST_SOURCES),$(wildcard tests/unit/*.c))
OTHER_TESTS     := $(wildcard tests/fault/*.[ch] tests/fuzz/*.[ch])
BATS_FILES      := $(wildcard tests/cli/*.bats)
HEADERS         := $(wildcard include/*.h src/*/*.h src/*/*/*.h src/*/*/*/*.h tests/unit/*.h tests/neon/*.h scripts/manual/*.h)
SCRIPTS         := $(wildcard scripts/*.sh scripts/manual/*.sh scripts/examples/*.sh scripts/examples/*.sbatch tests/package/*.sh tests/run tests/resume/kill tests/resume/memory tests/fuzz/run tests/cli/*.bash .ci/run)

object          = $(patsubst %.c,$(BUILD)/%.o,$(1))
PROGRAM_OBJECTS := $(call object,$(PROGRAM_SOURCES))
LIBRARY_OBJECTS := $(call object,$(LIBRARY_SOURCES))
TEST_OBJECTS    := $(call object,$(TEST_SOURCES) $(TEST_HELPERS))
OBJECTS         := $(PROGRAM_OBJECTS) $(LIBRARY_OBJECTS)

# The goals that compile something.
BUILDS := $(filter-out clean help deps deps-lint deps-neon format install install-built uninstall dist deb test-package,\
	$(or $(MAKECMDGOALS),all))

# ---- libraries of the system; not looked for where they are not needed ------------------------

ifneq ($(BUILDS),)
need = $(if $(shell $(1) && echo yes),,$(error $(2) not found: run `make deps`))
$(call need,command -v $(firstword $(CC)),the C compiler $(firstword $(CC)))
$(call need,command -v pkg-config,pkg-config)
$(call need,pkg-config --exists libcjson,libcjson)
$(call need,pkg-config --exists libutf8proc,libutf8proc)
$(if $(MPI),$(call need,command -v $(MPICC),$(MPICC) of MPI (sh scripts/deps.sh mpi)))
LIB_CFLAGS := $(shell pkg-config --cflags libcjson libutf8proc)
LIB_LIBS   := $(shell pkg-config --libs libcjson libutf8proc) -lm
# Optional, and needed only here, not by the program: without it that has no seccomp, and says so
# where it matters (--verbose).
SECCOMP_LIBS   := $(shell pkg-config --silence-errors --libs 'libseccomp >= 2.5')
SECCOMP_CFLAGS := $(if $(SECCOMP_LIBS),$(shell pkg-config --cflags libseccomp))
# Optional, too, and the program's alone: without it lines of `gen chat` are edited as the terminal
# does.
EDIT_LIBS   := $(shell pkg-config --silence-errors --libs libedit)
EDIT_CFLAGS := $(if $(EDIT_LIBS),-DHAVE_LIBEDIT $(shell pkg-config --cflags libedit))
endif

# ---- flags ------------------------------------------------------------------------------------

# Not with sanitizers: gcc warns there of things it cannot follow.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),$(if $(SANITIZE),,-Werror))

# SANITIZE=1 is what `make test-sanitize` builds with, SANITIZE=thread what `make test-thread` does.
ifdef SANITIZE
CFLAGS         := -O1 -g -fno-omit-frame-pointer
SANITIZE_FLAGS := $(if $(filter thread,$(SANITIZE)),-fsanitize=thread,\
	-fsanitize=address$(comma)undefined -fno-sanitize-recover=all)
endif

# What Debian builds its packages with, as far as compiler and linker know it: guards around stack
# frames and calls of libc, and no writable table of addresses in the program. Not for src/tensor,
# which computes and parses nothing. Debian's compilers make position-independent programs by
# themselves.
knows = $(if $(shell echo 'int main(void) { return 0; }' | $(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo yes),$(1))
ifneq ($(BUILDS),)
HARDENING_CFLAGS  := -Wformat -Werror=format-security $(foreach flag,-fstack-protector-strong \
	-fstack-clash-protection -fcf-protection -mbranch-protection=standard,$(call knows,$(flag)))
HARDENING_LDFLAGS := $(foreach flag,-Wl$(comma)-z$(comma)relro -Wl$(comma)-z$(comma)now \
	-Wl$(comma)-z$(comma)noexecstack,$(call knows,$(flag)))
# Needs an optimizer, and sanitizers look into the same calls better.
ifeq ($(findstring -fsanitize,$(CFLAGS) $(CPPFLAGS) $(SANITIZE_FLAGS)),)
HARDENING_CFLAGS += $(if $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS)))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif
endif

# Last on the line come the flags that the promise of same bits needs, so that no CFLAGS of the
# user can take it back. No -march=native: the program must run on machines other than this one.
ALL_CFLAGS := -std=c17 -D_DEFAULT_SOURCE -Iinclude -Isrc $(LIB_CFLAGS) -pthread \
	$(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(SANITIZE_FLAGS) -fno-fast-math -ffp-contract=off
ALL_LDFLAGS := $(HARDENING_LDFLAGS) $(CFLAGS) $(SANITIZE_FLAGS) $(LDFLAGS)
ALL_LIBS    := $(LIB_LIBS) -pthread $(LDLIBS)
PROGRAM_LIBS := $(EDIT_LIBS) $(ALL_LIBS)

PIC_CFLAGS := -fPIC $(call knows,-fno-semantic-interposition)

# Kernels for wider vectors are compiled for them alone and chosen when the program runs.
ifneq ($(filter x86_64-% amd64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
AVX2_CFLAGS   := -mavx2 -mfma -mf16c
AVX512_CFLAGS := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c
VNNI_CFLAGS   := -mavx512vnni
# Older compilers do not know this one; the set is plain AVX2 then.
AVX_VNNI_CFLAGS := $(shell $(CC) -mavxvnni -E -x c /dev/null >/dev/null 2>&1 && echo -mavxvnni)
endif
ifneq ($(filter aarch64-% arm64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
DOTPROD_CFLAGS := -march=armv8.2-a+dotprod
endif

ifneq ($(wildcard $(EMBEDDED_MODEL)),)
EMBEDDED_CFLAGS := -DEMBEDDED_MODEL_FILE=\"$(EMBEDDED_MODEL)\" \
	-DEMBEDDED_MODEL_NAME=\"$(basename $(notdir $(EMBEDDED_MODEL)))\"
endif

# MPI's own compiler command is a wrapper, here around ours.
MPI_WRAPPER = OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC)
LINKER      = $(if $(MPI),$(MPI_WRAPPER),$(CC))

# ---- building ---------------------------------------------------------------------------------

.PHONY: all deps deps-lint deps-neon test test-sanitize test-thread test-resume test-memory test-fault fuzz test-neon test-mpi test-examples test-page lint check-layers format bench \
	install install-built installable uninstall dist deb test-package clean help objects neon-programs fuzz-programs FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(BUILD)/gen installable ## build the program, build/gen, its man pages, and the library, build/lib

$(BUILD)/gen: $(PROGRAM_OBJECTS) $(BUILD)/libgen.a $(BUILD)/sources
	$(call say,LINK $@)$(LINKER) $(ALL_LDFLAGS) -o $@ $(PROGRAM_OBJECTS) $(BUILD)/libgen.a $(PROGRAM_LIBS)
ifndef EMBEDDED_CFLAGS
	@echo "note: $(EMBEDDED_MODEL) is missing, so $@ has no embedded model"
endif
ifeq ($(EDIT_LIBS),)
	@echo "note: libedit is missing, so gen chat has no editor of lines and no --history"
endif

$(BUILD)/libgen.a: $(LIBRARY_OBJECTS) $(BUILD)/sources
	@rm -f $@
	$(call say,AR   $@)$(AR) rcs $@ $(LIBRARY_OBJECTS)

# ---- what is installed with the program -------------------------------------------------------

# The rule of the soname is stated in gen.h with GEN_VERSION.
VERSION := $(shell sed -n 's/^.define GEN_VERSION "\(.*\)"/\1/p' include/gen.h)
SONAME  := libgen.so.$(shell echo $(VERSION) | sed -e 's/^\(0\.[0-9]*\).*/\1/' -e t -e 's/\..*//')
OBJCOPY ?= objcopy

# The names that other programs see begin with gen_, of the static library too; where objcopy or the
# linker is of another kind than GNU's, the static one alone is made, and with all its names.
ifneq ($(BUILDS),)
HIDES_NAMES := $(and $(shell $(OBJCOPY) --help 2>/dev/null | grep keep-global-symbol),\
	$(call knows,-Wl$(comma)--version-script=scripts/libgen.map))
endif
ifeq ($(SANITIZE)$(filter -static,$(LDFLAGS)),)
installable: $(BUILD)/lib/libgen.a $(if $(HIDES_NAMES),$(BUILD)/lib/libgen.so.$(VERSION)) $(BUILD)/share/made
endif

$(BUILD)/lib/libgen.a: $(LIBRARY_OBJECTS) $(BUILD)/sources
	@mkdir -p $(@D); rm -f $@
	$(call say,AR   $@)$(CC) $(if $(findstring -flto,$(CFLAGS)),$(CFLAGS) $(call knows,-flinker-output=nolto-rel)) \
		-r -nostdlib -o $(BUILD)/lib/gen.o $(LIBRARY_OBJECTS)
	$(if $(HIDES_NAMES),@$(OBJCOPY) --wildcard --keep-global-symbol='gen_*' $(BUILD)/lib/gen.o)
	@$(AR) rcs $@ $(BUILD)/lib/gen.o; rm -f $(BUILD)/lib/gen.o

$(BUILD)/lib/libgen.so.$(VERSION): $(LIBRARY_OBJECTS) $(BUILD)/sources scripts/libgen.map
	@mkdir -p $(@D)
	$(call say,LINK $@)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=scripts/libgen.map \
		$(ALL_LDFLAGS) -o $@ $(LIBRARY_OBJECTS) $(ALL_LIBS)

# Man pages and completions are written by a program that has gen's own tables of options. A gen for
# another machine gets them only where that program runs, too.
MANUAL_SOURCES := $(wildcard scripts/manual/*.c)

$(BUILD)/manual: $(call object,$(MANUAL_SOURCES)) $(filter-out %/src/main.o,$(PROGRAM_OBJECTS)) \
		$(BUILD)/main_renamed.o $(BUILD)/libgen.a
	$(call say,LINK $@)$(LINKER) $(ALL_LDFLAGS) -o $@ $^ $(PROGRAM_LIBS)

$(BUILD)/share/made: $(BUILD)/manual scripts/manual/make.sh scripts/manual/guide.md
	$(call say,MAN  $(@D))sh scripts/manual/make.sh $(BUILD)/manual $(@D)
	@touch $@

objects: $(OBJECTS) $(if $(TESTS_TOO),$(TEST_OBJECTS) $(call object,$(filter %.c,$(OTHER_TESTS))))

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC   $<)$(or $(FILE_CC),$(CC)) $(HARDENING) $(ALL_CFLAGS) $(PIC) $(KERNEL_LEVEL) $(FILE_CFLAGS) -MMD -MP -c -o $@ $<

# Flags of single files; lint uses the same. Nobody's environment has a say in them.
FILE_CC      =
FILE_CFLAGS  =
KERNEL_LEVEL =
HARDENING    = $(HARDENING_CFLAGS)
PIC          =
# The library's objects are the program's and the shared library's. Nobody replaces a function of
# them at run time, so that calls between them are what they are without -fPIC.
$(LIBRARY_OBJECTS): PIC = $(PIC_CFLAGS)
$(BUILD)/src/tensor/%.o: HARDENING =
# What -O3 does beyond -O2 makes no kernel faster, as loops that matter are written as vectors, and
# takes the compiler up to twice as long.
# Nor does a fuzzer learn anything from the paths in them; and where gcc's sanitizer for undefined
# behaviour is quick with them, clang's takes minutes.
$(BUILD)/src/tensor/kernels/%.o: KERNEL_LEVEL = $(if $(filter -O3,$(lastword $(filter -O%,$(CFLAGS)))),-O2) \
	$(if $(findstring fuzzer-no-link,$(CFLAGS)),-fno-sanitize=fuzzer-no-link$(comma)undefined)
$(BUILD)/src/base/floats_avx2.o $(BUILD)/src/base/floats_avx2.tidy: FILE_CFLAGS = $(AVX2_CFLAGS)
# A file of a kernel set is compiled for what its name says. In all of them the square root is the one
# instruction that it is, not a call, which no compiler makes vectors of.
SETS = $(BUILD)/src/tensor/kernels/sets
$(SETS)/%: FILE_CFLAGS = -fno-math-errno
$(SETS)/avx2% $(SETS)/quant_avx2%: FILE_CFLAGS += $(AVX2_CFLAGS)
$(SETS)/quant_avx2_vnni%: FILE_CFLAGS += $(AVX_VNNI_CFLAGS)
$(SETS)/avx512% $(SETS)/quant_avx512%: FILE_CFLAGS += $(AVX512_CFLAGS)
$(SETS)/quant_avx512_vnni%: FILE_CFLAGS += $(VNNI_CFLAGS)
$(SETS)/quant_neon_dotprod%: FILE_CFLAGS += $(DOTPROD_CFLAGS)
$(BUILD)/src/cmd/chat/chat_edit.o $(BUILD)/src/cmd/chat/chat_edit.tidy: FILE_CFLAGS = $(EDIT_CFLAGS)
$(BUILD)/src/cli/ranks_mpi.o: FILE_CC = $(MPI_WRAPPER)
$(BUILD)/src/cli/embedded.o: FILE_CFLAGS = $(EMBEDDED_CFLAGS)
$(BUILD)/src/cli/embedded.o: $(wildcard $(EMBEDDED_MODEL))

# The page that `gen explain` fills in, of its parts.
PAGE_SOURCES := $(wildcard src/cmd/explain/page/*)
PAGE         := $(BUILD)/generated/explain
PAGE_USERS   := $(BUILD)/src/cmd/explain/explain_page.o $(BUILD)/src/cmd/explain/explain_page.tidy
$(PAGE_USERS): $(PAGE)/made
$(PAGE_USERS): FILE_CFLAGS = -DEXPLAIN_PAGE=\"$(PAGE)\"

$(PAGE)/made: scripts/make_page.sh $(PAGE_SOURCES)
	$(call say,PAGE $(@D))sh scripts/make_page.sh src/cmd/explain/page $(@D)
	@touch $@

# The system calls that the sandbox leaves, as a filter of instructions for the kernel: libseccomp
# makes it here, once, as it would take a part of every run. The program that does so is built like
# gen, so a gen for another machine gets one only where that runs, too.
ifneq ($(SECCOMP_LIBS),)
SECCOMP_FILTER := $(BUILD)/generated/cli/seccomp_filter.h
SECCOMP_USERS  := $(BUILD)/src/cli/sandbox_seccomp.o $(BUILD)/src/cli/sandbox_seccomp.tidy
$(SECCOMP_USERS): $(SECCOMP_FILTER)
$(SECCOMP_USERS): FILE_CFLAGS = -DHAVE_LIBSECCOMP -I$(BUILD)/generated
$(BUILD)/scripts/seccomp_filter.tidy: FILE_CFLAGS = $(SECCOMP_CFLAGS)

$(SECCOMP_FILTER): scripts/seccomp_filter.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC   $<)$(CC) $(filter-out -fsanitize%,$(ALL_CFLAGS) $(ALL_LDFLAGS)) $(SECCOMP_CFLAGS) \
		-o $(BUILD)/seccomp_filter $< $(SECCOMP_LIBS)
	@$(BUILD)/seccomp_filter >$@ || { : >$@; \
		echo "note: $(BUILD)/seccomp_filter failed, so gen has no seccomp"; }
endif

# Two notes of what the last build was made with; written anew only where that changed, so that
# other flags rebuild every object, and a file that came or went makes the library anew.
note = mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || \
	printf '%s\n' '$(subst ','\'',$(1))' >$@
FLAGS_NOTE := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(ALL_LIBS) $(AVX2_CFLAGS) $(AVX_VNNI_CFLAGS) \
	$(AVX512_CFLAGS) $(VNNI_CFLAGS) $(DOTPROD_CFLAGS) $(SECCOMP_CFLAGS) $(SECCOMP_LIBS) $(EDIT_CFLAGS) $(EDIT_LIBS) $(HARDENING_CFLAGS) $(PIC_CFLAGS)

$(BUILD)/flags: FORCE
	@$(call note,$(FLAGS_NOTE))
$(BUILD)/sources: FORCE
	@$(call note,$(PROGRAM_SOURCES) $(LIBRARY_SOURCES) $(EMBEDDED_CFLAGS))
$(BUILD)/src/cli/embedded.o: $(BUILD)/sources

-include $(patsubst %.o,%.d,$(OBJECTS) $(TEST_OBJECTS) \
	$(call object,$(filter %.c,$(OTHER_TESTS)) $(MANUAL_SOURCES)))

deps: ## install what building and testing need
	@sh scripts/deps.sh build test

deps-lint: ## install what lint needs, too
	@sh scripts/deps.sh all

deps-neon: ## install what test-neon needs (Debian, Ubuntu)
	@sh scripts/deps.sh neon

# ---- testing ----------------------------------------------------------------------------------

# TEST=test_bpe runs tests/unit/test_bpe.c alone, TEST=tokenize tests/cli/tokenize.bats.
TEST_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(if $(TEST),$(filter \
	$(TEST:%=tests/unit/%.c),$(TEST_SOURCES)),$(TEST_SOURCES)))
TEST_BATS     := $(if $(TEST),$(filter $(TEST:%=tests/cli/%.bats),$(BATS_FILES)),$(BATS_FILES))

ifneq ($(filter test,$(MAKECMDGOALS)),)
$(call need,pkg-config --exists cmocka,cmocka)
$(if $(TEST_BATS),$(call need,command -v bats,bats))
$(if $(TEST_PROGRAMS)$(TEST_BATS),,$(error no test is named $(TEST)))
endif
CMOCKA_LIBS = $(shell pkg-config --libs cmocka)
$(TEST_OBJECTS): FILE_CFLAGS = $(shell pkg-config --silence-errors --cflags cmocka)
# Not run where the machine cannot.
$(BUILD)/tests/unit/simulated_vnni.o $(BUILD)/tests/unit/simulated_vnni.tidy: FILE_CFLAGS = $(AVX2_CFLAGS)

test: $(TEST_PROGRAMS) $(if $(TEST_BATS),all) ## run all tests (TEST=name: one of them)
	@GEN='$(abspath $(BUILD))/gen' GEN_SANITIZE='$(SANITIZE)' tests/run $(TEST_PROGRAMS) $(TEST_BATS)

test-sanitize: ## run the same tests under the address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize SANITIZE=1 test

# What shares memory between threads: the pool, sessions, batches, reading data, training; and several
# users of one model.
THREAD_TESTS := test_threads test_two_sessions test_session test_batch test_engine_lives test_dataset \
                test_ranks test_score test_compare test_explain

test-thread: ## run the tests in which threads work together under the thread sanitizer
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/thread SANITIZE=thread TEST='$(THREAD_TESTS)' test

test-resume: all ## kill a run of 10,000 prompts twenty times, resume it, compare (PROMPTS=N KILLS=N)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM && \
		cd "$$scratch" && GEN='$(abspath $(BUILD))/gen' MODEL='$(abspath tests/golden/models/base)' \
			'$(abspath tests/resume/kill)' $(or $(PROMPTS),10000) $(or $(KILLS),20)

test-memory: all ## memory of runs of 1,000 and of 10,000 prompts, compared (FEW=N PROMPTS=N; GNU time)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM && \
		cd "$$scratch" && GEN='$(abspath $(BUILD))/gen' MODEL='$(abspath tests/golden/models/base)' \
			'$(abspath tests/resume/memory)' $(or $(FEW),1000) $(or $(PROMPTS),10000)

# The program with calls that can be made to fail, tests/fault/inject.c, and the driver that makes
# them. Every one that the program makes of these goes through the injector.
FAULT_CALLS := malloc calloc realloc aligned_alloc mmap pthread_create open openat opendir stat lstat \
	fstat access read pread write fsync close rename unlink unlinkat flock ftruncate fchmod fchown \
	mkdir poll pipe clock_gettime getentropy
FAULT_DRIVER := $(filter-out tests/fault/inject.c,$(wildcard tests/fault/*.c))

test-fault: $(BUILD)/fault/sweep ## let every kind of call fail, one after the other (FULL=1: every single call)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize SANITIZE=1 $(BUILD)/sanitize/gen-fault
	@memory=/dev/shm; [ -w $$memory ] || memory=$${TMPDIR:-/tmp}; \
		scratch=$$(mktemp -d "$$memory/gen-fault-XXXXXX") && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM && \
		$(BUILD)/fault/sweep '$(abspath $(BUILD))/sanitize/gen-fault' '$(abspath tests/golden)' \
			"$$scratch" $(if $(FULL),--full) $(if $(CASE),--case '$(CASE)') $(if $(MOST),--most $(MOST))

$(BUILD)/fault/sweep: $(call object,$(FAULT_DRIVER))
	@mkdir -p $(@D)
	$(call say,LINK $@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/gen-fault: $(PROGRAM_OBJECTS) $(BUILD)/libgen.a $(call object,tests/fault/inject.c) $(BUILD)/sources
	$(call say,LINK $@)$(CC) $(ALL_LDFLAGS) $(FAULT_CALLS:%=-Wl,--wrap=%) -o $@ $(PROGRAM_OBJECTS) \
		$(call object,tests/fault/inject.c) $(BUILD)/libgen.a $(PROGRAM_LIBS)

# libFuzzer programs, one for each kind of input, with clang: tests/fuzz. They are linked with the
# program, too, but for main().
FUZZ_CC      ?= $(if $(findstring ccache,$(CC)),ccache )clang
FUZZ_CFLAGS  := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
FUZZ_NAMES   := $(or $(FUZZ),$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS := $(if $(MINUTES),$(shell echo $$(($(MINUTES) * 60))),$(or $(SECONDS),30))

fuzz: ## fuzz every kind of input for 30 seconds (MINUTES=N longer, FUZZ=gguf one of them; needs clang)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC='$(FUZZ_CC)' CFLAGS='$(FUZZ_CFLAGS)' \
		EMBEDDED_MODEL= FUZZ='$(FUZZ)' fuzz-programs
	@tests/fuzz/run $(FUZZ_SECONDS) '$(abspath $(BUILD))/fuzz' $(FUZZ_NAMES)

fuzz-programs: $(FUZZ_NAMES:%=$(BUILD)/fuzz_%)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/fuzz.o $(BUILD)/main_renamed.o \
		$(PROGRAM_OBJECTS) $(BUILD)/libgen.a
	$(call say,LINK $@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter-out %/src/main.o,$(filter %.o,$^)) $(BUILD)/libgen.a $(PROGRAM_LIBS)

$(BUILD)/main_renamed.o: src/main.c $(BUILD)/flags
	$(call say,CC   $<)$(CC) $(HARDENING) $(ALL_CFLAGS) -Dmain=gen_main -c -o $@ $<
.SECONDARY: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fuzz/*.c))

# The kernels of another machine in its emulator: what needs neither files of models nor libraries,
# with tests/neon/cmocka.h for cmocka. `max` has dot products of bytes, cortex-a57 has not.
NEON_CC    ?= aarch64-linux-gnu-gcc
NEON_TESTS := test_math test_threads test_kernels test_quant test_quant_kernels test_quant_matmul \
	test_same_bits

test-neon: ## run the kernel tests on an emulated AArch64 machine (needs `make deps-neon`)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/neon CC=$(NEON_CC) LDFLAGS=-static \
		CPPFLAGS=-Itests/neon neon-programs
	@for cpu in max cortex-a57; do \
		echo "== $$cpu"; \
		GEN_RUN_WITH="qemu-aarch64 -cpu $$cpu" tests/run $(NEON_TESTS:%=$(BUILD)/neon/%) || exit 1; \
	done

neon-programs: $(NEON_TESTS:%=$(BUILD)/%)
$(NEON_TESTS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/simulated_vnni.o \
		$(BUILD)/tests/unit/kernel_check.o $(BUILD)/tests/unit/kv_head.o $(call object,$(wildcard src/base/*.c src/tensor/*.c src/tensor/*/*.c src/tensor/*/*/*.c))
	$(call say,LINK $@)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lm -pthread

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(call object,$(TEST_HELPERS)) $(BUILD)/libgen.a
	$(call say,LINK $@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(or $(TEST_LIBS),$(ALL_LIBS))
# The sandbox is a part of the program, not of the library.
$(BUILD)/tests/test_sandbox: $(filter $(BUILD)/src/cli/%,$(PROGRAM_OBJECTS))
# So are the tables of options, and the conversation of gen chat.
PROGRAM_TESTS := $(BUILD)/tests/test_habits $(BUILD)/tests/test_chat_talk
$(PROGRAM_TESTS): $(filter-out %/src/main.o,$(PROGRAM_OBJECTS)) $(BUILD)/main_renamed.o
$(PROGRAM_TESTS): TEST_LIBS = $(PROGRAM_LIBS)
.SECONDARY: $(TEST_OBJECTS)

# MPI is found here only if it is installed: no other target needs it.
test-mpi: ## train with several processes and compare (skipped without mpicc and mpirun)
	@if command -v $(MPICC) >/dev/null && command -v mpirun >/dev/null; then \
		$(MAKE) --no-print-directory BUILD=$(BUILD)/mpi MPI=1 all check-layers && \
		$(MAKE) --no-print-directory MPI= $(BUILD)/gen && \
		GEN='$(abspath $(BUILD))/mpi/gen' GEN_ALONE='$(abspath $(BUILD))/gen' \
			tests/run tests/mpi/train.bats; \
	else echo "test-mpi: skipped, mpicc or mpirun is missing (sh scripts/deps.sh mpi)"; fi

# Daemons are started for these: not in `make test`, and one after the other.
test-examples: all ## run scripts/examples with a real Slurm and cron (skipped without; sh scripts/deps.sh examples)
	@GEN='$(abspath $(BUILD))/gen' GEN_TEST_JOBS=1 tests/run $(wildcard tests/examples/*.bats)

# A browser is found here only if it is installed, too.
test-page: all ## open the pages of gen explain in headless Chromium (needs `sh scripts/deps.sh page`)
	@GEN='$(abspath $(BUILD))/gen' tests/run tests/page/page.bats

bench: all ## measure speed on this machine
	@$(BUILD)/gen bench

# ---- checking ---------------------------------------------------------------------------------

check-layers: $(BUILD)/libgen.a ## prove the rules of the architecture from sources and library
	@sh scripts/check_layers.sh $(BUILD)/libgen.a

TIDY_CHECKS := $(patsubst %.c,$(BUILD)/%.tidy,$(PROGRAM_SOURCES) $(LIBRARY_SOURCES) \
	$(MANUAL_SOURCES) $(if $(SECCOMP_LIBS),scripts/seccomp_filter.c))

lint: check-layers $(TIDY_CHECKS) ## check format, static analysis, scripts, gcc and clang warnings
	$(call say,FORMAT)clang-format --dry-run -Werror $(wildcard $(PROGRAM_SOURCES) src/cli/ranks_*.c $(LIBRARY_SOURCES) \
		$(TEST_SOURCES) $(TEST_HELPERS) $(OTHER_TESTS) $(HEADERS) $(MANUAL_SOURCES)) scripts/seccomp_filter.c
	$(call say,SHELLCHECK)shellcheck $(SCRIPTS) $(BATS_FILES) $(wildcard tests/mpi/*.bats tests/examples/*.bats tests/page/*.bats)
	@mkdir -p $(BUILD)/cppcheck
	$(call say,CPPCHECK)cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--std=c11 --cppcheck-build-dir=$(BUILD)/cppcheck -Iinclude -Isrc src
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/gcc CC=gcc WERROR=1 TESTS_TOO=1 all objects
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang WERROR=1 TESTS_TOO=1 all objects
	@echo "lint: clean"

# clang_tidy.h tells the analyzer what the functions of error.c return.
TIDY_CFLAGS = -include scripts/clang_tidy.h
$(BUILD)/src/base/error.tidy: TIDY_CFLAGS =

$(BUILD)/%.tidy: %.c .clang-tidy scripts/clang_tidy.h $(HEADERS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,TIDY $<)clang-tidy --quiet $< -- $(ALL_CFLAGS) $(FILE_CFLAGS) $(TIDY_CFLAGS) 2>$@.log \
		|| { cat $@.log >&2; exit 1; }
	@mv $@.log $@

format: ## format all C sources in place
	clang-format -i $(PROGRAM_SOURCES) $(LIBRARY_SOURCES) $(TEST_SOURCES) $(TEST_HELPERS) \
		$(OTHER_TESTS) $(HEADERS) $(MANUAL_SOURCES) scripts/seccomp_filter.c

# ---- installing -------------------------------------------------------------------------------

# The directories are called as in GNU's and other projects' makefiles; PREFIX is prefix. What was
# built is what is installed: other flags given here change nothing.
prefix            = $(PREFIX)
exec_prefix       = $(prefix)
bindir            = $(exec_prefix)/bin
libdir            = $(exec_prefix)/lib
includedir        = $(prefix)/include
datarootdir       = $(prefix)/share
mandir            = $(datarootdir)/man
docdir            = $(datarootdir)/doc/gen
pkgconfigdir      = $(libdir)/pkgconfig
bashcompletiondir = $(datarootdir)/bash-completion/completions
zshcompletiondir  = $(datarootdir)/zsh/site-functions
fishcompletiondir = $(datarootdir)/fish/vendor_completions.d
INSTALL           = install
INSTALL_PROGRAM   = $(INSTALL) -m 755
INSTALL_DATA      = $(INSTALL) -m 644

PUBLIC_HEADERS := $(wildcard include/*.h)
EXAMPLES       := $(wildcard scripts/examples/*)
# Where README.md names them.
DOCUMENTS      := LICENSE README.md models/README.md scripts/SPEED.md scripts/manual/guide.md scripts/finetune_demo.sh $(EXAMPLES)
SHARED         := $(if $(wildcard $(BUILD)/lib/libgen.so.$(VERSION)),libgen.so.$(VERSION))
PAGES          := $(notdir $(wildcard $(BUILD)/share/man1/*.1))

# put DIRECTORY FILES: into a directory that is made if need be.
put = $(if $(2),$(INSTALL) -d '$(DESTDIR)$(1)' && $(INSTALL_DATA) $(2) '$(DESTDIR)$(1)')

install: ## install program, library, pages (prefix=/usr/local, DESTDIR=)
	@[ -e $(BUILD)/gen ] || $(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory install-built

install-built:
	$(INSTALL) -d '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(BUILD)/gen '$(DESTDIR)$(bindir)/gen'
	$(call put,$(includedir),$(PUBLIC_HEADERS))
	$(call put,$(libdir),$(BUILD)/lib/libgen.a)
	$(if $(SHARED),$(INSTALL_PROGRAM) $(BUILD)/lib/$(SHARED) '$(DESTDIR)$(libdir)')
	$(if $(SHARED),ln -sf $(SHARED) '$(DESTDIR)$(libdir)/$(SONAME)' && ln -sf $(SONAME) '$(DESTDIR)$(libdir)/libgen.so')
	$(INSTALL) -d '$(DESTDIR)$(pkgconfigdir)'
	sed -e 's|@prefix@|$(prefix)|; s|@version@|$(VERSION)|' -e 's|@libdir@|$(patsubst $(prefix)/%,$${prefix}/%,$(libdir))|' \
		-e 's|@includedir@|$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))|' scripts/gen.pc.in >'$(DESTDIR)$(pkgconfigdir)/gen.pc'
	$(call put,$(mandir)/man1,$(PAGES:%=$(BUILD)/share/man1/%))
	$(if $(PAGES),$(call put,$(mandir)/man7,$(BUILD)/share/man7/gen-guide.7))
	$(if $(PAGES),$(call put,$(bashcompletiondir),$(BUILD)/share/bash/gen))
	$(if $(PAGES),$(call put,$(zshcompletiondir),$(BUILD)/share/zsh/_gen))
	$(if $(PAGES),$(call put,$(fishcompletiondir),$(BUILD)/share/fish/gen.fish))
	for file in $(DOCUMENTS); do \
		$(INSTALL) -d "$$(dirname '$(DESTDIR)$(docdir)'/$$file)" && \
		$(INSTALL_DATA) $$file '$(DESTDIR)$(docdir)'/$$file || exit 1; done
	ln -sfn scripts/examples '$(DESTDIR)$(docdir)/examples'
	@chmod 644 '$(DESTDIR)$(pkgconfigdir)/gen.pc'
	@case '$(DESTDIR)$(libdir)' in /usr/*) ! command -v ldconfig >/dev/null || ldconfig || true ;; esac

# Not every page that is called gen-something is ours.
PAGE_NAMES = $(shell sed -n 's/^    \.name = "\([a-z]*\)",$$/-\1/p' src/cmd/*.c src/cmd/*/*.c)

uninstall: ## remove what install put there
	rm -f '$(DESTDIR)$(bindir)/gen' $(PUBLIC_HEADERS:include/%='$(DESTDIR)$(includedir)/%') \
		$(patsubst %,'$(DESTDIR)$(libdir)/%',libgen.a libgen.so $(SONAME) libgen.so.$(VERSION)) \
		'$(DESTDIR)$(pkgconfigdir)/gen.pc' '$(DESTDIR)$(mandir)/man1/gen.1' '$(DESTDIR)$(mandir)/man7/gen-guide.7' $(patsubst %,'$(DESTDIR)$(mandir)/man1/gen%.1',$(PAGE_NAMES)) \
		'$(DESTDIR)$(bashcompletiondir)/gen' '$(DESTDIR)$(zshcompletiondir)/_gen' \
		'$(DESTDIR)$(fishcompletiondir)/gen.fish' '$(DESTDIR)$(docdir)/examples' $(patsubst %,'$(DESTDIR)$(docdir)/%',$(DOCUMENTS))
	@rmdir $(patsubst %,'$(DESTDIR)$(docdir)/%',scripts/examples/ scripts/manual/ $(filter-out ./ scripts/examples/ scripts/manual/,$(sort $(dir $(DOCUMENTS))))) '$(DESTDIR)$(docdir)' 2>/dev/null || true

dist: ## write a source archive, build/gen-VERSION.tar.gz, of what git tracks
	@sh scripts/make_dist.sh $(VERSION) $(BUILD)/gen-$(VERSION).tar.gz

deb: ## make Debian packages of what was built, in build/deb
	@[ -e $(BUILD)/gen ] || $(MAKE) --no-print-directory all
	@sh scripts/make_deb.sh $(BUILD) $(VERSION) $(SONAME)

test-package: ## build from `make dist` in a clean folder, try the packages of `make deb`
	@$(MAKE) --no-print-directory dist
	@if command -v dpkg-shlibdeps >/dev/null; then $(MAKE) --no-print-directory deb; fi
	@CC='$(CC)' bash tests/package/try.sh '$(abspath $(BUILD))' $(VERSION)

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

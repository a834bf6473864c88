# For people; the build itself is Meson and Ninja (meson.build). `make help` lists the targets.
BUILD   ?= build
prefix  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
MESON_FLAGS ?=

meson_setup = test -f $(1)/build.ninja || meson setup $(1) --prefix=$(prefix) $(MESON_FLAGS) $(2) >$(1).log 2>&1 \
	|| { cat $(1).log; rm -rf $(1); exit 1; }; rm -f $(1).log

.PHONY: all configure demo test test-model asan tsan fuzz bench lint format symbols install deb clean help

all: ## build/thorax and build/libthorax.so (gcc, no network)
	@sh tools/packages.sh check build
	@$(call meson_setup,$(BUILD),-Dtests=false)
	@ninja -C $(BUILD) -j $(JOBS)

demo: ## the demo model on a phantom film: report, findings, boxes, overlay
	@sh tools/packages.sh install build
	@$(MAKE) --no-print-directory all
	$(BUILD)/thorax demo

test: ## all tests and checks; closes with "N passed, N failed"
	@sh tools/packages.sh install build test
	@BUILD=$(BUILD) JOBS=$(JOBS) sh tests/run.sh

test-model: ## what can be checked on a folder of your own: make test-model MODEL=DIR
	@test -n "$(MODEL)" || { echo "make test-model MODEL=DIR"; exit 2; }
	@$(MAKE) --no-print-directory all
	$(BUILD)/thorax verify "$(MODEL)"
	$(BUILD)/thorax doctor -m "$(MODEL)"

asan: ## unit tests under the address and undefined-behaviour sanitizers
	@sh tools/packages.sh install build test
	@BUILD=$(BUILD)-asan JOBS=$(JOBS) sh tests/run.sh asan

tsan: ## unit tests under the thread sanitizer, kernels single-threaded
	@sh tools/packages.sh install build test
	@BUILD=$(BUILD)-tsan JOBS=$(JOBS) sh tests/run.sh tsan

fuzz: ## every parser under libFuzzer: make fuzz [SECONDS=60] [TARGET=name]
	@sh tools/packages.sh install build test fuzz
	@BUILD=$(BUILD)-fuzz JOBS=$(JOBS) sh tests/fuzz/run.sh "$(SECONDS)" "$(TARGET)"

bench: ## programs that measure: make bench [MODEL=DIR]
	@sh tools/packages.sh install build
	@$(MAKE) --no-print-directory all
	$(BUILD)/thorax bench $(if $(MODEL),-m "$(MODEL)")

lint: ## includes against the room table, symbols, documents, longest functions
	@BUILD=$(BUILD) sh tools/lint/run.sh

format: ## clang-format over the C files
	@sh tools/packages.sh install format
	find include src tests bench -name '*.[ch]' | xargs clang-format -i

symbols: all ## writes include/thorax.symbols from the library
	nm -D --defined-only $(BUILD)/libthorax.so | awk '$$2 ~ /[TDBR]/ { sub(/@.*/, "", $$3); print $$3 }' | LC_ALL=C sort > include/thorax.symbols

install: all ## into DESTDIR and prefix: make install [prefix=/usr/local] [DESTDIR=]
	@meson configure $(BUILD) -Dprefix=$(prefix)
	@ninja -C $(BUILD) -j $(JOBS)
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild
	@if test -z "$(DESTDIR)" && test "$$(id -u)" = 0; then ldconfig; fi

deb: ## dist/thorax_VERSION_ARCH.deb
	@sh tools/packages.sh install build deb
	@JOBS=$(JOBS) sh tools/deb.sh

clean: ## removes what was built
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-deb dist

help: ## this list
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-11s %s\n", $$1, $$2 }' Makefile

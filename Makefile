# SPDX-License-Identifier: GPL-2.0-or-later
# A thin front to configure, meson and ninja. Each target does all that it needs on a fresh Debian 12.

BUILD ?= build

all: build

deps:
	@scripts/install-deps

$(BUILD)/build.ninja: | deps
	@./configure --build=$(BUILD)

build: deps $(BUILD)/build.ninja
	@ninja -C $(BUILD)

# Records a boot of Debian's installer kernel with a scripted serial session, and replays it.
run: build
	@scripts/demo $(BUILD)

check: build
	@scripts/check $(BUILD)

check-quick: build
	@scripts/check $(BUILD) --quick

check-slow: build
	@scripts/check $(BUILD) --slow

bench: build
	@scripts/install-deps --bench
	@scripts/bench $(BUILD)

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD)

.PHONY: all deps build run check check-quick check-slow bench format clean

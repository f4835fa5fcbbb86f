# SPDX-License-Identifier: Apache-2.0
# The front door only: each target is a script of the same name in scripts/, or
# one call of CMake.  Everything else is in CMakePresets.json and CONTRIBUTING.md.
PREFIX ?= /usr/local
.PHONY: build run check test bench cover lint fuzz-long soak install deb

build:         ## build/joulebook, with what the system lacks named, not installed
	@scripts/build dev
run check test bench cover fuzz-long lint soak:
	@scripts/$@
install:       ## below PREFIX and DESTDIR
	@scripts/build max && cmake --install build-max --prefix "$(PREFIX)"
deb:           ## build-max/joulebook_*.deb
	@scripts/deps build package && scripts/build max
	@cd build-max && cpack -G DEB

# SPDX-License-Identifier: Apache-2.0
# Every switch of the build, with its default; CMakePresets.json only sets them.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(JB_WITH_TESTS "Build the tests (needs cmocka)" ON)
option(JB_WITH_LAB "Build the virtual hardware (needs libfuse3)" ON)
option(JB_WITH_YAML "Read configuration files (needs libyaml)" ON)
option(JB_WITH_BPF "Usage by BPF (needs clang and libbpf)" ON)
option(JB_WITH_FUZZ "Build the fuzz targets (needs clang)" OFF)
set(JB_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
option(JB_COVERAGE "Count executed lines" OFF)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
if(JB_WITH_YAML)
  pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
endif()
if(JB_WITH_BPF)
  pkg_check_modules(BPF REQUIRED IMPORTED_TARGET libbpf>=1.0)
  find_program(JB_CLANG clang REQUIRED)
  enable_language(ASM) # the compiled programs are put into the module as bytes
endif()
if(JB_WITH_LAB)
  pkg_check_modules(FUSE3 REQUIRED IMPORTED_TARGET fuse3>=3.10)
endif()

add_library(jb_flags INTERFACE)
target_compile_definitions(jb_flags INTERFACE _GNU_SOURCE)
target_compile_options(jb_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wvla -Wpointer-arith -Wwrite-strings -Wundef
  -Wformat=2 -Wcast-qual -Werror
  -fno-math-errno) # sqrt() is one instruction: no libm in the program
if(JB_SANITIZE) # instrumented, gcc sees paths that are not there
  target_compile_options(jb_flags INTERFACE
    -fsanitize=${JB_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all
    $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(jb_flags INTERFACE -fsanitize=${JB_SANITIZE})
endif()
if(JB_COVERAGE)
  target_compile_options(jb_flags INTERFACE --coverage -O0)
  target_link_options(jb_flags INTERFACE --coverage)
  target_link_libraries(jb_flags INTERFACE m) # without -O sqrt() is a call
endif()

# SPDX-License-Identifier: Apache-2.0
# jb_test(NAME LABEL command...)
#
# LABEL says when it runs:
#   quick        each `make check`: no server, no mount, a second or so
#   integration  `make test`: real servers, virtual hardware
#   torture      `make test`: the n-th allocation, open, read or write fails
#   fuzz         `make test`: a few seconds of each fuzz target
#   lint         `make test`: the house style, on the ordinary build
#   soak         `make soak`: ten minutes and more
# Several builds run in one ctest (scripts/test), so each build but dev puts its
# name before its tests' names: unit/text, asan/unit/text, tsan/unit/text.
if(JB_WITH_TESTS)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()
set(JB_TEST_PREFIX "" CACHE STRING "Put before the name of every test")
set(JB_TEST_LABELS "" CACHE STRING "Only tests of these labels; empty for all")

set(JB_TEST_ENVIRONMENT
  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
  UBSAN_OPTIONS=print_stacktrace=1
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)

function(jb_test name label)
  set(known quick integration torture fuzz lint soak)
  if(NOT label IN_LIST known)
    message(FATAL_ERROR "test ${name}: '${label}' is none of ${known}")
  endif()
  if(JB_TEST_LABELS AND NOT label IN_LIST JB_TEST_LABELS)
    return()
  endif()
  add_test(NAME ${JB_TEST_PREFIX}${name} COMMAND ${ARGN})
  set_tests_properties(${JB_TEST_PREFIX}${name} PROPERTIES
    LABELS ${label}
    TIMEOUT $<IF:$<STREQUAL:${label},quick>,60,600>
    ENVIRONMENT "${JB_TEST_ENVIRONMENT}")
  if(label STREQUAL soak)
    set_tests_properties(${JB_TEST_PREFIX}${name} PROPERTIES TIMEOUT 0)
  endif()
endfunction()

# jb_test_properties(NAME property value...)
# RUN_SERIAL for what measures time, RESOURCE_LOCK, ENVIRONMENT_MODIFICATION.
function(jb_test_properties name)
  if(TEST ${JB_TEST_PREFIX}${name})
    set_tests_properties(${JB_TEST_PREFIX}${name} PROPERTIES ${ARGN})
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
# jb_layer(NAME SOURCES file... [USES layer...] [LINK library...])
#
# One folder below src/ is one target, jb_NAME.  Others include its headers as
# "NAME/header.h", and can do so only when they name it in USES: each layer is
# seen through a directory of its own that holds nothing but a link to it.  An
# arrow that design forbids therefore does not compile.
function(jb_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINK" ${ARGN})
  set(view ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${view}/${name} SYMBOLIC)

  add_library(jb_${name} STATIC ${ARG_SOURCES})
  target_include_directories(jb_${name} PUBLIC
    ${CMAKE_SOURCE_DIR}/include ${view})
  target_link_libraries(jb_${name} PRIVATE jb_flags)
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(jb_${name} PUBLIC jb_${used})
  endforeach()
  target_link_libraries(jb_${name} PUBLIC ${ARG_LINK})
endfunction()

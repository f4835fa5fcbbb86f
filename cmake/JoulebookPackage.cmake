# SPDX-License-Identifier: Apache-2.0
# Programs and modules are installed where they are built; the rest is here.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/joulebook
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md
    ${CMAKE_SOURCE_DIR}/docs/reference/library.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# The unit names the program where it is put, which is known then only.
set(unit ${CMAKE_BINARY_DIR}/joulebook-broker.service)
install(CODE "
  set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  configure_file(
    \"${CMAKE_SOURCE_DIR}/deploy/systemd/joulebook-broker.service.in\"
    \"${unit}\" @ONLY)")
install(FILES ${unit} DESTINATION lib/systemd/system)

# One package: the program, the library and the modules that both load are of one
# build, and the headers are small.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME joulebook)
set(CPACK_PACKAGE_CONTACT "Joulebook maintainers <joulebook@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # Depends: what the binaries link
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON) # for packages that link ours
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
include(CPack)

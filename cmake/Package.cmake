# The Debian package: cpack -G DEB in build/release. The command and what its module installs come
# from src/cli; here is what a service needs beside it.

include(GNUInstallDirs)
set(FANFARE_DEPLOY "${PROJECT_SOURCE_DIR}/deploy")

# Where systemd and Debian look for them, whatever the prefix.
install(FILES "${FANFARE_DEPLOY}/fanfare.service" DESTINATION lib/systemd/system)
install(FILES "${FANFARE_DEPLOY}/gateway.toml" DESTINATION /etc/fanfare)
install(FILES "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/fanfare")
install(FILES "${FANFARE_DEPLOY}/README.md" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/fanfare/deploy")
install(FILES "${FANFARE_DEPLOY}/alerts.yml" "${FANFARE_DEPLOY}/dashboard.json"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/fanfare")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/fanfare/docs"
        FILES_MATCHING PATTERN "*.md")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fanfare)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_VENDOR Fanfare)
set(CPACK_PACKAGE_CONTACT "Fanfare <fanfare@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
# Permissions of the package are not those of whoever builds it.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${FANFARE_DEPLOY}/debian/conffiles" "${FANFARE_DEPLOY}/debian/postinst"
    "${FANFARE_DEPLOY}/debian/prerm" "${FANFARE_DEPLOY}/debian/postrm")
include(CPack)

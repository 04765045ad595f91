# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Adds the bvf provider to an rdma-core tree without an edit to it:
#   cmake -DCMAKE_PROJECT_rdma-core_INCLUDE=<this file> ...
# CMake reads this at rdma-core's project() line; the deferred include runs at
# the end of its top CMakeLists.txt, where add_subdirectory() is not allowed.
cmake_language(EVAL CODE
  "cmake_language(DEFER CALL include [[${CMAKE_CURRENT_LIST_DIR}/bvf/provider.cmake]])")

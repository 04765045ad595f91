# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# The provider's target inside an rdma-core build; see ../inject.cmake.
# Knows rdma-core's cmake functions, nothing of this repository's Makefiles.

get_filename_component(BVF_DIR "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)
get_filename_component(BVF_INCLUDE "${BVF_DIR}/../../kmod/include" ABSOLUTE)
set(BVF_ABI "${BVF_INCLUDE}/uapi/rdma/bvf-abi.h")
set(BVF_KABI "${BUILD_INCLUDE}/kernel-abi/bvf-abi.h")

string(REGEX MATCH "^[0-9]+" BVF_RDMA_CORE "${PACKAGE_VERSION}")

add_custom_command(
  OUTPUT "${BVF_KABI}"
  COMMAND "${PYTHON_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/buildlib/make_abi_structs.py"
          "${BVF_ABI}" "${BVF_KABI}"
  DEPENDS "${BVF_ABI}" "${PROJECT_SOURCE_DIR}/buildlib/make_abi_structs.py"
  COMMENT "Creating ABI wrapper ${BVF_KABI}"
)

rdma_provider(bvf
  "${BVF_DIR}/bvf.c"
  "${BVF_DIR}/ctx.c"
  "${BVF_DIR}/pd.c"
  "${BVF_DIR}/mr.c"
  "${BVF_DIR}/ah.c"
  "${BVF_DIR}/cq.c"
  "${BVF_DIR}/poll.c"
  "${BVF_DIR}/poll_ex.c"
  "${BVF_DIR}/qp.c"
  "${BVF_DIR}/wr.c"
  "${BVF_KABI}"
)

set(BVF_TARGET "bvf-rdmav${IBVERBS_PABI_VERSION}")
target_include_directories(${BVF_TARGET} PRIVATE
  "${BVF_INCLUDE}/hw" "${BVF_INCLUDE}/uapi/rdma")
target_compile_definitions(${BVF_TARGET} PRIVATE BVF_RDMA_CORE=${BVF_RDMA_CORE})
target_compile_options(${BVF_TARGET} PRIVATE -Werror)

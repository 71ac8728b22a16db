/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#define __TARGET_ARCH_x86 1
#define UNWIND_SNAPSHOT unwind_snapshot_x86_64
#include "driver.h"

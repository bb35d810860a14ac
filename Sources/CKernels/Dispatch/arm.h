#pragma once
#include <stdbool.h>

/// What an Arm processor may have beyond NEON.
typedef enum { ArmCRC32, ArmDotProduct, ArmI8MM, ArmBF16 } ArmFeature;

/// Whether this processor and its system do have it; false on other families of processors.
bool ck_arm_has(ArmFeature feature);

#include "arm.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

bool ck_arm_has(ArmFeature feature) {
  // Bits that Linux promises its programs (Documentation/arch/arm64/elf_hwcaps.rst), as numbers
  // because older headers do not name them all.
  switch (feature) {
  case ArmCRC32: return getauxval(AT_HWCAP) >> 7 & 1;
  case ArmDotProduct: return getauxval(AT_HWCAP) >> 20 & 1;
  case ArmI8MM: return getauxval(AT_HWCAP2) >> 13 & 1;
  case ArmBF16: return getauxval(AT_HWCAP2) >> 14 & 1;
  }
  return false;
}

#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

bool ck_arm_has(ArmFeature feature) {
  const char *const names[] = {
      [ArmCRC32] = "hw.optional.armv8_crc32",
      [ArmDotProduct] = "hw.optional.arm.FEAT_DotProd",
      [ArmI8MM] = "hw.optional.arm.FEAT_I8MM",
      [ArmBF16] = "hw.optional.arm.FEAT_BF16",
  };
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(names[feature], &value, &size, 0, 0) == 0 && value != 0;
}

#else
bool ck_arm_has(ArmFeature feature) {
  (void)feature;
  return false;
}
#endif

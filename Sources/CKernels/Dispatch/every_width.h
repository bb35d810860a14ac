// As each_width.h, for kernels that give the same bits everywhere because there is but one code:
// what processors without vectors of floats run, the scalar version, is that code in vectors of 4.

#define LANES 4
#define V(name) name##_scalar
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V

#include "each_width.h"

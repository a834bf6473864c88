/* The judge of GREEN on our engine; see green.h. */
#include "metrics/green.h"

/* Memory that runs out on purpose. */
#ifndef TESTS_ALLOC_WRAP_H
#define TESTS_ALLOC_WRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Lets the n-th allocation from now on fail, and it alone; 0 = none. */
void wrap_arm(size_t n);

/* Stops failing; tells how many allocations there were since wrap_arm(). */
size_t wrap_disarm(void);

#endif

/* Speeds. */
#include "harness.h"
void run_speeds(thx_ctx *ctx, const char *filter) { (void)ctx; (void)filter; }

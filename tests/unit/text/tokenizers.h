/* What the tests of this room share. */
#ifndef TESTS_TEXT_TOKENIZERS_H
#define TESTS_TEXT_TOKENIZERS_H

#include "base/file.h"
#include "text/text.h"

#include <jansson.h>

#endif

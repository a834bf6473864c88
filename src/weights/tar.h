/* The plain files of a tar archive, also a gzipped one, one after the other, as archives of published weights come.
 *
 * Read once from the beginning; nothing is written anywhere. Names longer than a header holds (pax, GNU) are
 * known; folders, links and all else are skipped. */
#ifndef THX_WEIGHTS_TAR_H
#define THX_WEIGHTS_TAR_H

#include "base/error.h"

enum { THX_TAR_NAME = 512 }; /* bytes of a name, its 0 counted; files with longer ones are skipped */

typedef struct thx_tar thx_tar;

/* THORAX_IO: no such file. THORAX_NOMEM. The form is told by the first bytes; `most`: bytes that may be unpacked. */
thorax_status thx_tar_open(thx_tar **out, const char *path, uint64_t most, thorax_error *err);
void          thx_tar_close(thx_tar *t);

/* The next plain file: its name (borrowed until the next call) and size; *name is NULL behind the last one. What was
 * not read of the file before is skipped. THORAX_FORMAT: no tar archive, a header that is broken, an archive that is
 * cut short or does not unpack. THORAX_LIMIT: more bytes than `most`. */
thorax_status thx_tar_next(thx_tar *t, const char **name, uint64_t *size, thorax_error *err);

/* The next bytes of that file, at most n: *got = 0 at its end. Statuses as above. */
thorax_status thx_tar_read(thx_tar *t, void *out, size_t n, size_t *got, thorax_error *err);

#endif

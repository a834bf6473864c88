/* Files: mapped read-only, read whole under a limit, written so that a reader
 * never sees half of one. Symbolic links are followed (hub caches are made of them). */
#ifndef THX_BASE_FILE_H
#define THX_BASE_FILE_H

#include "base/error.h"

/* A file mapped read-only and shared; `data` is NULL when size is 0. */
typedef struct thx_map { const unsigned char *data; size_t size; } thx_map;

/* THORAX_IO when the file is missing, not a regular file, or cannot be mapped. */
thorax_status thx_map_open(thx_map *out, const char *path, thorax_error *err);
void          thx_map_close(thx_map *map);

/* Tells the system that a few bytes here and there will be read, so that it brings no pages around them; or, with
 * false, that it may do so again. */
void thx_map_expect_random(const thx_map *map, bool random);

/* The whole file, with a 0 byte after the last one; the caller frees *data.
 * THORAX_IO; THORAX_LIMIT when it is larger than max_bytes; THORAX_NOMEM. */
thorax_status thx_file_read(char **data, size_t *size, const char *path, size_t max_bytes, thorax_error *err);

/* Writes through a temporary neighbour and renames it into place; a device or pipe that is there is written to.
 * THORAX_IO: nothing is left behind. */
thorax_status thx_file_write(const char *path, const void *data, size_t size, thorax_error *err);

/* The same for data that nobody else may read: mode 0600. */
thorax_status thx_file_write_private(const char *path, const void *data, size_t size, thorax_error *err);

bool thx_file_exists(const char *path);
bool thx_is_folder(const char *path);
bool thx_is_special(const char *path); /* a device, pipe or socket: written to, never replaced */

/* Makes a folder and the folders above it; one that is there is fine. */
thorax_status thx_folder_make(const char *path, thorax_error *err);

/* The same for data that nobody else may read: mode 0700 where it is not there; a folder that is there keeps its mode.
 * THORAX_IO; THORAX_NOMEM. */
thorax_status thx_folder_make_private(const char *path, thorax_error *err);

/* "folder/name"; the caller frees it; NULL when memory runs out. */
char *thx_path_join(const char *folder, const char *name);

#endif

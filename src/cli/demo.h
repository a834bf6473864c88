/* The bundled demo model and its film. */
#ifndef THX_CLI_DEMO_H
#define THX_CLI_DEMO_H

#include "thorax.h"

/* The demo model's folder: -m, else beside the program (../share/thorax/models/demo,
 * ../models/demo), else where it was installed to. The caller frees it; NULL when there is none. */
char *cli_demo_folder(const char *given);

/* Its film: `given`, else film.png of the folder, else a phantom drawn now. `drawn` (may be NULL)
 * receives what findings the phantom has, by name; "" where that is not known. */
thorax_status cli_demo_film(thorax_film **out, const char *folder, const char *given,
                            char drawn[256], thorax_error *err);

#endif

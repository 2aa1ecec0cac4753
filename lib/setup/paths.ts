/**
 * Where set-up keeps what it makes: everything but `node_modules` lies in `.lab/` of the checkout.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What set-up makes, apart from `node_modules`; ignored by git and safe to delete. */
export const lab = join(root, ".lab");

/** The Python environment's interpreter (a link, so that an update swaps environments at once). */
export const python = join(lab, "python", "bin", "python");

/**
 * Loads the native binding given as argument and prints the version of the TensorFlow behind it.
 *
 * @module
 */
import { createRequire } from "node:module";

const [path] = Deno.args;
if (path === undefined) throw new TypeError("Cannot try a binding as its path is missing");
const binding = createRequire(import.meta.url)(path);
console.log(`TensorFlow ${binding.TF_Version}`);

/**
 * Loads the native binding given as argument, and prints the version of the TensorFlow behind it and
 * whether the lab's own operations work in it.
 *
 * @module
 */
import { createRequire } from "node:module";
import { hasOperations } from "./operations.ts";

const [path] = Deno.args;
if (path === undefined) throw new TypeError("Cannot try a binding as its path is missing");
const binding = createRequire(import.meta.url)(path);
const operations = hasOperations(binding) ? " with the lab's operations" : "";
console.log(`TensorFlow ${binding.TF_Version}${operations}`);

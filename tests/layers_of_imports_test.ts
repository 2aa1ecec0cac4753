/**
 * Imports point one way, so that every part can be read, tested and used without those above it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { root } from "$lib/setup/paths.ts";

/** From the ground up: a file imports from its own layer and from those below it. */
const layers: [name: string, files: RegExp][] = [
  [
    "ground",
    /^(?:files|flowed|hash|lp|models|numbers|options|parameters|records|safetensors|statistics|waiting|used)\.ts$|^(?:data|setup)\//,
  ],
  ["backend", /^(?:backend|kernels)\.ts$/],
  [
    "arithmetic",
    /^(?:compile|conv_relu_pool|dense|forward|operations|norms|random|layers|loader|loss|ops|adam)\.ts$|^(?:graph|statistics)\//,
  ],
  ["networks", /^(?:architectures|network|weights)\.ts$/],
  ["work", /^(?:trainer|trained|training_step|checkpoint)\.ts$|^(?:attacks|protections)\//],
  [
    "results",
    /^(?:affine|attackable|choose|distances|final|minnorm|results|rows|solved|watch)\.ts$|^(?:evaluation|final|portfolio|resistance|results)\//,
  ],
  ["pictures", /^own_image\.ts$|^plots\//],
  ["notebooks", /^notebook\.ts$|^report\//],
  ["commands", /^cli\//],
];

/** What a file of `lib/` imports: other files of it by path, packages as `npm:...`. */
interface Imports {
  /** Needed when the program runs. */
  code: string[];
  /** Types only. */
  types: string[];
}

const files = await filesOf(join(root, "lib"));
const graph = await importGraph(files);

Deno.test("every file of lib/ has a layer", () => {
  const without = files.filter((file) => layerOf(file) === -1);
  assertEquals(without, [], "give them a layer in tests/layers_of_imports_test.ts");
});

Deno.test("files import from their own layer and those below", () => {
  const upwards = [...graph].flatMap(([file, { code, types }]) =>
    [...code, ...types]
      .filter((target) => graph.has(target) && layerOf(target) > layerOf(file))
      .map((target) => `${file} -> ${target}`)
  );
  assertEquals(upwards, []);
});

Deno.test("no file needs itself by way of others", () => {
  for (const file of files) {
    assert(!reach(file).has(file), `${file} imports itself through others`);
  }
});

Deno.test("TensorFlow comes in by one door", () => {
  const doors = [...graph].flatMap(([file, { code }]) =>
    code.some((target) => target.includes("@tensorflow/")) ? [file] : []
  );
  // The builder takes nothing but the protobuf classes, which hold no state.
  assertEquals(doors.toSorted(), ["backend.ts", "graph/builder.ts"]);
});

Deno.test("figures know rows, never tensors", () => {
  const figures = files.filter((file) => file.startsWith("plots/"));
  assert(figures.length > 0);
  for (const file of figures) assert(!reach(file).has("backend.ts"), `${file} needs tensors`);
});

Deno.test("only notebook.ts talks to the kernel", async () => {
  const talking: string[] = [];
  for (const file of files) {
    const source = await Deno.readTextFile(join(root, "lib", file));
    if (/\bDeno\.jupyter\b/.test(source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ""))) {
      talking.push(file);
    }
  }
  assertEquals(talking, ["notebook.ts"]);
});

function layerOf(file: string): number {
  return layers.findIndex(([, pattern]) => pattern.test(file));
}

/** All files that a file needs when it runs, itself only if it is part of a circle. */
function reach(file: string): Set<string> {
  const found = new Set<string>();
  const open = [file];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const target of graph.get(next)?.code ?? []) {
      if (found.has(target)) continue;
      found.add(target);
      open.push(target);
    }
  }
  return found;
}

async function filesOf(folder: string, found: string[] = []): Promise<string[]> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) await filesOf(path, found);
    else if (path.endsWith(".ts")) found.push(relative(join(root, "lib"), path));
  }
  return found.toSorted();
}

/** Asks `deno info` about one module that imports all files. */
async function importGraph(files: string[]): Promise<Map<string, Imports>> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = files.map((file) => `import "${pathToFileURL(join(root, "lib", file))}";\n`);
    await Deno.writeTextFile(entry, imports.join(""));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", join(root, "deno.json"), entry],
    }).output();
    const { modules }: { modules: Module[] } = JSON.parse(new TextDecoder().decode(stdout));
    const byPath = new Map(modules.map((module) => [pathIn(module.specifier), module]));
    return new Map(files.map((file) => [file, importsOf(byPath.get(file))]));
  } finally {
    await Deno.remove(entry);
  }
}

/** The part of `deno info --json` that is read here. */
interface Module {
  specifier: string;
  dependencies?: { code?: { specifier?: string }; type?: { specifier?: string } }[];
}

function importsOf(module: Module | undefined): Imports {
  const of = (kind: "code" | "type") =>
    module?.dependencies?.flatMap((dependency) => dependency[kind]?.specifier ?? []).map(pathIn) ??
      [];
  return { code: of("code"), types: of("type") };
}

/** The path within `lib/`, or the specifier as it is for what lies elsewhere. */
function pathIn(specifier: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  return relative(join(root, "lib"), fileURLToPath(specifier));
}

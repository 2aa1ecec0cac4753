/**
 * Set-up: what is ready and what is not, missing tools, and downloads that fall silent.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { bindingPath, buildBinding, sourcesHash, tfjsNode } from "$lib/setup/binding.ts";
import {
  createEnvironment,
  downloadedBytes,
  environment,
  findPython,
} from "$lib/setup/environment.ts";
import { execute, exists, pipReason, SetupError, which } from "$lib/setup/host.ts";
import { jupyterEnvironment } from "$lib/setup/jupyter.ts";
import { ensureLibrary, native, readTaken } from "$lib/setup/native.ts";
import { hasOperations } from "$lib/setup/operations.ts";
import { root } from "$lib/setup/paths.ts";
import { download, fetchPrebuilt, prebuiltAddresses } from "$lib/setup/prebuilt.ts";
import { prepare, unready } from "$lib/setup/prepare.ts";
import { featuresOf } from "$lib/setup/processor.ts";
import { during, megabytes, type Step } from "$lib/setup/step.ts";
import { inFolder } from "./in_folder.ts";

const signal = new AbortController().signal;
const published = { version: "4.22.0", binary: { host: "https://example.test/binding" } };

/** Runs `use` with a PATH that holds the given scripts and nothing else. */
async function withPrograms(
  scripts: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    for (const [name, body] of Object.entries(scripts)) {
      await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    const path = Deno.env.get("PATH");
    Deno.env.set("PATH", folder);
    try {
      await use(folder);
    } finally {
      Deno.env.set("PATH", path ?? "");
    }
  });
}

/** Serves on loopback while `use` runs. */
async function withServer(
  handler: (request: Request) => Response,
  use: (base: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    await use(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

Deno.test("findPython() names what is missing, why, and the remedy", async () => {
  await withPrograms({}, async () => {
    const { message } = await assertRejects(
      () => findPython("JupyterLab runs on it", { signal }),
      SetupError,
    );
    assertEquals(message.split("\n").length, 1);
    for (const part of ["Python 3.10", "JupyterLab runs on it", "apt install python3"]) {
      assertStringIncludes(message, part);
    }
  });
});

Deno.test("findPython() refuses a Python that is too old, and says which", async () => {
  await withPrograms({ python3: "echo 3.9.2 False" }, async () => {
    const error = await assertRejects(() => findPython("why", { signal }), SetupError);
    assertStringIncludes(error.message, "is version 3.9.2");
  });
  await withPrograms({ python3: "echo 3.11.2 True" }, async (folder) => {
    assertEquals(await findPython("why", { signal }), join(folder, "python3"));
  });
});

Deno.test("createEnvironment() tells a Python without venv from other failures", async () => {
  const split =
    "echo 'The virtual environment was not created: ensurepip is not available'; exit 1";
  await withPrograms({ python3: split }, async (folder) => {
    const error = await assertRejects(
      () => createEnvironment(join(folder, "python3"), join(folder, "made"), { signal }),
      SetupError,
    );
    assertStringIncludes(error.message, "apt install python3-venv");
  });
});

Deno.test("which() takes the first name that is there, and no folder for a program", async () => {
  await withPrograms({ "clang++": "" }, async (folder) => {
    await Deno.mkdir(join(folder, "g++"));
    assertEquals(which("g++", "clang++"), join(folder, "clang++"));
    assertEquals(which("c++"), undefined);
  });
});

Deno.test("execute() gives output and lines, and stops the program when aborted", async () => {
  const lines: string[] = [];
  const outcome = await execute("/bin/sh", ["-c", "echo one; echo two; echo bad >&2; exit 3"], {
    signal,
    onLine: (line) => lines.push(line),
  });
  assertEquals(outcome, { success: false, stdout: "one\ntwo\n", stderr: "bad\n" });
  assertEquals(lines, ["one", "two"]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stop")), 50);
  const start = performance.now();
  await assertRejects(
    // The shell's child keeps the output open after the shell has ended.
    () => execute("/bin/sh", ["-c", "sleep 6; exit"], { signal: controller.signal }),
    Error,
    "stop",
  );
  assert(performance.now() - start < 4000);
});

Deno.test("download() writes what comes, however slowly", async () => {
  const parts = ["a", "b", "c", "d"];
  const body = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 120));
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(part));
      },
    });
  await inFolder((folder) =>
    withServer(() => new Response(body()), async (base) => {
      const path = join(folder, "file");
      assertEquals(await download(`${base}/file`, path, { signal, silenceMs: 300 }), 4);
      assertEquals(await Deno.readTextFile(path), "abcd");
    })
  );
});

Deno.test("download() gives a silent server up, before and in the middle of the answer", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "file");
    const start = performance.now();
    // Takes connections and never says a word, as a host behind a dropping firewall does.
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await assertRejects(
      () => download(`http://127.0.0.1:${listener.addr.port}/x`, path, { signal, silenceMs: 100 }),
      Error,
      "nothing came for 0.1 s",
    );
    let stop = () => {};
    const half = () =>
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          controller.enqueue(new Uint8Array(10));
          stop = () => controller.close();
        },
        cancel() {
          stop = () => {};
        },
      });
    await withServer(() => new Response(half()), async (base) => {
      await assertRejects(
        () => download(`${base}/x`, path, { signal, silenceMs: 100 }),
        Error,
        "nothing came for 0.1 s",
      );
      stop();
    });
    assert(performance.now() - start < 3000);
  });
});

Deno.test("download() tells a refusal from an unreachable host", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "file");
    let address = "";
    await withServer(() => new Response("gone", { status: 404 }), async (base) => {
      address = base;
      await assertRejects(() => download(`${base}/x`, path, { signal }), Error, "404");
    });
    const error = await assertRejects(() => download(`${address}/x`, path, { signal }), Error);
    assertStringIncludes(error.message.toLowerCase(), "refused");
  });
});

Deno.test("fetchPrebuilt() unpacks tfjs-node's two archives", async () => {
  await inFolder(async (folder) => {
    const source = join(folder, "source");
    await Deno.mkdir(join(source, "napi-v8"), { recursive: true });
    await Deno.mkdir(join(source, "lib"));
    await Deno.writeTextFile(join(source, "napi-v8", "tfjs_binding.node"), "binding");
    await Deno.writeTextFile(join(source, "lib", "libtensorflow.so.2"), "library");
    for (const [archive, member] of [["binding.tgz", "napi-v8"], ["library.tgz", "lib"]]) {
      await execute("tar", ["-czf", join(folder, archive!), "-C", source, member!], { signal });
    }
    const temporary = join(folder, "temporary");
    await Deno.mkdir(temporary);
    const said: string[] = [];
    await withServer(
      (request) => new Response(Deno.readFileSync(join(folder, new URL(request.url).pathname))),
      async (base) => {
        const addresses = { binding: `${base}/binding.tgz`, library: `${base}/library.tgz` };
        const work = { say: (line: string) => said.push(line), signal, temporary };
        const made = await fetchPrebuilt(addresses, work, 2000);
        assertEquals(await Deno.readTextFile(made.binding), "binding");
        const library = join(made.library, "lib", "libtensorflow.so.2");
        assertEquals(await Deno.readTextFile(library), "library");
      },
    );
    assertEquals(said.filter((line) => line.includes("downloaded")).length, 2);
  });
});

Deno.test("prebuiltAddresses() knows the machines that tfjs-node's publishers built for", () => {
  const linux = prebuiltAddresses(published, { os: "linux", arch: "x86_64" });
  assertEquals(
    linux?.binding,
    "https://example.test/binding/napi-v8/4.22.0/CPU-linux-4.22.0.tar.gz",
  );
  assertStringIncludes(linux?.library ?? "", "libtensorflow-cpu-linux-x86_64-");
  assertEquals(prebuiltAddresses(published, { os: "linux", arch: "aarch64" }), undefined);
});

Deno.test("downloadedBytes() reads pip's sizes and nothing else", () => {
  assertEquals(
    downloadedBytes("  Downloading jupyterlab-4.6.6-py3-none-any.whl (12.5 MB)"),
    12.5e6,
  );
  assertEquals(downloadedBytes("Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)"), 11e3);
  assertEquals(downloadedBytes("Using cached six-1.17.0-py2.py3-none-any.whl (11 kB)"), 0);
  assertEquals(megabytes(12.5e6), "13 MB");
  assertEquals(megabytes(1.25e6), "1.3 MB");
});

Deno.test("pipReason() tells an index out of reach from a package that is not there", () => {
  const last = "ERROR: No matching distribution found for anyio==4.16.0";
  const retry = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by ...";
  assertStringIncludes(pipReason(`${retry}\n${last}\n`), "index can't be reached");
  assertEquals(pipReason(`${last}\n`), last);
});

Deno.test("during() says what is done and gives the result", async () => {
  const said: string[] = [];
  const [result, seconds] = await during(
    { say: (line) => said.push(line) },
    "working",
    () => Promise.resolve(7),
  );
  assertEquals([result, said], [7, ["working"]]);
  assert(seconds >= 0);
});

/** A step that notes when it is made. */
function step(name: string, ready: boolean, made: string[], error?: Error): Step {
  return {
    name,
    ready: () => Promise.resolve(ready || made.includes(name)),
    make() {
      if (error !== undefined) return Promise.reject(error);
      made.push(name);
      return Promise.resolve();
    },
  };
}

Deno.test("unready() and prepare() leave alone what is ready", async () => {
  const made: string[] = [];
  const steps = [step("a", true, made), step("b", false, made)];
  assertEquals((await unready(steps)).map(({ name }) => name), ["b"]);
  assertEquals(await prepare(steps, { say() {}, signal }), []);
  assertEquals(made, ["b"]);
});

Deno.test("prepare() goes on after a failed step and gives its error", async () => {
  const made: string[] = [];
  const missing = new SetupError("missing");
  const steps = [step("a", false, made, missing), step("b", false, made)];
  assertEquals(await prepare(steps, { say() {}, signal }), [missing]);
  assertEquals(made, ["b"]);
});

Deno.test("prepare() does a step once when two runs ask at once; one says that it waits", async () => {
  const made: string[] = [];
  const said: string[] = [];
  let running = 0;
  const slow: Step = {
    ...step("slow", false, made),
    async make() {
      assertEquals(++running, 1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      made.push("slow");
      running--;
    },
  };
  const run = () => prepare([slow], { say: (line) => said.push(line), signal });
  await Promise.all([run(), run()]);
  assertEquals(made, ["slow"]);
  assertEquals(said.length, 1);
  assertStringIncludes(said[0] ?? "", "Another set-up is running");
});

Deno.test({
  name: "the Python environment is ready only for the list of packages it was made from",
  // Without an environment there is nothing that could cease to be ready.
  ignore: !await environment.ready(),
  async fn() {
    const list = join(root, "python", "requirements.txt");
    const read = Deno.readTextFile;
    Deno.readTextFile = async (path, ...rest) =>
      await read(path, ...rest) + (path === list ? "another==1.0\n" : "");
    try {
      assertEquals(await environment.ready(), false);
    } finally {
      Deno.readTextFile = read;
    }
  },
});

Deno.test("featuresOf() tells kinds of processors apart, not machines or moments", () => {
  const x86 = (model: string, megahertz: string, flags: string) =>
    `processor\t: 0\nmodel name\t: ${model}\ncpu MHz\t\t: ${megahertz}\nflags\t\t: ${flags}\n\n`;
  const features = featuresOf(x86("A", "2596.1", "fma avx2") + x86("A", "2600.0", "fma avx2"));
  assertEquals(features, "model name\t: A\nflags\t\t: fma avx2");
  assertEquals(featuresOf(x86("A", "1200.0", "fma avx2")), features);
  assert(featuresOf(x86("B", "2596.1", "fma avx2")) !== features);
  assert(featuresOf(x86("A", "2596.1", "fma avx2 avx512f")) !== features);
  const arm = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n";
  assertEquals(featuresOf(arm), "Features\t: fp asimd\nCPU part\t: 0xd0c");
});

/** Runs `use` as if each of the named files of `lib/` in turn held one more comment. */
async function withEdited(names: string[], use: (name: string) => Promise<void>): Promise<void> {
  const read = Deno.readTextFile;
  try {
    for (const name of names) {
      const edited = join(root, "lib", name);
      Deno.readTextFile = async (path, ...rest) =>
        await read(path, ...rest) + (path === edited ? "// another comment\n" : "");
      await use(name);
    }
  } finally {
    Deno.readTextFile = read;
  }
}

const sources = ["native/operations.cc", "native/threads.cc", "native/threads.h", "setup/quiet.cc"];

Deno.test("sourcesHash() changes with each C++ file of the lab's own", async () => {
  const hashes = new Set([await sourcesHash(), await sourcesHash()]);
  assertEquals(hashes.size, 1);
  await withEdited(sources, async () => {
    hashes.add(await sourcesHash());
  });
  assertEquals(hashes.size, 1 + sources.length);
});

// Without a binding that was compiled here there is nothing that could cease to be ready.
const compiled = (await readTaken())?.way === "wheel" && await native.ready();

Deno.test({
  name: "a compiled binding is ready only for the processor and the files that it was made for",
  ignore: !compiled,
  async fn() {
    const head = which("head");
    await withPrograms({ head: `exec ${head} "$@"` }, async () => {
      assertEquals(await native.ready(), true);
    });
    await withPrograms({ head: "echo 'model name : another one'" }, async () => {
      assertEquals(await native.ready(), false);
    });
    await withEdited(sources, async (name) => {
      assertEquals(await native.ready(), false, name);
    });
  },
});

/** Stands in for Python: its pip downloads an empty wheel, and the rest is taken for unpack.py. */
const python = `case "$*" in
  -c*) echo 3.11.2 True ;;
  *--version) ;;
  *pip*download*) for folder; do :; done; /bin/mkdir "$folder"; : > "$folder/wheel" ;;
  *) for folder; do :; done
    /bin/mkdir -p "$folder/lib" "$folder/include/tsl/platform"
    echo fetched > "$folder/lib/library"
    : > "$folder/include/tsl/platform/platform.h" ;;
esac`;

/** What \`ensureLibrary()\` makes of a folder with the given files, with that Python or another one. */
async function ensured(
  files: string[],
  use: (folder: string, text: (name: string) => string | undefined) => void,
  python3 = python,
): Promise<void> {
  await withPrograms({ python3 }, async (programs) => {
    const folder = join(programs, "library");
    const temporary = join(programs, "temporary");
    await Deno.mkdir(temporary);
    for (const name of files) {
      await Deno.mkdir(join(folder, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, name), "old\n");
    }
    await ensureLibrary(folder, { say() {}, signal, temporary });
    use(folder, (name) => {
      const path = join(folder, name);
      return exists(path) ? Deno.readTextFileSync(path) : undefined;
    });
  });
}

const newestHeader = "include/tsl/platform/platform.h";

Deno.test("ensureLibrary() fetches TensorFlow's library once", async () => {
  await ensured([], (_, text) => {
    assertEquals([text("lib/library"), text(newestHeader)], ["fetched\n", ""]);
  });
  await ensured(["lib/library", newestHeader], (_, text) => {
    assertEquals([text("lib/library"), text(newestHeader)], ["old\n", "old\n"]);
  }, "exit 1");
});

Deno.test("ensureLibrary() fetches headers that an earlier version left out", async () => {
  const earlier = ["lib/library", "include/tensorflow/c/c_api.h"];
  // The second is what a kill in the middle of the exchange leaves.
  for (const files of [earlier, earlier.slice(0, 1)]) {
    await ensured(files, (folder, text) => {
      assertEquals([text("lib/library"), text(newestHeader)], ["old\n", ""]);
      assertEquals(text("include/tensorflow/c/c_api.h"), undefined);
      assertEquals([...Deno.readDirSync(folder)].length, 2);
    });
  }
});

Deno.test("buildBinding() compiles the lab's operations for this processor, or goes without", async () => {
  for (const known of [true, false]) {
    const compiler = `case "$*" in *-fsyntax-only*) exit ${known ? 0 : 1} ;; esac
      echo "$@" >> "$0.arguments"
      echo "In file included from x.cc:1:" >&2
      echo "x.h:2:1: error: 'voit' does not name a type" >&2
      exit 1`;
    await withPrograms({ "g++": compiler }, async (folder) => {
      const said: string[] = [];
      const say = (line: string) => void said.push(line);
      const { message } = await assertRejects(
        () => buildBinding(join(folder, "library"), { say, signal, temporary: folder }),
        SetupError,
      );
      const warning = said.find((line) => line.includes("WARNING"))!;
      for (const line of [message, warning]) {
        assertEquals(line.split("\n").length, 1);
        assertStringIncludes(line, "x.h:2:1: error: 'voit'");
      }
      assertStringIncludes(warning, "binding and the lab's operations with");
      const calls = (await Deno.readTextFile(join(folder, "g++.arguments"))).trim().split("\n");
      assertEquals(calls.length, 2);
      const [whole, without] = calls.map((call) => {
        const options = call.split(" ");
        assertEquals(options.includes("-march=native"), known);
        const given = options.filter((option) => /\.(?:cc|h)$/.test(option));
        assert(given.every((path) => path.endsWith(".cc") && exists(path)));
        return given;
      });
      for (const name of sources.filter((name) => name.endsWith(".cc"))) {
        assert(whole!.includes(join(root, "lib", name)), name);
      }
      assertEquals(without!.filter((path) => path.includes("native")), []);
    });
  }
});

Deno.test("hasOperations() wants the right result, and leaves no tensor behind", () => {
  const tried = (executeOp: () => { id: number }[], result: number) => {
    const tensors = new Set<number>();
    const has = hasOperations({
      TF_FLOAT: 1,
      createTensor: () => tensors.add(tensors.size).size - 1,
      executeOp: () => executeOp().map(({ id }) => (tensors.add(id), { id })),
      tensorDataSync: () => [result],
      deleteTensor: (id) => tensors.delete(id),
    });
    assertEquals(tensors.size, 0);
    return has;
  };
  const outputs = () => [{ id: 10 }, { id: 11 }];
  assertEquals(tried(outputs, 77.5), true);
  assertEquals(tried(outputs, 77), false);
  assertEquals(
    tried(() => {
      throw new Error("not registered");
    }, 77.5),
    false,
  );
});

Deno.test({
  name: "a compiled binding holds the lab's operations, and its try says so",
  ignore: !compiled,
  async fn() {
    const { stdout } = await execute(Deno.execPath(), [
      ...["run", "-q", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"],
      ...[join(root, "lib", "setup", "try_binding.ts"), bindingPath(tfjsNode().folder)],
    ], { signal });
    assertEquals(stdout, "TensorFlow 2.20.0 with the lab's operations\n");
  },
});

Deno.test("jupyterEnvironment() makes `deno` the Deno that runs, and keeps Jupyter in .lab", async () => {
  const { PATH = "", ...rest } = await jupyterEnvironment();
  const deno = join(PATH.split(":")[0] ?? "", "deno");
  const { stdout } = await execute(deno, ["--version"], { signal });
  assertStringIncludes(stdout, `deno ${Deno.version.deno} `);
  for (const name of ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"] as const) {
    assertStringIncludes(rest[name] ?? "", join(root, ".lab"));
  }
});

/**
 * Getting known files: mirrors of every temper on loopback, damaged folders, kills and company.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type KnownFile, obtain, type Sources } from "$lib/data/download.ts";
import { forgetSilence } from "$lib/data/mirror.ts";

type Handler = (path: string, request: Request) => Response | Promise<Response>;

interface Ground {
  folder: string;
  /** Starts a mirror on loopback and gives its address. */
  serve(handler: Handler): string;
}

const content = new Uint8Array(300_000).map((_, i) => (i * i) >> 3);
const file: KnownFile = { name: "digits", md5: md5(content) };
const packed = new Uint8Array(gzipSync(content));
const patience = { answerMs: 300, chunkMs: 300 };
const nothing = () => new Response(null, { status: 404 });
const plain: Handler = (path) => path === "/digits" ? new Response(content) : nothing();
const zipped: Handler = (path) => path === "/digits.gz" ? new Response(packed) : nothing();

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

function test(title: string, use: (ground: Ground) => Promise<void>): void {
  Deno.test(title, async () => {
    forgetSilence();
    const folder = await Deno.makeTempDir();
    const stop = new AbortController();
    const servers: Deno.HttpServer[] = [];
    const serve = (handler: Handler) => {
      const options = { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} };
      const server = Deno.serve(
        options,
        (request) => handler(new URL(request.url).pathname, request),
      );
      servers.push(server);
      return `http://127.0.0.1:${server.addr.port}`;
    };
    try {
      await use({ folder, serve });
    } finally {
      stop.abort();
      await Promise.all(servers.map((server) => server.finished));
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Obtains the file, and gives its bytes with all that was said meanwhile. */
async function obtained(folder: string, sources: Sources, wanted = file) {
  const said = new Set<string>();
  const onProgress = ({ message }: { message: string }) => said.add(message);
  const bytes = await obtain(wanted, folder, sources, { patience, onProgress });
  return { bytes, said: [...said].join("\n") };
}

const namesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

for (const [kind, handler] of Object.entries({ plain, zipped })) {
  test(`obtain() takes a ${kind} file, and asks no mirror the next time`, async (ground) => {
    let asked = 0;
    const mirror = ground.serve((path, request) => (asked++, handler(path, request)));
    for (const address of [mirror, `${mirror}/`]) {
      assertEquals((await obtained(ground.folder, { mirrors: [address] })).bytes, content);
    }
    assert(asked <= 2);
    assertEquals(namesIn(ground.folder), ["digits"]);
    assertEquals(await Deno.readFile(join(ground.folder, "digits")), content);
  });
}

test("obtain() keeps a file named .gz as it came", async ({ folder, serve }) => {
  const wanted = { name: "digits.gz", md5: md5(packed) };
  const { bytes } = await obtained(folder, { mirrors: [serve(zipped)] }, wanted);
  assertEquals(bytes, packed);
  assertEquals(namesIn(folder), ["digits.gz"]);
});

const half = packed.slice(0, packed.length / 2);
const poor: Record<string, [Handler, string]> = {
  "that has nothing": [nothing, "not found there"],
  "that is out of order": [() => new Response("sorry", { status: 503 }), "answers 503"],
  "that serves a page in place of the file": [
    () => new Response("<html>sign in</html>"),
    "corrupt, cut or wrong file: 20 bytes of MD5",
  ],
  "that serves a cut file": [() => new Response(half), "cut or corrupt gzip"],
  "that serves a corrupt file": [
    () => new Response(content.with(1234, 99)),
    "corrupt, cut or wrong file: 300000 bytes of MD5",
  ],
  "that never answers": [
    () => new Promise(() => {}),
    "no answer within 0.3 s",
  ],
  "that falls silent in the middle": [
    () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(half) })),
    "no answer within 0.3 s",
  ],
  "that breaks the connection": [
    () =>
      new Response(
        new ReadableStream({
          pull(stream) {
            stream.enqueue(half);
            stream.error(new Error("broken"));
          },
        }),
      ),
    "the connection broke",
  ],
  "that trickles": [
    () => {
      let timer: ReturnType<typeof setInterval>;
      const start = (stream: ReadableStreamDefaultController) => {
        timer = setInterval(() => stream.enqueue(Uint8Array.of(1)), 20);
      };
      return new Response(new ReadableStream({ start, cancel: () => clearInterval(timer) }));
    },
    "no answer within 0.3 s",
  ],
  "that never ends": [
    () => new Response(new ReadableStream({ pull: (s) => s.enqueue(new Uint8Array(2 ** 20)) })),
    "wrong file: far too long",
  ],
};

for (const [kind, [handler, reason]] of Object.entries(poor)) {
  test(`obtain() leaves a mirror ${kind} for the next one, and says why`, async (ground) => {
    const bad = ground.serve(handler);
    const { bytes, said } = await obtained(ground.folder, { mirrors: [bad, ground.serve(zipped)] });
    assertEquals(bytes, content);
    assertStringIncludes(said, `digits: ${bad} is of no use: ${reason}`);
    assertEquals(namesIn(ground.folder), ["digits"]);
  });
}

test("obtain() waits for a silent mirror once, not for each file", async ({ folder, serve }) => {
  let asked = 0;
  const silent = serve(() => (asked++, new Promise(() => {})));
  const mirrors = [
    silent,
    serve((path) => plain(path.replace("other", "digits"), new Request("http://a"))),
  ];
  await obtained(folder, { mirrors });
  await obtained(folder, { mirrors }, { ...file, name: "other" });
  assertEquals(asked, 1);
});

test("obtain() without any source says in a line what it tried and what to do", async (ground) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dead = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const sources = {
    mirrors: [dead],
    package: { name: "none", manifest: "npm:none@1/package.json" },
  };
  const error = await assertRejects(() => obtained(ground.folder, sources), Error);
  assertEquals(
    error.message,
    `Cannot get digits as no source has it: tried ${dead} (connection refused), the npm package ` +
      "none (not installed: run `deno task setup`). Connect to the network, give a mirror's " +
      `address in LAB_MIRRORS, or put the file at ${join(ground.folder, "digits")}`,
  );
  assertEquals(namesIn(ground.folder), []);
});

test("obtain() takes the package when no mirror serves, and verifies it too", async (ground) => {
  const { folder, serve } = ground;
  const manifest = `file://${folder}/package.json`;
  const sources = { mirrors: [serve(nothing)], package: { name: "digits-data", manifest } };
  await Deno.mkdir(join(folder, "data"));
  await Deno.writeFile(join(folder, "data", "digits"), content.with(0, 1));
  const kept = join(folder, "kept");
  await assertRejects(() => obtained(kept, sources), Error, "digits-data (corrupt, cut or wrong");
  await Deno.writeFile(join(folder, "data", "digits"), content);
  assertEquals((await obtained(kept, sources)).bytes, content);
  assertEquals(namesIn(kept), ["digits"]);
});

const damaged: Record<string, [Uint8Array, string]> = {
  empty: [new Uint8Array(), "wrong file: 0 bytes of MD5"],
  "cut short": [content.slice(0, -1), "wrong file: 299999 bytes of MD5"],
  "with one bit wrong": [content.with(77, (content[77] ?? 0) ^ 1), "wrong file: 300000 bytes"],
  "followed by more": [new Uint8Array([...content, 0]), "wrong file: 300001 bytes of MD5"],
  "of 65 MB": [new Uint8Array(65 * 2 ** 20), "wrong file: 68157440 bytes are too many"],
};

for (const [kind, [bytes, reason]] of Object.entries(damaged)) {
  test(`obtain() names a kept file ${kind}, and fetches it again`, async ({ folder, serve }) => {
    const path = join(folder, "digits");
    await Deno.writeFile(path, bytes);
    const error = await assertRejects(() => obtained(folder, { mirrors: [] }), Error);
    assertStringIncludes(error.message, `tried ${path} (`);
    assertStringIncludes(error.message, reason);
    assertEquals((await Deno.stat(path)).size, bytes.length);
    const { bytes: good, said } = await obtained(folder, { mirrors: [serve(plain)] });
    assertEquals(good, content);
    assertStringIncludes(said, `digits: ${path} is of no use: `);
    assertEquals(await Deno.readFile(path), content);
  });
}

test("obtain() stops with the signal's reason, before and while it waits", async (ground) => {
  const reason = new Error("enough");
  let silent = true;
  const moody = ground.serve((...asked) => silent ? new Promise(() => {}) : zipped(...asked));
  const sources = { mirrors: [moody] };
  const signals = [AbortSignal.abort(reason)];
  const later = new AbortController();
  signals.push(later.signal);
  setTimeout(() => later.abort(reason), 50);
  for (const signal of signals) {
    const error = await obtain(file, ground.folder, sources, { signal }).catch((error) => error);
    assertEquals(error, reason);
  }
  assertEquals(namesIn(ground.folder), []);
  // It was not the mirror's fault: it is asked again.
  silent = false;
  assertEquals((await obtained(ground.folder, sources)).bytes, content);
});

test("obtain() reports the bytes as they come", async ({ folder, serve }) => {
  const headers = { "content-length": `${content.length}` };
  const mirror = serve((path) =>
    path === "/digits" ? new Response(content, { headers }) : nothing()
  );
  const counts: number[] = [];
  await obtain(file, folder, { mirrors: [mirror] }, {
    onProgress: ({ received, total }) => {
      if (received === undefined) return;
      counts.push(received);
      assertEquals(total, content.length);
    },
  });
  assert(counts.length >= 1 && counts.every((count, i) => count > (counts[i - 1] ?? 0)));
});

function obtainElsewhere(folder: string, mirror: string): Deno.ChildProcess {
  const script = fileURLToPath(new URL("./fixtures/obtain.ts", import.meta.url));
  const permissions = [
    "--no-prompt",
    "--allow-read",
    `--allow-write=${folder}`,
    "--allow-net=127.0.0.1",
  ];
  const args = ["run", "--quiet", ...permissions, script, file.name, file.md5, folder, mirror];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
}

test("obtain() by several processes at once leaves one good file", async ({ folder, serve }) => {
  const mirror = serve(zipped);
  const children = Array.from({ length: 3 }, () => obtainElsewhere(folder, mirror));
  for (const { success, stdout } of await Promise.all(children.map((child) => child.output()))) {
    assert(success);
    assertEquals(new TextDecoder().decode(stdout).trim(), `${content.length}`);
  }
  assertEquals(namesIn(folder), ["digits"]);
});

test("obtain() killed in the middle of a download leaves nothing that is taken", async (ground) => {
  const { folder, serve } = ground;
  const begun = Promise.withResolvers<void>();
  const slow = serve(() => {
    const start = (stream: ReadableStreamDefaultController) => {
      stream.enqueue(half);
      begun.resolve();
    };
    return new Response(new ReadableStream({ start }));
  });
  const child = obtainElsewhere(folder, slow);
  await begun.promise;
  child.kill("SIGKILL");
  await child.output();
  assertEquals(namesIn(folder), []);
  assertEquals((await obtained(folder, { mirrors: [serve(zipped)] })).bytes, content);
});

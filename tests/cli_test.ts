/**
 * The commands: how arguments are read, and `train`, `attack` and `repl` as real processes.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MLP } from "$lib/architectures.ts";
import { runAttack } from "$lib/attacks/driver.ts";
import { school } from "$lib/attacks/school.ts";
import { backend, tf } from "$lib/backend.ts";
import { attackCommand } from "$lib/cli/attack.ts";
import {
  choice,
  type Command,
  flag,
  helpText,
  number,
  readArguments,
  text,
  UsageError,
} from "$lib/cli/command.ts";
import { attackDefaults } from "$lib/cli/session.ts";
import { load } from "$lib/loader.ts";
import { createNetwork, loadNetwork, saveNetwork } from "$lib/network.ts";
import { decode, encode, weightsSha256 } from "$lib/safetensors.ts";
import { type Ran, ran, run, signalAfter, spawn } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const options = {
  fast: flag("hurry"),
  count: number("n", "how many", { min: 1, max: 9, integer: true }, 3),
  rate: number("v", "how fast", { above: 0 }),
  share: number("v", "how much", { above: 0, max: 0.5 }, 0.1),
  most: number("n", "how many at most", { max: 7 }, 5),
  kind: choice("K", "which kind", ["round", "square"], "round"),
  out: text("FILE", "where to"),
};
const command: Command<typeof options> = {
  name: "try",
  summary: "Tries.",
  arguments: "THING",
  options,
  examples: [["try it", "tries it"]],
  run: () => Promise.resolve({}),
};
const read = (...args: string[]) => readArguments(command, args);

Deno.test("options have their defaults, and take values behind a space or =", () => {
  assertEquals(read("it").values, {
    fast: false,
    count: 3,
    rate: undefined,
    share: 0.1,
    most: 5,
    kind: "round",
    out: undefined,
  });
  const { values, positionals, json } = read(
    ...["a", "--fast", "--count", "4", "--rate=1e-3", "--kind", "SQUARE", "b", "--json"],
  );
  assertEquals(values, {
    ...{ fast: true, count: 4, rate: 0.001, share: 0.1, most: 5, kind: "square", out: undefined },
  });
  assertEquals([positionals, json], [["a", "b"], true]);
});

Deno.test("wrong arguments are refused in a line that names rule and value", () => {
  const refused: [string[], string][] = [
    [["--count", "0"], "--count as it must be a whole number from 1 to 9: current value is 0"],
    [["--count", "2.5"], "current value is 2.5"],
    [["--count", "-1"], "current value is -1"],
    [["--count", "abc"], "current value is abc"],
    [["--count", "1e999"], "current value is 1e999"],
    [["--count", ""], "must be a whole number"],
    [["--rate", "0"], "a number greater than 0: current value is 0"],
    [["--rate", "NaN"], "current value is NaN"],
    [["--share", "0.6"], "a number greater than 0 and at most 0.5: current value is 0.6"],
    [["--most", "8"], "a number at most 7: current value is 8"],
    [["--rate", "0x10"], "current value is 0x10"],
    [["--kind", "sqare"], "Did you mean square?"],
    [["--cuont", "3"], "Did you mean --count?"],
    [["--out"], "--out as it needs a value"],
    [["--fast=yes"], "--fast as it takes no value: current value is yes"],
    [["-x"], "current value is --x"],
  ];
  for (const [args, message] of refused) {
    assertThrows(() => read(...args), UsageError, message, args.join(" "));
  }
});

Deno.test("help names every option with its default, and is given whatever else is wrong", async () => {
  const help = await helpText(command);
  for (const part of ["--count n", "(default: 3)", "round, square", "--json", "deno task try it"]) {
    assertStringIncludes(help, part);
  }
  assert(read("--count", "abc", "--help").help);
});

/** Saves an untrained MLP; returns its file. */
async function untrained(folder: string): Promise<string> {
  const file = join(folder, "mlp.safetensors");
  const network = createNetwork(MLP, { seed: 0 });
  await saveNetwork(network, file);
  network.dispose();
  return file;
}

async function sha256Of(file: string): Promise<string> {
  return await weightsSha256(decode(await Deno.readFile(file)).tensors);
}

const { native } = backend;
const [limit, learned] = native ? ["3000", 0.7] : ["320", 0.2];
const small = ["MLP_d", "--epochs", "4", "--limit", limit, "--seed", "5"];

Deno.test("train: killed or interrupted it goes on, and ends with the same weights", () =>
  inFolder(async (folder) => {
    const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
    const reference = await run("train", ...small, "--out", whole, "--json");
    assertEquals(reference.code, 0, reference.stderr);
    const { seconds, file, loss, accuracy, testAccuracy, ...rest } = JSON.parse(reference.stdout);
    assertEquals(rest, { network: "MLP_d", seed: 5, epochs: 4 });
    assert(seconds > 0 && loss > 0 && accuracy > learned && testAccuracy > learned);
    assertEquals(file, join(whole, "MLP_d.safetensors"));
    assertStringIncludes(reference.stderr, "epoch 4/4");

    const again = [...small, "--out", killed];
    await signalAfter(spawn("train", again), "epoch 1/4", "SIGKILL");
    const interrupted = await signalAfter(spawn("train", again), "epoch 2/4", "SIGINT");
    assertStringIncludes(interrupted.stdout, "Going on after epoch 1");
    assertEquals(interrupted.code, 130);
    assertStringIncludes(interrupted.stderr, "the same command goes on");
    const resumed = await run("train", ...again);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stdout, /Going on after epoch [23]/);
    assertEquals(
      await sha256Of(join(killed, "MLP_d.safetensors")),
      await sha256Of(file),
    );
    assertEquals(Array.from(Deno.readDirSync(join(killed, ".checkpoints"))), []);
  }));

Deno.test("train: told to end it ends tidily, as after Ctrl-C", () =>
  inFolder(async (out) => {
    const told = await signalAfter(
      spawn("train", [...small, "--out", out]),
      "epoch 1/4",
      "SIGTERM",
    );
    assertEquals(told.code, 130);
    assertStringIncludes(told.stderr, "the same command goes on");
  }));

Deno.test("train: --fresh starts over, and a damaged checkpoint says that it would", () =>
  inFolder(async (out) => {
    const args = [...small, "--out", out];
    await signalAfter(spawn("train", args), "epoch 1/4", "SIGKILL");
    const [checkpoint] = Array.from(Deno.readDirSync(join(out, ".checkpoints")));
    await Deno.truncate(join(out, ".checkpoints", checkpoint!.name), 1000);
    const damaged = await run("train", ...args);
    assertEquals(damaged.code, 1);
    assertStringIncludes(damaged.stderr, "--fresh starts over");
    const fresh = await run("train", ...args, "--fresh");
    assertEquals(fresh.code, 0, fresh.stderr);
    assertStringIncludes(fresh.stdout, "epoch 1/4");
    assert(!fresh.stdout.includes("Going on"));
  }));

Deno.test("train: true, as it used to be written, replaces the network in models/; each data set has its own", () =>
  inFolder(async (folder) => {
    // In a copy of the checkout, as the models of this one are none of a test's business.
    await new Deno.Command("cp", {
      args: ["-r", "lib", "deno.json", "deno.lock", folder],
      cwd: root,
    })
      .output();
    await Deno.symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await Deno.symlink(join(root, "data"), join(folder, "data"));
    const here = async (name: string, ...args: string[]) =>
      await ran(
        new Deno.Command(Deno.execPath(), {
          args: ["run", "-qA", "--node-modules-dir=manual", `lib/cli/${name}.ts`, ...args],
          cwd: folder,
          env: { INIT_CWD: folder },
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
    const train = () => here("train", "MLP", "true", "--epochs", "1", "--limit", "100");
    const first = await train();
    assertEquals(first.code, 0, first.stderr);
    assertStringIncludes(first.stdout, "Wrote models/MLP.safetensors");
    assertStringIncludes((await train()).stdout, "Replaced models/MLP.safetensors");

    const onFashion = ["--network", "MLP", "--dataset", "FashionMNIST", "--out", "a.svg"];
    const none = await here("figure", "history", ...onFashion);
    assertStringIncludes(
      none.stderr,
      "deno task train MLP --dataset FashionMNIST --save` makes it",
    );
    const [own, other] = ["MLP", "MLP-FashionMNIST"].map((name) =>
      join(folder, "models", `${name}.safetensors`)
    );
    await Deno.copyFile(own!, other!);
    const wrong = await here("figure", "history", ...onFashion);
    assertEquals(wrong.code, 1);
    assertStringIncludes(wrong.stderr, "for FashionMNIST: it was trained on MNIST");
    const { tensors, metadata } = decode(await Deno.readFile(own!));
    await Deno.writeFile(other!, encode(tensors, { ...metadata, dataset: "FashionMNIST" }));
    assertEquals((await here("figure", "history", ...onFashion)).code, 0);
  }));

Deno.test("attack: JSON, pictures, and the result for people", () =>
  inFolder(async (folder) => {
    const weights = await untrained(folder);
    const args = ["mlp", "--weights", weights, "--image", "7", "--p", "inf", "--norm", "0.3"];
    const [svg, png] = [join(folder, "a.svg"), join(folder, "a.png")];
    const { code, stdout, stderr } = await run("attack", ...args, "--json", "--out", svg);
    assertEquals(code, 0, stderr);
    const { confidences, adversarialClass, norm, steps, prediction, ...rest } = JSON.parse(stdout);
    assertEquals(rest, { network: "MLP", image: 7, label: 3, p: null, found: true, out: svg });
    assertEquals([confidences.clean.length, confidences.perturbed.length], [10, 10]);
    assert(adversarialClass !== prediction && norm <= 0.3 && steps >= 1);
    assertStringIncludes(await Deno.readTextFile(svg), "<svg");
    const people = await run("attack", ...args, "--out", png);
    assertStringIncludes(people.stdout, "MLP, image 7 of test, a 3");
    assertStringIncludes(people.stdout, "found after");
    assertEquals((await Deno.readFile(png)).slice(1, 4), new TextEncoder().encode("PNG"));

    const none = await run("attack", ...args.slice(0, -1), "0.00001", "--json", "--steps", "2");
    assertEquals(none.code, 0, none.stderr);
    const { found, adversarialClass: noClass, steps: made } = JSON.parse(none.stdout);
    assertEquals([found, noClass, made], [false, null, 2]);
  }));

Deno.test("paths are meant from the folder in which the task was called", () =>
  inFolder(async (folder) => {
    const from = (name: string, ...args: string[]) => ran(spawn(name, args, { INIT_CWD: folder }));
    const { code, stdout, stderr } = await from("attack", "MLP", "--out", "new/y.svg");
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "Drawn in new/y.svg");
    assertStringIncludes(await Deno.readTextFile(join(folder, "new", "y.svg")), "<svg");
    await Deno.writeTextFile(join(folder, "a.json"), "no JSON");
    for (
      const [name, args, message] of [
        ["attack", ["MLP", "--weights", "a.json"], "Cannot read a.json as safetensors"],
        ["figure", ["history", "--network", "a.json", "--out", "y.svg"], "Cannot read a.json as"],
        ["report", ["--parameters", "a.json"], "Cannot read a.json as it must be JSON"],
      ] as const
    ) {
      assertStringIncludes((await from(name, ...args)).stderr, message);
    }
    const trained = await from("train", "MLP", "--limit", "32", "--epochs", "1", "--out", "o");
    assertStringIncludes(trained.stdout, "Wrote o/MLP.safetensors");
    assertStringIncludes((await from("train", "--help")).stdout, "out/ of the checkout");
  }));

Deno.test("a download is told in a few lines where there is no terminal", () =>
  inFolder(async (folder) => {
    const wrong = new Uint8Array(2_000_000);
    const mirror = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(wrong),
    );
    const LAB_MIRRORS = `http://127.0.0.1:${mirror.addr.port}`;
    const args = ["MLP", "--steps", "1"];
    const { code, stderr } = await ran(spawn("attack", args, { LAB_DATA: folder, LAB_MIRRORS }));
    await mirror.shutdown();
    assertEquals(code, 0, stderr);
    const lines = stderr.trim().split("\n").map((line) =>
      line.replace(/.*(asking|of no use|kept).*/, "$1")
    );
    assertEquals(lines, ["asking", "of no use", "kept", "asking", "of no use", "kept"]);
  }));

Deno.test("what the commands attack by default deceives each of the report's networks", async () => {
  const { image, steps, seed, ...settings } = attackDefaults;
  const { images, labels } = await load("test", { from: image, to: image + 1 });
  for (const name of ["MLP", "MLP_d", "CNN", "CNN_d"]) {
    const network = await loadNetwork(name);
    const run = { ids: [image], steps, seed };
    const [outcome] = await runAttack(school(settings), network, images, run);
    assert(outcome!.found, `${name} stands`);
    network.dispose();
  }
  tf.dispose([images, labels]);
  const help = await helpText(attackCommand);
  for (const line of [/--image .*: 5\)/, /--norm .*: 1.5\)/]) assertMatch(help, line);
});

Deno.test("pure JavaScript that was asked for is no reason to set up anything", async () => {
  const args = ["MLP", "--steps", "1", "--norm", "0"];
  const { stderr } = await spawn("attack", args, { LAB_BACKEND: "cpu" }).output();
  const line = new TextDecoder().decode(stderr);
  assertMatch(
    line,
    /^Warning: TensorFlow runs as pure JavaScript, .*: LAB_BACKEND=cpu asks for it/,
  );
  assert(!line.includes("deno task setup"));
});

Deno.test("attack --list shows the table", async () => {
  const { code, stdout } = await run("attack", "--list");
  assertEquals(code, 0);
  for (const attack of ["school", "ddn", "fmn"]) {
    assertMatch(stdout, new RegExp(`^${attack} `, "m"));
  }
});

Deno.test("attack: an attack that looks for the smallest norm takes none, and p = 0 where it can", async () => {
  const args = ["MLP", "--image", "3", "--steps", "50", "--attack"];
  const { code, stdout } = await run("attack", ...args, "ddn");
  assertEquals(code, 0);
  assertMatch(stdout, /found after 50 steps: L2 norm = 0\.\d+$/m);
  const few = await run("attack", ...args, "fmn", "--p", "0", "--json");
  const { p, norm, found } = JSON.parse(few.stdout);
  assertEquals([p, found, Number.isInteger(norm) && norm < 20], [0, true, true]);
  const dichotomy = await run("attack", ...args, "minimal", "--json");
  const smallest = JSON.parse(dichotomy.stdout);
  assert(smallest.found && smallest.norm < 1.5 && smallest.steps > 50);
});

Deno.test("wrong use exits with 2 and a single line, a failure with 1", async () => {
  const fashion = ["MLP", "--dataset", "FashionMNIST"];
  const cases: [string, string[], number, string][] = [
    ["train", [], 2, "a NETWORK must be named: MLP, MLP_d"],
    ["train", ["CNNd"], 2, "Did you mean CNN_d?"],
    ["train", ["MLP", "CNN"], 2, "one NETWORK must be named"],
    ["attack", ["MLP", "--image", "10000"], 2, "test has images 0 to 9999"],
    ["attack", ["MLP", "--out", "a.gif"], 2, ".svg or .png"],
    ["attack", ["MLP", "--attack", "scool"], 2, "Did you mean school?"],
    ["attack", ["MLP", "--p", "0.5"], 2, "at least 1, or inf"],
    ["attack", ["MLP", "--attack", "fgsm"], 2, "FGSM needs p = inf: current value is 2"],
    ["attack", ["MLP", "--attack", "fmn", "--p", "3"], 2, "FMN needs p = 0, 1, 2 or inf"],
    ["figure", ["trace", "--attack", "minimal", "--out", "a.svg"], 2, "Cannot draw steps as"],
    ["attack", ["MLP", "--weights", "none.safetensors"], 1, "there is no file none.safetensors"],
    ["attack", [...fashion, "--weights", "models/MLP.safetensors"], 1, "trained on MNIST"],
    ["attack", ["MLP", "--weights", "README.md"], 1, "Cannot read README.md as safetensors"],
    ["attack", ["--list", "MLP", "CNN"], 2, "too many words: current value is MLP CNN"],
    ["setup", ["foo"], 2, "too many words: current value is foo"],
    ["lab", ["01-data.ipynb", "b"], 2, "too many words: current value is b"],
    ["report", ["--write", "--parameters", "a.json"], 2, "Cannot use --write as"],
    ["report", ["--parameters", "README.md"], 1, "Cannot read README.md as it must be JSON"],
  ];
  for (const [name, args, expected, message] of cases) {
    const { code, stdout, stderr } = await run(name, ...args);
    assertEquals([code, stdout], [expected, ""], `${name} ${args.join(" ")}: ${stderr}`);
    assertStringIncludes(stderr, message);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  }
});

/** Runs the task's own command line with lines typed into the loop. */
async function repl(args: string[], lines: string[]): Promise<Ran> {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const [, before, code] = /^deno (.*) --eval='(.*)' --$/.exec(tasks.repl.command)!;
  const process = new Deno.Command(Deno.execPath(), {
    args: [...before!.split(" "), `--eval=${code}`, "--", ...args],
    cwd: root,
    env: { INIT_CWD: root, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n") + "\n"));
  await writer.close();
  return await ran(process);
}

Deno.test("repl: a plain attack() and an awaited one show their outcomes", () =>
  inFolder(async (folder) => {
    const weights = await untrained(folder);
    const { code, stdout, stderr } = await repl(["MLP", "--weights", weights], [
      "attack()",
      'attack({ attack: "minimal", steps: 100 })',
      "await attack({ image: 0, p: 2, norm: 1.5 })",
      "attack({ imgae: 7 })",
      "attack({ image: 10000 })",
      'attack({ image: "3" })',
      "attack({ norm: -1 })",
      "attack(7)",
      'await attack().draw("a.gif")',
      "[network.name, train.images.shape[0], test.labels.shape[0]].join()",
    ]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "MLP, image 5 of test, a 4");
    assertMatch(stdout, /found after \d{3,} steps: L2 norm = 0\.\d+\n/); // by the dichotomy
    assertMatch(stdout, /MLP, image 0 of test, a 3[^]*at most 1.5 asked for/);
    assertStringIncludes(stdout + stderr, "Did you mean image?");
    assertStringIncludes(stdout + stderr, "test has images 0 to 9999");
    assertStringIncludes(stdout + stderr, 'image must be a number: current value is "3"');
    assertStringIncludes(stdout + stderr, "options are given as { image, ");
    assertEquals((stdout + stderr).match(/^Uncaught .*/gm)?.length, 6);
    assertEquals((stdout + stderr).match(/^ +at .*/gm), null);
    assertStringIncludes(stdout, "MLP,50000,10000");
    assertEquals((await repl(["MPL"], [])).code, 2);
    const own = ["--weights", join(root, "models", "MLP.safetensors")];
    const other = await repl(["MLP", ...own, "--dataset", "FashionMNIST"], []);
    assertEquals([other.code, other.stdout], [1, ""]);
    assertStringIncludes(other.stderr, "it was trained on MNIST");
  }));

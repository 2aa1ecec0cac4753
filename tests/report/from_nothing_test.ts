import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { evaluatedNames, evaluationsOf } from "$lib/evaluation/gathered.ts";
import { protectedNames, tableOf } from "$lib/evaluation/names.ts";
import { modelFile, seedFolder } from "$lib/models.ts";
import { readRows } from "$lib/results.ts";
import { readSafetensors } from "$lib/safetensors.ts";
import { exists } from "$lib/setup/host.ts";
import { readArguments } from "$lib/cli/command.ts";
import { forgetSteps, fromNothing, type Step } from "$lib/report/from_nothing.ts";
import { steps } from "$lib/report/steps.ts";
import { tablePasses } from "$lib/results/budget.ts";
import { root as checkout } from "$lib/setup/paths.ts";

const few: Step[] = [
  { task: ["train", "MLP"], minutes: 60 },
  { remove: "data/norms" },
  { task: ["tables", "MLP"], minutes: 30 },
];

/** A folder with a table in it, and a run whose tasks fail where told. */
async function inFolder(
  part: (
    call: (fails?: string) => Promise<{ ran: string[]; said: string[] }>,
    root: string,
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "data/norms"), { recursive: true });
    const journal = join(root, "journal.txt");
    const signal = new AbortController().signal;
    await part(async (fails) => {
      const [ran, said]: [string[], string[]] = [[], []];
      const run = ([name = ""]: readonly string[]) => {
        ran.push(name);
        return name === fails ? Promise.reject(new Error("killed")) : Promise.resolve();
      };
      const say = (line: string) => said.push(line);
      await fromNothing(few, { root, journal, say, signal, run })
        .catch((error) => said.push(error.message));
      return { ran, said };
    }, root);
    await forgetSteps(journal);
    assert(!exists(journal));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("fromNothing() says how long it will take, then does all steps in order", () =>
  inFolder(async (call, root) => {
    const { ran, said } = await call();
    assertMatch(said[0] ?? "", /about 1 h 35 min/); // the notebooks take 5 minutes
    assertEquals(ran, ["train", "tables"]);
    assert(!exists(join(root, "data/norms")));
  }));

Deno.test("fromNothing() goes on where it was, and removes nothing twice", () =>
  inFolder(async (call, root) => {
    assertEquals((await call("tables")).said.at(-1), "killed");
    await Deno.mkdir(join(root, "data/norms"));
    const { ran, said } = await call();
    assertEquals(ran, ["tables"]);
    assertMatch(said.join("\n"), /2 steps are done[^]*about 35 min/);
    assert(exists(join(root, "data/norms")));
  }));

Deno.test("fromNothing() stops when aborted", async () => {
  const signal = AbortSignal.abort(new DOMException("Interrupted", "AbortError"));
  const means = { root: "/nowhere", journal: "/nowhere/journal", say: () => {}, signal };
  await assertRejects(
    () => fromNothing(few, { ...means, run: () => Promise.resolve() }),
    DOMException,
    "Interrupted",
  );
});

Deno.test("steps() are tasks that there are, for every network that comes with the lab", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(checkout, "deno.json")));
  const lines = steps().flatMap((step) => "task" in step ? [step.task] : []);
  for (const [name = ""] of lines) assert(Object.hasOwn(tasks, name), `there is no task ${name}`);
  const { resistanceCommand } = await import("$lib/cli/resistance.ts");
  const { tablesCommand } = await import("$lib/cli/tables.ts");
  const { finalCommand } = await import("$lib/cli/final.ts");
  const budgets: Record<string, (given: readonly string[]) => number> = {
    tables: (given) => readArguments(tablesCommand, given).values["max-passes"],
    final: (given) => readArguments(finalCommand, given).values["max-passes"],
  };
  for (const [name = "", ...rest] of lines) {
    if (name === "resistance") readArguments(resistanceCommand, rest); // throws on wrong use
    // As whoever types the command alone.
    const given = [rest, []].map((one) => budgets[name]?.(one) ?? tablePasses);
    assertEquals(given, [tablePasses, tablePasses], name);
  }
  const { architectures } = await import("$lib/architectures.ts");
  for (const folder of ["", "seeds/1/", "seeds/2/"]) {
    for await (const { name } of Deno.readDir(join(checkout, "models", folder))) {
      const network = name.replace(/\.safetensors$/, "");
      if (network === name || !Object.hasOwn(architectures, network)) continue;
      const seed = folder.split("/")[1];
      const wanted = seed ? ["--seed", seed, "--out", `models/seeds/${seed}`] : ["--save"];
      assert(
        lines.some((line) =>
          line[0] === "train" && line[1] === network &&
          wanted.every((one) => line.includes(one))
        ),
        `${folder}${network} is not trained`,
      );
    }
  }
});

Deno.test("steps() train and evaluate protected networks as those that come with the lab were", async () => {
  const lines = steps().flatMap((step) => "task" in step ? [step.task.join(" ")] : []);
  for (const seed of [0, 1, 2]) {
    const where = seed > 0 ? `--seed ${seed} --out models/seeds/${seed}` : "--save";
    for (const name of await protectedNames(join(seedFolder(seed), "protected"))) {
      const { metadata } = await readSafetensors(join(seedFolder(seed), modelFile(name)));
      const [network, ...specs] = name.split("+");
      const line = `protect ${network} --with ${specs.join("+")} --epochs ${metadata["epochs"]}`;
      assert(lines.includes(`${line} ${where}`), `${line} ${where}`);
    }
    for (const name of await evaluatedNames(evaluationsOf(seed))) {
      const file = tableOf(evaluationsOf(seed), name);
      const rows = await readRows(file, { columns: ["image", "attack", "subset"] });
      const images = rows.filter(({ attack }) => attack === "portfolio").map(({ image }) => image);
      const range = `--images ${Math.min(...images)}:${Math.max(...images) + 1}`;
      const line = lines.find((line) =>
        line.startsWith(`evaluate ${name} `) &&
        (seed === 0 || line.includes(`--out data/protections/seeds/${seed}`))
      );
      assert(line?.endsWith(range), `${name}, seed ${seed}: ${line} is not of ${range}`);
    }
  }
});

Deno.test("steps() make the tables of resistances as data/README.md says", async () => {
  const text = await Deno.readTextFile(join(checkout, "data", "README.md"));
  const said = [...text.matchAll(/^deno task (resistance .*)$/gm)].map((match) => match[1]!);
  const done = steps().flatMap((step) => "task" in step ? [step.task.join(" ")] : [])
    .filter((line) => line.startsWith("resistance "));
  assertEquals(said.sort(), done.sort());
  assert(text.includes(`at most ${tablePasses.toLocaleString("en")} passes`));
});

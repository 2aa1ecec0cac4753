/**
 * What a notebook's parameters may be.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import process from "node:process";
import { fits, number, oneOf, someOf, someWhole, whole } from "$lib/parameters.ts";
import { assertNotWaiting, endWaiting, oneLine } from "$lib/waiting.ts";

/** The clocks that cells are timed by, set by hand in this file's tests. */
class FakeTime {
  readonly #looks = new Set<() => void>();
  #passed = 0;
  #worked = 0;

  constructor() {
    performance.now = () => this.#passed;
    process.cpuUsage = (before) => ({
      user: 1000 * this.#worked - (before?.user ?? 0),
      system: 0,
    });
    const [setInterval, clearInterval] = [
      (look: () => void) => this.#looks.add(look) && look,
      (look: () => void) => this.#looks.delete(look),
    ];
    Object.assign(globalThis, { setInterval, clearInterval });
  }

  /** The machine sleeps. */
  sleep(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  /** Milliseconds pass, with the kernel at work for a share of them. */
  tick(milliseconds: number, share = 0): void {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.#passed += 100;
      this.#worked += 100 * share;
      for (const look of [...this.#looks]) look();
    }
  }
}

const time = new FakeTime();

/** The whole error as a kernel shows it. */
function stackOf(run: () => void): string {
  return assertThrows(run, RangeError).stack ?? "";
}

Deno.test("parameters that keep to their rules pass", () => {
  whole({ a: 1, b: 200 }, 1, 200);
  whole({ seed: -7 }, -10);
  number({ p: Infinity, q: 1 }, { from: 1 });
  number({ level: 0.95 }, { above: 0, below: 1 });
  oneOf({ network: "CNN" }, ["MLP", "CNN"]);
  someOf({ norms: [0, Infinity] }, [0, 1, 2, Infinity]);
  someWhole({ images: [0, 9] }, 0, 9);
});

Deno.test("a parameter that breaks its rule is named in an error of one line", () => {
  assertEquals(
    stackOf(() => whole({ first: 5, samples: 0 }, 1, 50_000)),
    "RangeError: Cannot use samples as it must be a whole number from 1 to 50,000: " +
      "current value is 0",
  );
  assertEquals(
    stackOf(() => someOf({ networks: ["CNN", "CMM\n"] }, ["MLP", "CNN"])),
    "RangeError: Cannot use networks as it must be a list of one or more of MLP, CNN, each once: " +
      'current value is [ "CNN", "CMM\\n" ]',
  );
  assertEquals(
    stackOf(() => number({ level: 1 }, { above: 0, below: 1 })),
    "RangeError: Cannot use level as it must be a number above 0 and below 1: current value is 1",
  );
});

Deno.test("values of the wrong kind and at the limits are refused", () => {
  for (const value of [0, 201, 1.5, NaN, Infinity, "7", null, undefined, [1]]) {
    assertThrows(() => whole({ value }, 1, 200), RangeError, "whole number from 1 to 200");
  }
  for (const value of [0, -1, NaN, "1", undefined]) {
    assertThrows(() => number({ value }, { above: 0 }), RangeError, "above 0");
  }
  assertThrows(() => number({ value: Infinity }, { from: 0, below: Infinity }), RangeError);
  for (const value of [[], "CNN", ["CNN", "CNN"], [["CNN"]], undefined]) {
    assertThrows(() => someOf({ value }, ["CNN"]), RangeError, "value");
  }
  for (const value of [[], [1, 1], [1.5], [10], 3]) {
    assertThrows(() => someWhole({ value }, 0, 9), RangeError, "from 0 to 9");
  }
});

Deno.test("fits() takes what can be made, and gives one line with the reason where it can't", async () => {
  assertEquals(await fits({ a: 1 }, () => Promise.resolve(7)), undefined);
  const make = () => {
    throw new TypeError("Cannot run fgsm as p must be inf\nand more");
  };
  const error = await assertRejects(() => fits({ attack: "fgsm", p: 2 }, make), RangeError);
  assertEquals(
    error.stack,
    "RangeError: Cannot use attack, p as they must fit: Cannot run fgsm as p must be inf",
  );
});

Deno.test("cells that wait behind a refused parameter are ended, until it is mended", () => {
  const mended = 5;
  assertThrows(() => whole({ mended: 0 }, 1, 9));
  const stack = assertThrows(assertNotWaiting).stack;
  assertEquals(
    stack,
    "Error: Not run, as above: Cannot use mended as it must be a whole number from 1 to 9: " +
      "current value is 0",
  );
  whole({ other: 5 }, 1, 9); // a check further down, which says nothing of the refused one
  assertThrows(assertNotWaiting);
  whole({ mended }, 1, 9);
  assertNotWaiting();
});

Deno.test("cells are no longer taken for waiting when the kernel has rested for a second", () => {
  endWaiting("stop", "stopped");
  time.tick(900);
  assertThrows(assertNotWaiting);
  time.tick(900);
  assertThrows(assertNotWaiting);
  time.sleep(60_000);
  time.tick(200);
  assertThrows(assertNotWaiting);
  time.tick(5000, 0.3); // a cell that computes on a busy machine before it shows anything
  assertThrows(assertNotWaiting);
  time.tick(1100);
  assertNotWaiting();

  endWaiting("stop", "stopped");
  time.tick(25_000, 1); // something that computes on and on is no waiting cell
  assertNotWaiting();
});

Deno.test("a waiting cell that fails in its own way says in one line that it was not run", () => {
  const fail = () => {
    const { learned } = (undefined as unknown) as { learned: number };
    return learned;
  };
  const ownWay = assertThrows(fail, TypeError);
  assert(ownWay.stack!.split("\n").length > 1);

  endWaiting("stop", "stopped");
  time.tick(900);
  const error = assertThrows(fail, TypeError);
  assertEquals(error.stack, "Error: Not run, as above: stopped");
  assertEquals([error.name, error.message], ["Error", "Not run, as above: stopped"]);
  assertEquals(oneLine(new RangeError("its own")).stack, "RangeError: its own");
  time.tick(900); // it counts as one that came
  assertThrows(assertNotWaiting);
  time.tick(1100);
  assertEquals(assertThrows(fail, TypeError).message, ownWay.message);
});

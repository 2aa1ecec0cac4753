/**
 * What a notebook's parameters may be.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fits, number, oneOf, someOf, someWhole, whole } from "$lib/parameters.ts";
import { assertNotWaiting } from "$lib/waiting.ts";

/** The clock that cells are timed by, set by hand. */
class FakeTime {
  readonly #now = performance.now;
  #passed = 0;

  constructor() {
    const start = performance.now();
    performance.now = () => start + this.#passed;
  }

  tick(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  restore(): void {
    performance.now = this.#now;
  }
}

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

Deno.test("cells that wait behind a refused parameter are ended, until it is mended or time passes", () => {
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

  const time = new FakeTime();
  try {
    assertThrows(() => whole({ mended: 0 }, 1, 9));
    time.tick(900);
    assertThrows(assertNotWaiting);
    time.tick(900);
    assertThrows(assertNotWaiting);
    time.tick(1100);
    assertNotWaiting();
  } finally {
    time.restore();
  }
});

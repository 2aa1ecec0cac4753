/**
 * Long lines broken between words, and joined again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { flowed, joined } from "$lib/flowed.ts";

Deno.test("flowed() breaks long lines between words, and leaves the others", () => {
  const short = "a  b\n\n  c ".trimEnd();
  assertEquals(flowed(short), short);
  const words = "nine char ".repeat(13).trimEnd();
  const path = "x".repeat(130);
  assertEquals(flowed(`${words}\n${path}`).split("\n"), [
    "nine char ".repeat(10),
    "nine char nine char nine char",
    path,
  ]);
});

Deno.test("joined() gives back what flowed() broke", () => {
  const word = fc.string({ minLength: 1, maxLength: 30 }).map((text) =>
    text.replaceAll(/\s/g, "-")
  );
  const line = fc.array(word, { maxLength: 60 }).map((words) => words.join(" "));
  const text = fc.array(line, { maxLength: 5 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, (whole) => {
      const broken = flowed(whole);
      assert(broken.split("\n").every((one) => one.length <= 100 || !one.trimEnd().includes(" ")));
      assertEquals(joined(broken), whole);
    }),
    { seed: 0, numRuns: 200 },
  );
});

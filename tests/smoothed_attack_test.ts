import { assert, assertEquals } from "@std/assert";
import { tf } from "$lib/backend.ts";
import { smoothedNorms } from "$lib/evaluation/smoothed.ts";
import { test } from "$lib/loader.ts";
import { pixelsOf } from "$lib/rows.ts";
import { plane, smallest } from "./plane.ts";

const { images, labels } = await test(1);
const [clean] = pixelsOf(images);
const options = { sigma: 0.1, ids: [5000], maxPasses: 40, draws: 4, votes: 100 };

Deno.test("smoothedNorms() finds no less than a plane's distance, which smoothing does not change", async () => {
  // The vote needs a clear majority: beyond the plane by a part of the noise, whose deviation is 0.1.
  const digits = { images, labels: tf.zerosLike(labels) };
  const before = tf.memory().numTensors;
  const [found] = await smoothedNorms(plane(clean!, 8), digits, options);
  assertEquals(tf.memory().numTensors, before);
  const least = smallest(clean!, 8, 2);
  assert(found!.norm > least && found!.norm < 2.2 * least, `${found!.norm} against ${least}`);
  assertEquals([found!.image, found!.label], [5000, 0]);
  digits.labels.dispose();
});

Deno.test("smoothedNorms() is 0 where the vote is wrong as it is", async () => {
  const digits = { images, labels: tf.zerosLike(labels) };
  const [found] = await smoothedNorms(plane(clean!, -8), digits, options);
  assertEquals(found!.norm, 0);
  digits.labels.dispose();
});

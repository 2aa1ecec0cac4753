/**
 * Protections by their specs: how they are read, which fit together, and what is refused.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { architectures, MLP, MLP_bn } from "$lib/architectures.ts";
import { createNetwork } from "$lib/network.ts";
import { protectionOf, protections } from "$lib/protections/index.ts";
import { assertProtections } from "$lib/protections/lesson.ts";
import {
  protectedArchitecture,
  protectionsOf,
  readProtections,
  teacherOf,
  trainedSigma,
} from "$lib/protections/plan.ts";

Deno.test("specs are read whatever their case, and written in one way", () => {
  assertEquals(protectionOf("PGD:Linf:.20").spec, "pgd:linf:0.2");
  assertEquals(protectionOf("pgd:l2:2:10").spec, "pgd:l2:2");
  assertEquals(protectionOf("trades:linf:0.3:1").spec, "trades:linf:0.3:1");
  assertEquals(readProtections("decay:1e-2+distillation:20", MLP), [
    ...["decay:0.01", "distillation:20"],
  ]);
  assertEquals(teacherOf(["decay:0.01", "distillation:20"]), ["decay:0.01", "heated:20"]);
  assertEquals(teacherOf(["decay:0.01"]), undefined);
  for (const { usage, name } of Object.values(protections)) assert(usage.startsWith(name));
});

Deno.test("a network's name tells the noise that it was trained with", () => {
  const sigmas = ["CNN+noise:0.5", "MLP+decay:1+consistency:0.25:5", "CNN+distillation:20", "CNN"];
  assertEquals(sigmas.map(trainedSigma), [0.5, 0.25, undefined, undefined]);
});

Deno.test("distillation needs a teacher, and what trains teachers is no protection to ask for", () => {
  assert(!("heated" in protections));
  assertEquals(protectionOf("heated:20").spec, "heated:20");
  const teacher = createNetwork(MLP);
  assertEquals(protectionOf("Distillation:2e1", teacher).spec, "distillation:20");
  const [one, other] = protectionsOf("distillation:20+decay:1", MLP, teacher);
  assertEquals([one!.spec, other!.spec], ["distillation:20", "decay:1"]);
  teacher.dispose();
  assertThrows(() => protectionsOf("distillation:20", MLP), RangeError, "needs a teacher");
  assertThrows(() => readProtections("distillation:0.5", MLP), RangeError, "finite and >= 1");
  for (const read of [readProtections, protectionsOf]) {
    const { message } = assertThrows(() => read("decay:1+heated:20", MLP), RangeError);
    assertEquals(
      message,
      "Cannot protect as heated is for teachers, which distillation trains itself: " +
        "current value is heated:20",
    );
  }
});

Deno.test("what can't be done gets a line that says why", () => {
  const refused: [spec: string, why: RegExp][] = [
    ["pgd:linf:1.5", /epsilon must be in \(0, 1\]: current value is 1\.5/],
    ["pgd:l1:0.1", /NORM must be l2 or linf in pgd:NORM/],
    ["pgd:linf", /it needs EPSILON in pgd:NORM/],
    ["pgd:linf:x", /EPSILON must be a number/],
    ["pgd:linf:0.1:2.5", /steps must be a whole number/],
    ["pgd:linf:0.1:0", /steps must be a whole number from 1 to 100: current value is 0/],
    ["pgd:linf:0.1:1e9", /from 1 to 100: current value is 1000000000/],
    ["pgd:linf:0.1:3:4", /nothing may follow/],
    ["fgsm:l2:1", /needs p = inf/],
    ["interval:l2:1", /needs p = inf/],
    ["noise:-1", /noise as sigma must be finite and > 0/],
    ["consistency:0", /consistency as sigma must be finite and > 0/],
    ["consistency:1:0", /weight must be finite and > 0/],
    ["heated:0.5", /temperature must be finite and >= 1/],
    ["distillation:20", /distillation as it needs a teacher: current value is none/],
    [
      "magic:1",
      /known are pgd, fgsm, trades, interval, noise, consistency, gradient, decay, distillation$/,
    ],
    ["", /known are/],
  ];
  for (const [spec, why] of refused) {
    const error = assertThrows(() => protectionOf(spec), RangeError);
    assert(why.test(error.message), error.message);
    assert(!error.message.includes("\n"));
  }
  const together: [text: string, why: RegExp][] = [
    ["trades:linf:0.1+interval:linf:0.1", /each replaces the loss/],
    ["trades:linf:0.1+consistency:0.5", /each replaces the loss/],
    ["noise:0.1+noise:0.2", /noise twice/],
    ["pgd:linf:0.1+fgsm:linf:0.1", /pgd:linf:0.1 and fgsm:linf:0.1 as each looks for the worst/],
    ["trades:linf:0.1+pgd:linf:0.1", /each looks for the worst within a ball: choose one/],
    ["fgsm:linf:0.1+interval:linf:0.1", /each looks for the worst within a ball: choose one/],
    ["noise:0.5+consistency:0.5", /noise:0.5 and consistency:0.5 as each adds noise: choose one/],
    ["noise:0.5+decay:1+pgd:linf:0.1", /clip the noise to \[0, 1\]: write the noise last/],
    ["noise:0.5+fgsm:linf:0.1", /noise:0.5 and fgsm:linf:0.1 as the latter would clip/],
    ["noise:0.5+trades:linf:0.1", /clip the noise to \[0, 1\]: choose one/],
    ["trades:linf:0.1+noise:0.5", /clip the noise to \[0, 1\]: choose one/],
    ["interval:linf:0.1+noise:0.5", /clip the noise to \[0, 1\]: choose one/],
  ];
  for (const [text, why] of together) {
    assert(why.test(assertThrows(() => readProtections(text, MLP), RangeError).message), text);
  }
  for (const text of ["pgd:linf:0.1+noise:0.5", "pgd:l2:1+consistency:0.5", "noise:1+gradient:1"]) {
    assertEquals(readProtections(text, MLP), text.split("+"));
  }
  assertThrows(() => assertProtections([protectionOf("interval:linf:0.1")], MLP_bn), RangeError);
  const trainedSo = protectedArchitecture("MLP");
  assertEquals(readProtections("decay:999", trainedSo), ["decay:999"]);
  assertThrows(
    () => readProtections("decay:1000", trainedSo),
    RangeError,
    "times the learning rate of 0.001 must be below 1: current value is 1000",
  );
});

Deno.test("protected trainings keep the layers and change the hyperparameters", () => {
  const { layers, batchSize, epochs, name } = protectedArchitecture("CNN_d", 7);
  assertEquals([layers, batchSize, epochs, name], [
    architectures["CNN_d"]!.layers,
    128,
    7,
    "CNN_d",
  ]);
});

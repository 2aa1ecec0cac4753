import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { backend, type Tensor, type Tensor1D, tf } from "$lib/backend.ts";
import { compile } from "$lib/compile.ts";
import { statelessUniform } from "$lib/random.ts";

const values = (tensor: Tensor) => [...tensor.dataSync()];
const options = { ignore: !backend.native };

Deno.test("compile() gives the eager result, gradients inside included", () => {
  tf.tidy(() => {
    const loss = (x: Tensor, w: Tensor) => tf.softmax(tf.matMul(x, w)).square().sum<Tensor>();
    const both = (x: Tensor, w: Tensor) => {
      const { value, grads } = tf.valueAndGrads((x: Tensor, w: Tensor) => loss(x, w))([x, w]);
      return { value, grads };
    };
    const [x, w] = [tf.randomNormal([5, 4], 0, 1, "float32", 1), tf.randomNormal([4, 3])];
    const [eager, compiled] = [both(x, w), compile(both)(x, w)];
    assertAlmostEquals(values(compiled.value)[0]!, values(eager.value)[0]!, 1e-5);
    compiled.grads.forEach((gradient, i) =>
      values(gradient).forEach((value, j) =>
        assertAlmostEquals(value, values(eager.grads[i]!)[j]!, 1e-6)
      )
    );
    assertEquals(compiled.grads.map((one) => one.shape), [[5, 4], [4, 3]]);
  });
});

Deno.test("compile() traces once for each signature", () => {
  let traces = 0;
  const double = compile(({ x }: { x: Tensor }, factor: number) => {
    traces++;
    return x.mul(factor);
  });
  tf.tidy(() => {
    assertEquals(values(double({ x: tf.tensor1d([1, 2]) }, 2)), [2, 4]);
    assertEquals(values(double({ x: tf.tensor1d([5, 6]) }, 2)), [10, 12]);
    assertEquals(values(double({ x: tf.tensor1d([5, 6]) }, 3)), [15, 18]);
    assertEquals(values(double({ x: tf.tensor1d([1]) }, 2)), [2]);
  });
  if (backend.native) assertEquals(traces, 6); // each is run again, to see that it does the same
});

Deno.test("compile() keeps an argument given twice, passed through or unused apart", () => {
  tf.tidy(() => {
    const run = compile((a: Tensor, b: Tensor, _unused: Tensor) => [a.sub(b), a, tf.scalar(7)]);
    const x = tf.tensor1d([1, 2]);
    const [zero, same, seven] = run(x, x, x);
    assertEquals([zero!, same!, seven!].map(values), [[0, 0], [1, 2], [7]]);
    x.dispose();
    assertEquals(values(same!), [1, 2]);
  });
});

Deno.test("compile() leaks no tensor", () => {
  const add = compile((a: Tensor) => ({ sum: a.add(1), twice: a.mul(2) }));
  const x = tf.tensor1d([1, 2, 3]);
  const before = tf.memory().numTensors;
  tf.dispose(add(x));
  tf.dispose(add(x));
  assertEquals(tf.memory().numTensors, before);
  x.dispose();
});

Deno.test("compile() draws new random numbers for each seed, the same as eagerly", () => {
  tf.tidy(() => {
    const draw = (seed: Tensor1D) => statelessUniform([4], seed);
    const compiled = compile(draw);
    for (const step of [1, 2]) {
      const seed = tf.tensor1d([9, step], "int32");
      assertEquals(values(compiled(seed)), values(draw(seed)));
    }
  });
});

Deno.test("compile() names what it can't trace", options, () => {
  const x = tf.tensor1d([1, 2]);
  const variable = tf.variable(tf.tensor1d([1, 2]));
  let calls = 0;
  const cases: [string, (x: Tensor) => unknown][] = [
    ["does not do the same thing twice (Mul at first", (x) => calls++ % 2 ? x.add(1) : x.mul(2)],
    ["does not do the same thing twice", (x) => x.mul(++calls)],
    ["does not do the same thing twice", (x) => calls++ % 2 ? x : x.clone().square()],
    ["does not do the same thing twice", () => calls++ % 2 ? tf.scalar(1) : tf.scalar(2)],
    ["reads a tensor's value", (x) => tf.scalar(x.sum().dataSync()[0]!)],
    ["draws a random number in JavaScript", (x) => x.mul(Math.random())],
    ["draws a random number in JavaScript", (x) => tf.dropout(x, 0.5)],
    ["is asynchronous", async (x) => tf.scalar((await x.data())[0]!)],
    ["uses a tf.Variable", (x) => x.add(variable)],
    ["assigns a tf.Variable", (x) => {
      variable.assign(x as Tensor1D);
      return x;
    }],
  ];
  for (const [culprit, fn] of cases) {
    const before = tf.memory().numTensors;
    assertThrows(
      () => compile(fn as (x: Tensor) => Tensor, { name: "step" })(x),
      Error,
      `Cannot compile step as it ${culprit}`,
    );
    assertEquals(tf.memory().numTensors, before, culprit);
  }
  assertAlmostEquals(Math.random(), 0.5, 0.5); // the hooks are gone
  tf.dispose([x, variable]);
});

Deno.test(
  "loading a graph leaves no file, and takes away what killed processes left",
  options,
  async () => {
    const folder = new URL("../.lab/graphs/", import.meta.url);
    const old = new URL("1-left-behind/", folder);
    await Deno.mkdir(old, { recursive: true });
    await Deno.writeTextFile(new URL("saved_model.pb", old), "half a gr");
    const past = new Date(Date.now() - 3_600_000);
    await Deno.utime(old, past, past);
    const run = `import { tf } from "$lib/backend.ts";
    import { compile } from "$lib/compile.ts";
    console.log(compile((x) => x.add(1))(tf.scalar(1)).dataSync()[0]);`;
    const script = new URL(`compile-test-${Deno.pid}.ts`, new URL("../.lab/", import.meta.url));
    await Deno.writeTextFile(script, run);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "-P=train", fileURLToPath(script)],
    }).output();
    await Deno.remove(script);
    assertEquals(new TextDecoder().decode(stdout).trim(), "2");
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assertEquals(left.filter((name) => name === "1-left-behind"), []);
  },
);

Deno.test("compile() takes captured tensors as constants", () => {
  const captured = tf.tensor2d([[1, 2], [3, 4]]);
  const run = compile((x: Tensor) => tf.matMul(x, captured));
  tf.tidy(() => assertEquals(values(run(tf.tensor2d([[1, 1]]))), [4, 6]));
  captured.dispose();
});

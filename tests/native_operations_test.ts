import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { adamStep, nextPowers, startMoments, startPowers } from "$lib/adam.ts";
import {
  backend,
  nativeBackend,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "$lib/backend.ts";
import { convReluPool } from "$lib/conv_relu_pool.ts";
import { denseLayer } from "$lib/dense.ts";
import { runOperation } from "$lib/operations.ts";

type Shape4 = [number, number, number, number];
type Layer = (images: Tensor4D, kernel: Tensor4D, bias: Tensor1D) => Tensor4D;

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

/** The same by TensorFlow's four operations. */
const composed: Layer = (images, kernel, bias) =>
  tf.maxPool(tf.relu(tf.conv2d(images, kernel, 1, "valid").add(bias)), 2, 2, "valid");

/** Images, kernel and bias, of sizes that fill vectors and squares and that don't. */
const shapes: [images: Shape4, kernel: Shape4][] = [
  [[3, 28, 28, 1], [5, 5, 1, 20]],
  [[17, 12, 12, 20], [3, 3, 20, 40]],
  [[1, 9, 13, 1], [4, 4, 1, 3]],
  [[33, 7, 6, 3], [2, 2, 3, 7]],
  [[2, 12, 12, 32], [3, 3, 32, 64]],
  [[16, 6, 8, 5], [1, 1, 5, 11]],
];

const given = ([images, kernel]: typeof shapes[number]) =>
  [normal(images, 1), normal(kernel, 2), normal([kernel[3]], 3)] as [Tensor4D, Tensor4D, Tensor1D];

function assertClose(actual: Tensor, expected: Tensor, what: string): void {
  assertEquals(actual.shape, expected.shape, what);
  const largest = expected.abs().max().dataSync()[0]!;
  const off = actual.sub(expected).abs().max().dataSync()[0]!;
  assert(off <= 1e-5 * (1 + largest), `${what}: off by ${off}, largest ${largest}`);
}

Deno.test("set-up compiled the lab's operations in", () => {
  assert(backend.operations, backend.warning);
});

Deno.test("convReluPool() is convolution, bias, ReLU and max-pool", () => {
  for (const shape of shapes) {
    tf.tidy(() => {
      const inputs = given(shape);
      assertClose(convReluPool(...inputs), composed(...inputs), String(shape[0]));
    });
  }
});

Deno.test("convReluPool() has their gradients", () => {
  for (const shape of shapes) {
    tf.tidy(() => {
      const inputs = given(shape);
      const weights = normal(composed(...inputs).shape, 4);
      const [own, theirs] = [convReluPool, composed].map((layer) =>
        tf.grads((...x: Tensor[]) =>
          layer(...x as [Tensor4D, Tensor4D, Tensor1D]).mul(weights).sum<Tensor>()
        )(inputs)
      );
      own!.forEach((gradient, i) => assertClose(gradient, theirs![i]!, `${shape[0]}, input ${i}`));
    });
  }
});

Deno.test("the gradients of convReluPool() have the right gradients themselves", () => {
  for (const shape of shapes.slice(0, 4)) {
    tf.tidy(() => {
      const [images, kernel, bias] = given(shape);
      const weights = normal(composed(images, kernel, bias).shape, 4);
      const [direction, otherDirection] = [normal(images.shape, 5), normal(kernel.shape, 6)];
      /** What the image's gradient is in a direction, as a function of the kernel. */
      const slope = (layer: Layer) => (kernel: Tensor) =>
        tf.grad((x: Tensor) => layer(x as Tensor4D, kernel as Tensor4D, bias).mul(weights).sum())(
          images,
        ).mul(direction).sum<Tensor>();
      const [own, theirs] = [convReluPool, composed].map((layer) => tf.grad(slope(layer))(kernel));
      assertClose(own!, theirs!, `${shape[0]}: images, then kernel`);
      // tfjs has no gradient of a kernel's gradient: by symmetry it is the one above.
      const turned = tf.grad((x: Tensor) =>
        tf.grad((kernel: Tensor) =>
          convReluPool(x as Tensor4D, kernel as Tensor4D, bias).mul(weights).sum()
        )(kernel).mul(otherDirection).sum<Tensor>()
      )(images);
      const [there, back] = [
        theirs!.mul(otherDirection).sum().dataSync()[0]!,
        turned.mul(direction).sum().dataSync()[0]!,
      ];
      assertAlmostEquals(back, there, 1e-4 * (1 + Math.abs(there)));
    });
  }
});

Deno.test("what stands at the winners is the output, and the slope of a slope that depends on it", () => {
  for (const shape of shapes) {
    tf.tidy(() => {
      const inputs = given(shape);
      const [output, winners] = runOperation("LabConvReluPool", {
        ...{ images: inputs[0], kernel: inputs[1], bias: inputs[2] },
      }) as [Tensor, Tensor];
      const [again] = runOperation("LabConvReluPoolAtWinners", {
        ...{ images: inputs[0], kernel: inputs[1], bias: inputs[2], winners },
      });
      assertClose(again!, output, String(shape[0]));
      const [own, theirs] = [convReluPool, composed].map((layer) =>
        tf.grads((...x: Tensor[]) => {
          const [, kernel, bias] = x as [Tensor, Tensor4D, Tensor1D];
          const slope = tf.grad((images: Tensor) =>
            layer(images as Tensor4D, kernel, bias).square().sum()
          )(x[0]!);
          return slope.square().sum<Tensor>();
        })(inputs)
      );
      own!.forEach((gradient, i) => assertClose(gradient, theirs![i]!, `${shape[0]}, input ${i}`));
    });
  }
});

Deno.test("convReluPool() gives an image's result to the last bit whatever shares its batch", () => {
  for (const shape of shapes.slice(0, 2)) {
    tf.tidy(() => {
      const [images, kernel, bias] = given(shape);
      const count = images.shape[0];
      const both = (x: Tensor4D) => [
        convReluPool(x, kernel, bias),
        tf.grad((x: Tensor) => convReluPool(x as Tensor4D, kernel, bias).square().sum())(x),
      ];
      const together = both(images);
      for (const [from, size] of [[0, 1], [count - 2, 2]] as const) {
        const part = (x: Tensor) => x.slice([from, 0, 0, 0], [size, -1, -1, -1]);
        both(part(images) as Tensor4D).forEach((alone, i) =>
          assertEquals([...alone.dataSync()], [...part(together[i]!).dataSync()])
        );
      }
    });
  }
});

Deno.test("of equal sums the first has the gradient, as in TensorFlow, and none that ReLU made 0", () => {
  tf.tidy(() => {
    // Black images, such as most of a digit is, give the same sum everywhere: the bias.
    for (const [shape, kernelShape] of shapes) {
      const [images, kernel] = [tf.zeros(shape) as Tensor4D, normal(kernelShape, 2) as Tensor4D];
      const filters = kernel.shape[3];
      const slope = (layer: Layer, bias: number) =>
        tf.grad((x: Tensor) =>
          layer(x as Tensor4D, kernel, tf.fill([filters], bias) as Tensor1D).sum()
        )(images);
      assertClose(slope(convReluPool, 0.5), slope(composed, 0.5), String(shape));
      assertEquals(slope(convReluPool, 0).abs().max().dataSync()[0], 0);
    }
  });
});

Deno.test("no images, no trouble", () => {
  tf.tidy(() => {
    const [, kernel, bias] = given(shapes[0]!);
    const images = tf.zeros([0, 28, 28, 1]) as Tensor4D;
    assertEquals(convReluPool(images, kernel, bias).shape, [0, 12, 12, 20]);
    const slopes = tf.grads((...x: Tensor[]) =>
      convReluPool(...x as [Tensor4D, Tensor4D, Tensor1D]).sum<Tensor>()
    )([images, kernel, bias]);
    assertEquals(
      slopes.map(({ shape }) => shape),
      [images, kernel, bias].map(({ shape }) => shape),
    );
    assert(slopes.every((slope) => slope.dataSync().every((value) => value === 0)));
  });
});

Deno.test("what is not a number goes through convReluPool(), wherever it stands in a square", () => {
  tf.tidy(() => {
    const [images, kernel, bias] = given(shapes[1]!);
    const broken = kernel.mul<Tensor4D>(NaN);
    assert(convReluPool(images, broken, bias).dataSync().every(Number.isNaN));
    for (let place = 0; place < 4; place++) {
      const pixels = new Float32Array(16).fill(1);
      pixels[4 * Math.floor(place / 2) + place % 2] = NaN;
      const pooled = convReluPool(
        tf.tensor4d(pixels, [1, 4, 4, 1]),
        tf.ones([1, 1, 1, 1]),
        tf.zeros([1]),
      );
      assertEquals([...pooled.dataSync()], [NaN, 1, 1, 1]);
    }
  });
});

/** A dense layer by TensorFlow's operations. */
const composedDense: typeof denseLayer = (x, kernel, bias, { relu = false } = {}) => {
  const products = x.expandDims<Tensor>(2).mul<Tensor>(kernel.expandDims(0));
  const sums = products.sum<Tensor>(1).add<Tensor2D>(bias);
  return relu ? tf.relu(sums) : sums;
};

for (const relu of [false, true]) {
  Deno.test(`denseLayer() and its gradients are those of single operations (ReLU ${relu})`, () => {
    for (const [batch, inputs, units] of [[32, 40, 10], [5, 33, 49], [1, 7, 1], [70, 3, 32]]) {
      tf.tidy(() => {
        const [x, kernel, bias] = [
          ...[normal([batch!, inputs!], 1), normal([inputs!, units!], 2), normal([units!], 3)],
        ] as [Tensor2D, Tensor2D, Tensor1D];
        const what = `${batch} ${inputs} ${units}`;
        const [own, theirs] = [denseLayer, composedDense].map((layer) => {
          const output = (x: Tensor, kernel: Tensor, bias: Tensor) =>
            layer(x as Tensor2D, kernel as Tensor2D, bias as Tensor1D, { relu });
          const slope = (x: Tensor, kernel: Tensor, bias: Tensor) =>
            tf.grad((x: Tensor) => output(x, kernel, bias).square().sum())(x);
          const steepness = (x: Tensor, kernel: Tensor, bias: Tensor) =>
            tf.grad((kernel: Tensor) => output(x, kernel, bias).square().sum())(kernel);
          const scalar = (f: typeof slope) => (...given: Tensor[]) =>
            f(...given as [Tensor, Tensor, Tensor]).square().sum<Tensor>();
          return [
            output(x, kernel, bias),
            ...tf.grads(scalar(output))([x, kernel, bias]),
            ...tf.grads(scalar(slope))([x, kernel, bias]),
            ...tf.grads(scalar(steepness))([x, kernel, bias]),
          ];
        });
        own!.forEach((value, i) => assertClose(value, theirs![i]!, `${what}, ${i}`));
      });
    }
  });
}

Deno.test("matrices are multiplied as by hand, transposed or not", () => {
  const sizes = [[1, 1, 1], [3, 5, 2], [32, 20, 10], [70, 33, 49], [8, 600, 32], [100, 513, 40]];
  for (const [rows, depth, columns] of sizes as [number, number, number][]) {
    for (const [left, right] of [[false, false], [true, false], [false, true], [true, true]]) {
      tf.tidy(() => {
        const a = normal(left ? [depth, rows] : [rows, depth], 1);
        const b = normal(right ? [columns, depth] : [depth, columns], 2);
        const product = tf.matMul(a, b, left, right);
        const straight = left ? a.transpose<Tensor>() : a;
        const upright = right ? b : b.transpose<Tensor>();
        const byHand = straight.expandDims(1).mul(upright.expandDims(0)).sum<Tensor>(2);
        assertClose(product, byHand, `${rows} ${depth} ${columns} ${left} ${right}`);
      });
    }
  }
});

Deno.test("a row of a product is the same to the last bit whatever the other rows", () => {
  tf.tidy(() => {
    const [a, b] = [normal([77, 300], 1), normal([300, 50], 2)];
    const all = tf.matMul(a, b).dataSync();
    for (const row of [0, 8, 76]) {
      const alone = tf.matMul(a.slice([row, 0], [1, -1]), b).dataSync();
      assertEquals([...alone], [...all.subarray(50 * row, 50 * (row + 1))]);
    }
  });
});

Deno.test("the fused step of Adam is the one of single operations", () => {
  tf.tidy(() => {
    const x = normal([40, 1000], 1); // several pieces of work
    let [fused, single] = [{ x, moments: startMoments(x) }, { x, moments: startMoments(x) }];
    let powers = startPowers();
    for (let step = 0; step < 3; step++) {
      powers = nextPowers(powers);
      const gradient = normal(x.shape, 10 + step);
      fused = adamStep(fused.x, fused.moments, gradient, powers, { learningRate: 0.01 });
      // Rates that broadcast take the way of single operations.
      const rates = tf.fill([40, 1], 0.01);
      single = adamStep(single.x, single.moments, gradient, powers, { learningRate: rates });
    }
    assertClose(fused.x, single.x, "weights");
    assertClose(fused.moments.mean, single.moments.mean, "means");
    assertClose(fused.moments.square, single.moments.square, "squares");
  });
});

Deno.test("operations refuse what does not fit, in a line, and do not touch it", () => {
  const native = nativeBackend();
  tf.tidy(() => {
    const [images, kernel, bias] = given(shapes[0]!);
    const [, winners] = native.executeMultipleOutputs(
      "LabConvReluPool",
      [],
      [images, kernel, bias],
      2,
    ) as [Tensor, Tensor];
    const layer = (...inputs: Tensor[]) =>
      native.executeMultipleOutputs("LabConvReluPool", [], inputs, 2);
    assertThrows(() => layer(images, tf.ones([5, 5, 2, 20]), bias), Error, "does not fit");
    assertThrows(() => layer(images, kernel, tf.ones([19])), Error, "another size");
    assertThrows(() => layer(images, tf.ones([28, 28, 1, 2]), tf.ones([2])), Error, "too small");
    assertThrows(() => layer(images.flatten(), kernel, bias), Error, "another rank");
    assertThrows(
      () =>
        native.executeMultipleOutputs(
          "LabConvReluPoolAtWinners",
          [],
          [images.slice(0, 2), kernel, bias, winners.slice(0, 100)],
          1,
        ),
      Error,
      "another size",
    );
    const x = tf.ones([3]);
    const dense = (...inputs: Tensor[]) =>
      native.executeMultipleOutputs("LabDense", [relu], inputs, 1);
    const relu = { name: "relu", type: native.binding.TF_ATTR_INT, value: 1 };
    assertThrows(() => dense(tf.ones([2, 3]), tf.ones([4, 5]), x), Error, "does not fit");
    assertThrows(() => dense(tf.ones([2, 3]), tf.ones([3, 5]), x), Error, "another size");
    // Inputs that fit behind one that does not: whoever reads on reads far beyond its end.
    const [long, one] = [tf.ones([3000, 2000]), tf.ones([1])];
    assertThrows(
      () =>
        native.executeMultipleOutputs(
          "LabDenseGradInput",
          [relu],
          [long, one, tf.ones([2, 2000])],
          1,
        ),
      Error,
      "input 1 has another size",
    );
    const flags = ["transpose_a", "transpose_b"].map((name) => ({ ...relu, name, value: 0 }));
    assertThrows(
      () => native.executeMultipleOutputs("LabMatMul", flags, [long, tf.ones([3, 2000])], 1),
      Error,
      "do not fit",
    );
    assertThrows(
      () => native.executeMultipleOutputs("LabAdam", [], [x, x, x, tf.ones([4]), x, x, x, x], 3),
      Error,
      "another size",
    );
  });
});

/**
 * Dense layers as one operation of the lab's own, with its gradients.
 *
 * @module
 */
import { backend, type Tensor, type Tensor1D, type Tensor2D, tf } from "./backend.ts";
import { registerOperation, runOperation } from "./operations.ts";
import { biasAdd, reluGradient } from "./ops.ts";

/** What stands behind a layer: its output tells where ReLU has cut off. */
type Kept = { output: Tensor; relu: boolean };

const gradientOfInput = (gradient: Tensor, { output, relu }: Kept, kernel: Tensor): Tensor =>
  runOperation("LabDenseGradInput", { gradient, output, kernel }, { relu })[0]!;

/** The gradients of the kernel and of the bias. */
const gradientsOfKernel = (gradient: Tensor, { output, relu }: Kept, x: Tensor): Tensor[] =>
  runOperation("LabDenseGradKernel", { gradient, output, x }, { relu });

const cutOff = (x: Tensor, { output, relu }: Kept): Tensor => relu ? reluGradient(x, output) : x;

const nothing = (output: Tensor) => () => tf.zerosLike(output);

if (backend.operations) {
  registerOperation("LabDense", ["x", "kernel", "bias"], 1, ["relu"]);
  registerOperation("LabDenseGradInput", ["gradient", "output", "kernel"], 1, ["relu"]);
  registerOperation("LabDenseGradKernel", ["gradient", "output", "x"], 2, ["relu"]);

  const keptOf = (output: Tensor, attributes: Record<string, unknown>): Kept => ({
    output,
    relu: Boolean(attributes["relu"]),
  });
  tf.registerGradient({
    kernelName: "LabDense",
    inputsToSave: ["x", "kernel"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attributes) => {
      const [x, kernel, output] = saved as [Tensor, Tensor, Tensor];
      const [slope, kept] = [dy as Tensor, keptOf(output, attributes)];
      return {
        x: () => gradientOfInput(slope, kept, kernel),
        kernel: () => gradientsOfKernel(slope, kept, x)[0]!,
        bias: () => gradientsOfKernel(slope, kept, x)[1]!,
      };
    },
  });
  // Where nothing is cut off, all is linear: what is below are the derivatives of linear maps.
  tf.registerGradient({
    kernelName: "LabDenseGradInput",
    inputsToSave: ["gradient", "output", "kernel"],
    gradFunc: (dx, saved, attributes) => {
      const [gradient, output, kernel] = saved as [Tensor, Tensor, Tensor];
      const kept = keptOf(output, attributes);
      return {
        gradient: () => cutOff(tf.matMul(dx as Tensor2D, kernel as Tensor2D), kept),
        kernel: () => gradientsOfKernel(gradient, kept, dx as Tensor)[0]!,
        output: nothing(output),
      };
    },
  });
  tf.registerGradient({
    kernelName: "LabDenseGradKernel",
    inputsToSave: ["gradient", "output", "x"],
    gradFunc: (dys, saved, attributes) => {
      const [kernel, bias] = dys as unknown as [Tensor2D, Tensor1D];
      const [gradient, output, x] = saved as [Tensor, Tensor, Tensor];
      const kept = keptOf(output, attributes);
      return {
        gradient: () => cutOff(tf.matMul(x as Tensor2D, kernel).add(bias), kept),
        x: () => gradientOfInput(gradient, kept, kernel),
        output: nothing(output),
      };
    },
  });
}

/**
 * Computes a dense layer; differentiable, more than once. The result for an example is the same to
 * the last bit whatever shares its batch.
 *
 * @param x Shape `[batch, inputs]`.
 * @param kernel Shape `[inputs, units]`.
 * @param bias Shape `[units]`.
 * @param options.relu Whether a ReLU follows. @default false
 * @returns Shape `[batch, units]`. The caller disposes it.
 */
export function denseLayer(
  x: Tensor2D,
  kernel: Tensor2D,
  bias: Tensor1D,
  { relu = false } = {},
): Tensor2D {
  if (backend.operations) {
    return runOperation("LabDense", { x, kernel, bias }, { relu })[0] as Tensor2D;
  }
  const sums = biasAdd(tf.matMul(x, kernel), bias) as Tensor2D;
  return relu ? tf.relu(sums) : sums;
}

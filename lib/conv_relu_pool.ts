/**
 * Convolution, bias, ReLU and max-pool as one operation of the lab's own, with its gradients.
 *
 * The operation itself is in `native/`; here it is made known to tfjs. It takes a third of the time
 * that TensorFlow takes for the four of them (`docs/decisions/native-operations.md`).
 *
 * @module
 */
import { backend, type Tensor, type Tensor1D, type Tensor4D, tf } from "./backend.ts";
import { registerOperation, runOperation } from "./operations.ts";

const gradientOfImages = (
  gradient: Tensor,
  kernel: Tensor,
  winners: Tensor,
  [, height, width]: number[],
): Tensor =>
  runOperation("LabConvReluPoolGradImages", { gradient, kernel, winners }, {
    ...{ height: height!, width: width! },
  })[0]!;

/** The gradients of the kernel and of the bias. */
const gradientsOfKernel = (
  gradient: Tensor,
  images: Tensor,
  winners: Tensor,
  [size]: number[],
): Tensor[] =>
  runOperation("LabConvReluPoolGradKernel", { gradient, images, winners }, { size: size! });

const atWinners = (images: Tensor, kernel: Tensor, bias: Tensor, winners: Tensor): Tensor =>
  runOperation("LabConvReluPoolAtWinners", { images, kernel, bias, winners })[0]!;

if (backend.operations) {
  registerOperation("LabConvReluPool", ["images", "kernel", "bias"], 2);
  registerOperation(
    "LabConvReluPoolGradImages",
    ["gradient", "kernel", "winners"],
    1,
    ["height", "width"],
  );
  registerOperation("LabConvReluPoolGradKernel", ["gradient", "images", "winners"], 2, ["size"]);
  registerOperation("LabConvReluPoolAtWinners", ["images", "kernel", "bias", "winners"], 1);

  // Where the winners stand, all is linear in the images and affine in kernel and bias: so the
  // derivatives of these operations are each other.
  const images = (dy: Tensor, kernel: Tensor, winners: Tensor, shape: number[]) => () =>
    gradientOfImages(dy, kernel, winners, shape);
  const kernel = (dy: Tensor, images: Tensor, winners: Tensor, shape: number[]) => () =>
    gradientsOfKernel(dy, images, winners, shape)[0]!;
  const none = (winners: Tensor) => () => tf.zeros(winners.shape);

  const along = (dy: Tensor, [x, k, winners]: [Tensor, Tensor, Tensor]) => ({
    images: images(dy, k, winners, x.shape),
    kernel: kernel(dy, x, winners, k.shape),
    bias: () => gradientsOfKernel(dy, x, winners, k.shape)[1]!,
    winners: none(winners),
  });

  tf.registerGradient({
    kernelName: "LabConvReluPool",
    inputsToSave: ["images", "kernel"],
    outputsToSave: [false, true],
    gradFunc: (dys, saved) => along((dys as Tensor[])[0]!, saved as [Tensor, Tensor, Tensor]),
  });
  tf.registerGradient({
    kernelName: "LabConvReluPoolAtWinners",
    inputsToSave: ["images", "kernel", "winners"],
    gradFunc: (dy, saved) => along(dy as Tensor, saved as [Tensor, Tensor, Tensor]),
  });
  tf.registerGradient({
    kernelName: "LabConvReluPoolGradImages",
    inputsToSave: ["gradient", "kernel", "winners"],
    gradFunc: (dx, saved) => {
      const [dy, k, winners] = saved as [Tensor, Tensor, Tensor];
      return {
        gradient: () => atWinners(dx as Tensor, k, tf.zeros([k.shape[3]!]), winners),
        kernel: kernel(dy, dx as Tensor, winners, k.shape),
        winners: none(winners),
      };
    },
  });
  tf.registerGradient({
    kernelName: "LabConvReluPoolGradKernel",
    inputsToSave: ["gradient", "images", "winners"],
    gradFunc: (dys, saved) => {
      const [dk, db] = dys as unknown as [Tensor, Tensor];
      const [dy, x, winners] = saved as [Tensor, Tensor, Tensor];
      return {
        gradient: () => atWinners(x, dk, db, winners),
        images: images(dy, dk, winners, x.shape),
        winners: none(winners),
      };
    },
  });
}

/**
 * Convolves (stride 1, no padding), adds a bias, cuts off what is negative, and takes the largest
 * value of each square of 2 by 2; differentiable, more than once. The result for an image is the same
 * to the last bit whatever shares its batch.
 *
 * @param images Shape `[batch, height, width, channels]`.
 * @param kernel Shape `[size, size, channels, filters]`.
 * @param bias Shape `[filters]`.
 * @returns Shape `[batch, floor((height - size + 1) / 2), floor((width - size + 1) / 2), filters]`.
 *   The caller disposes it.
 */
export function convReluPool(images: Tensor4D, kernel: Tensor4D, bias: Tensor1D): Tensor4D {
  if (backend.operations) {
    // The winners go, but for those that a gradient keeps.
    return tf.tidy(() => runOperation("LabConvReluPool", { images, kernel, bias })[0] as Tensor4D);
  }
  const sums = tf.conv2d(images, kernel, 1, "valid");
  // Both bias and ReLU keep the order of values, so they may wait until a quarter is left.
  return tf.relu(tf.maxPool(sums, 2, 2, "valid").add(bias));
}

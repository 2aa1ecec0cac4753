/**
 * What a protected classifier answers: a class, or nothing.
 *
 * @module
 */
import { type Tensor4D, tf } from "../../backend.ts";
import { compile } from "../../compile.ts";
import type { Classifier } from "../../network.ts";

/** Settings of a run that answers many images. */
export interface AnswerOptions {
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

/** A protection that answers images, whether it has logits or not. */
export interface Answerer {
  readonly name: string;
  /**
   * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
   * @returns For each image a class, or null where it abstains.
   * @throws The signal's reason when aborted.
   */
  answer(images: Tensor4D, options?: AnswerOptions): Promise<(number | null)[]>;
}

/** Images that are answered at once. */
const CHUNK = 200;

/**
 * A classifier as an {@linkcode Answerer}.
 *
 * @param classes Classes that are answers; by any further one it abstains. @default 10
 */
export function answererOf(classifier: Classifier, classes = 10): Answerer {
  const predict = compile((images: Tensor4D) => classifier.logits(images).argMax(1), {
    name: "a protected classifier's answers",
  });
  return {
    name: classifier.name,
    async answer(images, { signal, onProgress } = {}) {
      const [count] = images.shape;
      const answers: (number | null)[] = [];
      for (let from = 0; from < count; from += CHUNK) {
        signal?.throwIfAborted();
        const size = Math.min(CHUNK, count - from);
        const found = tf.tidy(() =>
          predict(images.slice([from, 0, 0, 0], [size, -1, -1, -1])).dataSync()
        );
        answers.push(...Array.from(found, (one) => one < classes ? one : null));
        onProgress?.((from + size) / count);
        await new Promise((resolve) => setTimeout(resolve));
      }
      return answers;
    },
  };
}

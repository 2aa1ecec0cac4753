/**
 * Who is evaluated: a classifier by its name, and the network without protection behind it.
 *
 * @module
 */
import { architectures } from "../architectures.ts";
import type { Dataset } from "../data/datasets.ts";
import { type Classifier, loadNetwork, type Network } from "../network.ts";
import { openClassifier, partsOf, type RuntimeOptions } from "../protections/runtime/index.ts";
import type { ResultRow } from "../results.ts";
import { weightsSha256 } from "../safetensors.ts";
import { toArrays } from "../weights.ts";

/** A classifier under evaluation. */
export interface Subject {
  classifier: Classifier;
  /** Of the network inside. */
  weightsSha256: string;
  /** What it was trained on. */
  dataset: Dataset;
  /** The network of its architecture without protection; none where that is the classifier itself. */
  plain?: { network: Classifier; weightsSha256: string };
  /** The run-time protections around the network, as its name has them; none without. */
  through?: string;
  /** Of the detector among these, as it is calibrated now. */
  threshold?: number;
  dispose(): void;
}

/**
 * Opens a classifier by its name: `CNN`, `CNN+pgd:linf:0.2`, or `CNN+bits:1` with a run-time
 * protection around the network.
 *
 * @param options.weights A file of the network's weights, in place of that in `models/`.
 * @throws As `openClassifier`.
 */
export async function openSubject(
  name: string,
  { dataset = "MNIST", weights }: Pick<RuntimeOptions, "dataset" | "weights"> = {},
): Promise<Subject> {
  const { specs } = partsOf(name);
  const { classifier, network, threshold } = await openClassifier(name, {
    dataset,
    ...(weights !== undefined && { weights }),
  });
  const plain = await loadNetwork(network.architecture.name, { dataset });
  const [own, source] = [await hash(network), await hash(plain)];
  return {
    classifier,
    weightsSha256: own,
    dataset,
    ...((own !== source || specs.length > 0) && {
      plain: { network: plain, weightsSha256: source },
    }),
    ...(specs.length > 0 && { through: specs.join("+") }),
    ...(threshold !== undefined && { threshold }),
    dispose() {
      network.dispose();
      plain.dispose();
    },
  };
}

/** What a row tells of its classifier. */
export type RowSubject =
  & Pick<ResultRow, "network" | "weightsSha256">
  & Partial<Pick<ResultRow, "options">>;

/** The threshold of a row's detector, as its options tell it. */
export function thresholdIn(options = "{}"): number | undefined {
  try {
    const { threshold }: { threshold?: unknown } = JSON.parse(options);
    return typeof threshold === "number" ? threshold : undefined;
  } catch {
    return undefined; // another program's rows may have other words
  }
}

/**
 * Opens what a table's row is of: weights by their file, with the run-time protections of
 * the row's name around them. A detector has the threshold that the row tells, which need
 * not be the one of today.
 *
 * @param file A file with the row's weights.
 * @returns `undefined` if there is no such classifier.
 */
export async function openRow(
  { network: name, options }: Omit<RowSubject, "weightsSha256">,
  file: string,
): Promise<Pick<Subject, "classifier" | "dispose"> | undefined> {
  try {
    const { network: inner } = partsOf(name);
    if (!Object.hasOwn(architectures, inner.split("+", 1)[0]!)) return undefined;
    const threshold = thresholdIn(options);
    const { classifier, network } = await openClassifier(name, {
      weights: file,
      ...(threshold !== undefined && { threshold }),
    });
    return { classifier, dispose: () => network.dispose() };
  } catch {
    return undefined; // verify says so of each row
  }
}

const hash = ({ weights }: Network): Promise<string> => weightsSha256(toArrays(weights));

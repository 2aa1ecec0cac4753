/**
 * Who is evaluated: a classifier by its name, and the network without protection behind it.
 *
 * @module
 */
import { type Classifier, loadNetwork, type Network, toArrays } from "../network.ts";
import { weightsSha256 } from "../safetensors.ts";

/** A classifier under evaluation. */
export interface Subject {
  classifier: Classifier;
  /** Of the network inside. */
  weightsSha256: string;
  /** The network of its architecture without protection; none where that is the classifier itself. */
  plain?: { network: Classifier; weightsSha256: string };
  /** The run-time protections around the network, as its name has them; none without. */
  through?: string;
  dispose(): void;
}

/**
 * Opens a network by its name: `CNN`, or `CNN+pgd:linf:0.2`.
 *
 * @throws As `loadNetwork`.
 */
export async function openSubject(name: string): Promise<Subject> {
  const network = await loadNetwork(name);
  const own = await hash(network);
  const plain = await loadNetwork(network.architecture.name);
  const source = { network: plain, weightsSha256: await hash(plain) };
  return {
    classifier: network,
    weightsSha256: own,
    ...(source.weightsSha256 !== own && { plain: source }),
    dispose() {
      network.dispose();
      plain.dispose();
    },
  };
}

const hash = ({ weights }: Network): Promise<string> => weightsSha256(toArrays(weights));

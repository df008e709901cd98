/** @file ONNX messages to bytes and back, driven by the schema: no code here knows any message by name. */
import { Fault } from "../fault.ts";
import { type Field, type Message, type MessageName, type ModelProto, SCHEMA, type ScalarType } from "./schema.ts";
import {
  closeWriter,
  malformed,
  openReader,
  openWriter,
  type Reader,
  readBytes,
  readLength,
  readString,
  readTag,
  readVarint,
  skipValue,
  WIRE,
  type WireType,
  type Writer,
  writeBytes,
  writeString,
  writeTag,
  writeVarint,
  written,
} from "./wire.ts";

/** A scalar type: its wire type, one value read, one value written, and, for numbers, the array of many. */
interface Scalar {
  readonly wireType: WireType;
  read(reader: Reader): unknown;
  write(writer: Writer, value: never): void;
  readonly array?: NumberArrayConstructor;
}

type NumberArray = Int32Array | BigInt64Array | BigUint64Array | Float32Array | Float64Array;
type NumberArrayConstructor = { readonly BYTES_PER_ELEMENT: number; from(values: unknown[]): NumberArray };

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function fixedBytes(size: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  set(new DataView(bytes.buffer));
  return bytes;
}

const arrayOf = (typedArray: unknown): NumberArrayConstructor => typedArray as NumberArrayConstructor;

const SCALARS: Readonly<Record<ScalarType, Scalar>> = {
  int32: {
    wireType: WIRE.varint,
    read: (reader) => Number(BigInt.asIntN(32, readVarint(reader))),
    write: (writer, value: number) => writeVarint(writer, value),
    array: arrayOf(Int32Array),
  },
  int64: {
    wireType: WIRE.varint,
    read: (reader) => BigInt.asIntN(64, readVarint(reader)),
    write: (writer, value: bigint) => writeVarint(writer, value),
    array: arrayOf(BigInt64Array),
  },
  uint64: {
    wireType: WIRE.varint,
    read: readVarint,
    write: (writer, value: bigint) => writeVarint(writer, value),
    array: arrayOf(BigUint64Array),
  },
  float: {
    wireType: WIRE.fixed32,
    read: (reader) => viewOf(readBytes(reader, 4)).getFloat32(0, true),
    write: (writer, value: number) =>
      writeBytes(
        writer,
        fixedBytes(4, (view) => view.setFloat32(0, value, true)),
      ),
    array: arrayOf(Float32Array),
  },
  double: {
    wireType: WIRE.fixed64,
    read: (reader) => viewOf(readBytes(reader, 8)).getFloat64(0, true),
    write: (writer, value: number) =>
      writeBytes(
        writer,
        fixedBytes(8, (view) => view.setFloat64(0, value, true)),
      ),
    array: arrayOf(Float64Array),
  },
  string: {
    wireType: WIRE.bytes,
    read: readString,
    write: (writer, value: string) => writeDelimited(writer, () => writeString(writer, value)),
  },
  bytes: {
    wireType: WIRE.bytes,
    read: (reader) => readBytes(reader, readLength(reader)).slice(),
    write: (writer, value: Uint8Array) => writeDelimited(writer, () => writeBytes(writer, value)),
  },
};

const isScalar = (type: string): type is ScalarType => Object.hasOwn(SCALARS, type);

/** Messages nested deeper than this are refused, as protobuf's own readers do. */
const DEEPEST = 100;

type Untyped = Record<string, unknown> & { unknownFields?: Uint8Array };
interface NamedField extends Field {
  readonly name: string;
}

const FIELDS = new Map(
  Object.entries(SCHEMA).map(([message, fields]) => [
    message,
    new Map(Object.entries(fields).map(([name, field]) => [field.number, { name, ...field } as NamedField])),
  ]),
);

/** @throws Fault DATA_INVALID that says where, when the bytes are cut short or don't follow the schema. */
export function decodeMessage<Name extends MessageName>(name: Name, bytes: Uint8Array): Message<Name> {
  const message: Untyped = {};
  // A plain view: `slice` of Node's Buffer does not copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  readMessage(openReader(plain, [name]), name, message, 0);
  return message as Message<Name>;
}

export const decodeOnnx = (bytes: Uint8Array): ModelProto => decodeMessage("ModelProto", bytes);

/**
 * Known fields in the order of their numbers, then the unknown ones: what other protobuf writers give, byte for byte.
 * @throws Fault LIMIT_EXCEEDED past 2 GiB.
 */
export function encodeMessage<Name extends MessageName>(name: Name, message: Message<Name>): Uint8Array {
  const writer = openWriter();
  writeMessage(writer, name, message as Untyped);
  return closeWriter(writer);
}

export const encodeOnnx = (model: ModelProto): Uint8Array => encodeMessage("ModelProto", model);

function readMessage(reader: Reader, name: MessageName, message: Untyped, depth: number): void {
  if (depth > DEEPEST) throw malformed(reader.path, "messages are nested too deep", `${DEEPEST} levels`, "more");
  const numbers = new Map<NamedField, unknown[]>();
  const unknown: Uint8Array[] = message.unknownFields === undefined ? [] : [message.unknownFields];
  while (reader.position < reader.end) {
    const start = reader.position;
    const { field: number, wireType } = readTag(reader);
    const field = FIELDS.get(name)!.get(number);
    if (field === undefined) {
      skipValue(reader, number, wireType);
      unknown.push(reader.bytes.slice(start, reader.position));
      continue;
    }
    reader.path.push(`.${field.name}`);
    if (!isScalar(field.type)) readNested(reader, field, wireType, message, depth);
    else readScalar(reader, field, SCALARS[field.type], wireType, message, numbers);
    reader.path.pop();
  }
  for (const [field, values] of numbers) {
    const earlier = (message[field.name] as Iterable<unknown> | undefined) ?? [];
    message[field.name] = SCALARS[field.type as ScalarType].array!.from([...earlier, ...values]);
  }
  if (unknown.length > 0) message.unknownFields = Uint8Array.from(Buffer.concat(unknown));
}

function readNested(reader: Reader, field: NamedField, wireType: WireType, message: Untyped, depth: number): void {
  expectWireType(reader, field, wireType, WIRE.bytes);
  const end = readLength(reader) + reader.position;
  let target: Untyped = {};
  if (field.repeated === true) {
    const list = (message[field.name] as Untyped[] | undefined) ?? [];
    message[field.name] = list;
    reader.path.push(`[${list.length}]`);
    list.push(target);
  } else {
    target = (message[field.name] as Untyped | undefined) ?? {}; // met twice: merged, as protobuf has it
    message[field.name] = target;
  }
  readMessage(
    openReader(reader.bytes, reader.path, reader.position, end),
    field.type as MessageName,
    target,
    depth + 1,
  );
  if (field.repeated === true) reader.path.pop();
  reader.position = end;
}

function readScalar(
  reader: Reader,
  field: NamedField,
  scalar: Scalar,
  wireType: WireType,
  message: Untyped,
  numbers: Map<NamedField, unknown[]>,
): void {
  if (field.repeated === undefined) {
    expectWireType(reader, field, wireType, scalar.wireType);
    message[field.name] = scalar.read(reader);
  } else if (scalar.array === undefined) {
    expectWireType(reader, field, wireType, scalar.wireType);
    const list = (message[field.name] as unknown[] | undefined) ?? [];
    list.push(scalar.read(reader));
    message[field.name] = list;
  } else if (wireType === WIRE.bytes) {
    readBlock(reader, field, scalar, message, numbers);
  } else {
    expectWireType(reader, field, wireType, scalar.wireType);
    pushTo(numbers, field, scalar.read(reader));
  }
}

function pushTo(numbers: Map<NamedField, unknown[]>, field: NamedField, value: unknown): void {
  const values = numbers.get(field);
  if (values === undefined) numbers.set(field, [value]);
  else values.push(value);
}

/** A packed block; fixed-width numbers that come as one block, the usual case, are copied at once. */
function readBlock(
  reader: Reader,
  field: NamedField,
  scalar: Scalar,
  message: Untyped,
  numbers: Map<NamedField, unknown[]>,
): void {
  const length = readLength(reader);
  const end = reader.position + length;
  const size = scalar.array!.BYTES_PER_ELEMENT;
  if (scalar.wireType !== WIRE.varint && length % size !== 0) {
    throw malformed(
      reader.path,
      "a block of numbers has an odd size",
      `a multiple of ${size} bytes`,
      `${length} bytes`,
    );
  }
  if (scalar.wireType !== WIRE.varint && !numbers.has(field) && message[field.name] === undefined) {
    const Constructor = scalar.array as unknown as new (buffer: ArrayBuffer) => NumberArray;
    message[field.name] = new Constructor(readBytes(reader, length).slice().buffer as ArrayBuffer);
    return;
  }
  const block = openReader(reader.bytes, reader.path, reader.position, end);
  if (length === 0) numbers.set(field, numbers.get(field) ?? []);
  while (block.position < end) pushTo(numbers, field, scalar.read(block));
  reader.position = end;
}

const wireName = (wireType: WireType): string =>
  `${Object.keys(WIRE).find((name) => WIRE[name as keyof typeof WIRE] === wireType)} (wire type ${wireType})`;

function expectWireType(reader: Reader, field: NamedField, got: WireType, expected: WireType): void {
  if (got === expected) return;
  const message = `field ${field.number} has the wrong wire type`;
  throw malformed(reader.path, message, wireName(expected), wireName(got));
}

function writeDelimited(writer: Writer, content: () => void): void {
  const before = written(writer);
  content();
  writeVarint(writer, written(writer) - before);
}

/** Backward, as the writer does: unknown fields first, then the known from the last to the first. */
function writeMessage(writer: Writer, name: MessageName, message: Untyped): void {
  if (message.unknownFields !== undefined) writeBytes(writer, message.unknownFields);
  for (const field of [...FIELDS.get(name)!.values()].reverse()) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (field.packed === true) {
      if ((value as NumberArray).length === 0) continue;
      writeDelimited(writer, () => writePacked(writer, SCALARS[field.type as ScalarType], value as NumberArray));
      writeTag(writer, field.number, WIRE.bytes);
    } else if (field.repeated === true) {
      for (const element of Array.from(value as ArrayLike<unknown>).reverse()) writeField(writer, field, element);
    } else {
      writeField(writer, field, value);
    }
  }
}

function writePacked(writer: Writer, scalar: Scalar, values: NumberArray): void {
  if (scalar.wireType !== WIRE.varint) {
    writeBytes(writer, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return;
  }
  for (let index = values.length - 1; index >= 0; index--) scalar.write(writer, values[index] as never);
}

function writeField(writer: Writer, field: NamedField, value: unknown): void {
  if (isScalar(field.type)) {
    const scalar = SCALARS[field.type];
    scalar.write(writer, value as never);
    writeTag(writer, field.number, scalar.wireType);
    return;
  }
  if (typeof value !== "object" || value === null) {
    throw new Fault("INTERNAL", `${field.name} of an ONNX message must be a ${field.type}`);
  }
  writeDelimited(writer, () => writeMessage(writer, field.type as MessageName, value as Untyped));
  writeTag(writer, field.number, WIRE.bytes);
}

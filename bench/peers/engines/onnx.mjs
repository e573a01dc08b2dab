// ONNX files of single operations: protocol buffers with the few fields of onnx.proto that they need.

const [FILE_VERSION, OPSET] = [10, 21]
const [FLOAT, INT64] = [1, 7]

/**
 * What a message holds, in pieces, so that weights are copied once.
 * @typedef {readonly Uint8Array[]} Pieces
 * @typedef {{ readonly graph: Pieces }} Graph
 * @typedef {Readonly<Record<string, readonly number[]>>} Shapes
 * @typedef {{ readonly shape: readonly number[], readonly data: Float32Array | BigInt64Array }} Constant
 */

/** @param {number} value */
function varint(value) {
  const bytes = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128))
  return Uint8Array.from([...bytes, rest])
}

/** @param {number} field @param {number} value */
const integer = (field, value) => [varint(field * 8), varint(value)]

/** @param {number} field @param {Pieces} pieces */
function message(field, pieces) {
  const size = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return [varint(field * 8 + 2), varint(size), ...pieces]
}

/** @param {number} field @param {string} value */
const text = (field, value) => message(field, [Buffer.from(value)])

/** A NodeProto. @param {string} type @param {readonly string[]} inputs @param {readonly string[]} outputs */
export function node(type, inputs, outputs, attributes = {}) {
  return message(1, [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, type),
    ...Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
  ])
}

/** @param {string} name @param {number | Graph} value */
function attribute(name, value) {
  const [type, held] = typeof value === 'number' ? [2, integer(3, value)] : [5, message(6, value.graph)]
  return message(5, [...text(1, name), ...held, ...integer(20, type)])
}

/**
 * Values that are not constants are all f32.
 * @param {{
 *   nodes: readonly Pieces[], inputs: Shapes, outputs: Shapes, constants?: Readonly<Record<string, Constant>>
 * }} parts
 * @returns {Graph}
 */
export function graph({ nodes, inputs, outputs, constants = {} }) {
  return {
    graph: [
      ...nodes.flat(),
      ...text(2, 'operation'),
      ...Object.entries(constants).flatMap(([name, constant]) => initializer(name, constant)),
      ...Object.entries(inputs).flatMap(([name, shape]) => valueInfo(11, name, shape)),
      ...Object.entries(outputs).flatMap(([name, shape]) => valueInfo(12, name, shape)),
    ],
  }
}

/** A TensorProto with raw data, little-endian. @param {string} name @param {Constant} constant */
function initializer(name, { shape, data }) {
  return message(5, [
    ...shape.flatMap((size) => integer(1, size)),
    ...integer(2, data instanceof Float32Array ? FLOAT : INT64),
    ...text(8, name),
    ...message(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  ])
}

/** @param {number} field @param {string} name @param {readonly number[]} shape */
function valueInfo(field, name, shape) {
  const dims = shape.flatMap((size) => message(1, integer(1, size)))
  const tensorType = message(1, [...integer(1, FLOAT), ...message(2, dims)])
  return message(field, [...text(1, name), ...message(2, tensorType)])
}

/** A whole file. @param {Graph} main */
export function modelFile(main) {
  return Buffer.concat([
    ...integer(1, FILE_VERSION),
    ...message(7, main.graph),
    ...message(8, integer(2, OPSET)),
  ])
}

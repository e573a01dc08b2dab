/** The tensor types of GGUF files: their numbers, the sizes of their blocks, and how bytes become values. */
import { STORED_TYPES } from '../dtypes.ts'
import type { Staging } from '../source.ts'
import {
  decodeIQ4_NL,
  decodeQ4_0,
  decodeQ4_1,
  decodeQ5_0,
  decodeQ5_1,
  decodeQ8_0,
  type DecodeBlock,
} from './blocks.ts'
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './k-blocks.ts'

export interface GgufTensorType {
  readonly name: GgufDType
  /** Its number in a file. */
  readonly id: number
  /** Elements that are stored together, and the bytes they take. */
  readonly block: number
  readonly bytes: number
  /** Whole blocks to values: in the memory of `staging` if it is given. */
  decode(bytes: Uint8Array<ArrayBuffer>, where: string, staging?: Staging): Float32Array | Int32Array
}

export type GgufDType = Plain | Quantised
type Plain = 'F32' | 'F16' | 'BF16' | 'F64' | 'I8' | 'I16' | 'I32' | 'I64'
type Quantised =
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'IQ4_NL'
  | 'Q2_K'
  | 'Q3_K'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K'

const plain = (id: number, name: Plain): GgufTensorType => ({
  name,
  id,
  block: 1,
  ...STORED_TYPES.get(name)!,
})

const quantised = (
  id: number,
  name: Quantised,
  [block, bytes]: readonly [number, number],
  decodeBlock: DecodeBlock,
): GgufTensorType => ({
  name,
  id,
  block,
  bytes,
  decode(stored, _where, staging) {
    const length = (stored.length / bytes) * block
    const values = staging ? staging.floats(length) : new Float32Array(length)
    for (let at = 0, to = 0; to < length; at += bytes, to += block) decodeBlock(stored, at, values, to)
    return values
  },
})

const TYPES: readonly GgufTensorType[] = [
  plain(0, 'F32'),
  plain(1, 'F16'),
  quantised(2, 'Q4_0', [32, 18], decodeQ4_0),
  quantised(3, 'Q4_1', [32, 20], decodeQ4_1),
  quantised(6, 'Q5_0', [32, 22], decodeQ5_0),
  quantised(7, 'Q5_1', [32, 24], decodeQ5_1),
  quantised(8, 'Q8_0', [32, 34], decodeQ8_0),
  quantised(10, 'Q2_K', [256, 84], decodeQ2_K),
  quantised(11, 'Q3_K', [256, 110], decodeQ3_K),
  quantised(12, 'Q4_K', [256, 144], decodeQ4_K),
  quantised(13, 'Q5_K', [256, 176], decodeQ5_K),
  quantised(14, 'Q6_K', [256, 210], decodeQ6_K),
  quantised(20, 'IQ4_NL', [32, 18], decodeIQ4_NL),
  plain(24, 'I8'),
  plain(25, 'I16'),
  plain(26, 'I32'),
  plain(27, 'I64'),
  plain(28, 'F64'),
  plain(30, 'BF16'),
]

export const TENSOR_TYPES: ReadonlyMap<number, GgufTensorType> = new Map(TYPES.map((type) => [type.id, type]))

export const TENSOR_TYPES_BY_NAME: ReadonlyMap<string, GgufTensorType> = new Map(
  TYPES.map((type) => [type.name, type]),
)

/** Types that exist and are not read here: what errors call them. */
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [9, 'Q8_1'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [29, 'IQ1_M'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
])

/** `IQ4_XS (type 23)`, or `type 99` if nobody knows it. */
export function showTensorType(id: number): string {
  const name = OTHER_TYPES.get(id)
  return name === undefined ? `type ${id}` : `${name} (type ${id})`
}

/**
 * How kernels are cut, where more than one way is right: sizes of chunks and tiles, and sizes from which
 * another way is faster. This table belongs to the operations, whose kernels read it; devices only carry it.
 * It stands down here because `openDevice(name, { choices })` checks the names that it is given, and because
 * the values are those of a class of devices: `bench/choices.ts` measured them once. Nothing is tuned at
 * start-up, so the same device always computes the same bits.
 */
import { ConfigError, DeviceError } from '../errors.ts'

/** What can be chosen. */
export interface ChoiceValues {
  /** `ssd`: tokens of a chunk. WebGPU kernels hold 16 to 64. The operation's own `chunkSize` comes first. */
  readonly ssdChunk: number
  /**
   * LTI layers in training: from so many tokens on they are convolutions by FFT, below they are recurrences.
   */
  readonly ltiConvolution: number
  /**
   * Products with weights: up to so many rows, kernels stream the weights as they lie; beyond, they pack
   * tiles.
   */
  readonly fewRows: number
  /** Products on WebGPU: rows and columns of the largest tile, 64 or 128. */
  readonly largestTile: number
  /**
   * Products on WebGPU in large tiles: with so many columns of y or more, rows of a that lie along the inner
   * axis are transposed first, and those of b with so many rows of y or more. Tiles that read neighbours side
   * by side take a tenth less time.
   */
  readonly transposeFrom: number
  /**
   * Products on WASM: columns of the tile in registers: 8 (with 6 rows), or 16 (with 3) for engines that join
   * vectors.
   */
  readonly tileColumns: number
  /**
   * Products on WASM: rows of the tile that a thread computes while its operands stay in the second cache.
   */
  readonly cacheRows: number
  /** Products on WASM: columns of that tile. */
  readonly cacheColumns: number
  /** Products on WASM: elements of the inner axis that are added up before the next part of it. */
  readonly cacheInner: number
}

/** The classes of devices that choices were measured for. */
export type DeviceClass = 'wasm' | 'wasm, revectorized' | 'webgpu' | 'webgpu, software' | 'reference'

export interface Choices extends ChoiceValues {
  /** Whose measurements these are. */
  readonly kind: DeviceClass
}

/** The class whose values another takes where it has none of its own. */
const LIKE: Readonly<Partial<Record<DeviceClass, DeviceClass>>> = {
  'wasm, revectorized': 'wasm',
  'webgpu, software': 'webgpu',
}

type Values = Readonly<Partial<Record<DeviceClass, number>>>

interface Row {
  readonly key: keyof ChoiceValues
  readonly meaning: string
  readonly allowed?: readonly number[]
  readonly values: Values
}

/** `bench/README.md`, Choices, has the times that were measured with other values. */
const TABLE: readonly Row[] = [
  {
    key: 'ssdChunk',
    meaning: 'tokens of a chunk of SSD',
    values: { wasm: 32, webgpu: 64 },
  },
  {
    key: 'ltiConvolution',
    meaning: 'tokens from which an LTI layer is trained as a convolution',
    values: { wasm: 512, webgpu: 1024 },
  },
  {
    key: 'fewRows',
    meaning: 'rows up to which products stream their weights',
    values: { wasm: 16, webgpu: 32 },
  },
  {
    key: 'largestTile',
    meaning: 'rows and columns of the largest tile',
    allowed: [64, 128],
    values: { webgpu: 128 },
  },
  {
    key: 'transposeFrom',
    meaning: 'columns from which a product transposes its operands',
    values: { webgpu: 2048 },
  },
  {
    key: 'tileColumns',
    meaning: 'columns of a tile in registers',
    allowed: [8, 16],
    values: { wasm: 8, 'wasm, revectorized': 16 },
  },
  { key: 'cacheRows', meaning: 'rows of a tile in the cache', values: { wasm: 192 } },
  { key: 'cacheColumns', meaning: 'columns of a tile in the cache', values: { wasm: 128 } },
  { key: 'cacheInner', meaning: 'inner elements of a tile in the cache', values: { wasm: 512 } },
]

export interface Explained {
  readonly key: keyof ChoiceValues
  readonly meaning: string
  readonly value: number
  readonly overridden: boolean
}

/** The table's value for a class; undefined for what its kernels do not read. */
function usualOf(values: Values, kind: DeviceClass): number | undefined {
  const like = LIKE[kind]
  return values[kind] ?? (like && values[like])
}

/**
 * What a device of the class takes, with `overrides` in place of the table's. To read what the class has no
 * value for is an error: its kernels have no such choice.
 *
 * @throws ConfigError for names that the class does not have, and for values that are no positive integers
 */
export function choicesFor(kind: DeviceClass, overrides: Partial<ChoiceValues> = {}): Choices {
  const rows = TABLE.filter(({ values }) => usualOf(values, kind) !== undefined)
  for (const [key, value] of Object.entries(overrides)) {
    const row = rows.find((one) => one.key === key)
    if (!row) {
      throw new ConfigError('no such choice', {
        where: `choices of ${kind}`,
        expected: rows.map((one) => one.key).join(', '),
        found: key,
      })
    }
    if (Number.isSafeInteger(value) && value > 0 && (row.allowed?.includes(value) ?? true)) continue
    throw new ConfigError('not a size', {
      where: `choices: ${key}`,
      expected: row.allowed?.join(' or ') ?? 'a positive integer',
      found: value,
    })
  }
  const choices = { kind }
  for (const { key, values } of TABLE) {
    const value = overrides[key] ?? usualOf(values, kind)
    if (value === undefined) Object.defineProperty(choices, key, { get: () => refuse(kind, key) })
    else Object.assign(choices, { [key]: value })
  }
  return choices as Choices
}

function refuse(kind: DeviceClass, key: string): never {
  throw new DeviceError('this device has no such choice', { where: `choices of ${kind}`, found: key })
}

/** The choices of a device, for people. */
export function explainChoices(choices: Choices): readonly Explained[] {
  return TABLE.flatMap(({ key, meaning, values }) => {
    const usual = usualOf(values, choices.kind)
    if (usual === undefined) return []
    return [{ key, meaning, value: choices[key], overridden: choices[key] !== usual }]
  })
}

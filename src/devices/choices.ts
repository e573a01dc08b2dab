/**
 * Where kernels could be cut otherwise, what is taken was measured once for each class of device (`bench/choices.ts` measures it
 * again): nothing is tuned at start-up, and the same device always computes the same bits. `openDevice(name, { choices })` overrides.
 */
import { ConfigError, DeviceError } from '../errors.ts'

/** What can be chosen. */
export interface ChoiceValues {
  /** `ssd`: tokens of a chunk. WebGPU kernels hold 16 to 64. The operation's own `chunkSize` comes first. */
  readonly ssdChunk: number
  /** LTI layers in training: from so many tokens on they are convolutions by FFT, below they are recurrences. */
  readonly ltiConvolution: number
  /** Products with weights: up to so many rows the weights are streamed as they lie, beyond they are brought to tiles. */
  readonly fewRows: number
  /** Products on WebGPU: rows and columns of the largest tile, 64 or 128. */
  readonly largestTile: number
  /**
   * Products on WebGPU in large tiles: from so many columns of y on, rows of a that lie along the inner axis are turned before (and
   * those of b, from so many rows on): read side by side, tiles take a tenth less.
   */
  readonly turnFrom: number
  /** Columns of the register tile of products on WASM: 8 (and 6 rows), or 16 (and 3) for engines that join vectors. */
  readonly tileColumns: number
  /** Products on WASM: rows of a block that a thread computes at a time; with `blockInner` words of each in its second cache. */
  readonly blockRows: number
  /** Columns of such a block. */
  readonly blockColumns: number
  /** Words of the inner axis that are added up before the next panel. */
  readonly blockInner: number
}

export type DeviceClass = 'wasm' | 'wasm, revectorized' | 'webgpu' | 'webgpu, software' | 'reference'

export interface Choices extends ChoiceValues {
  /** Whose measurements these are. */
  readonly kind: DeviceClass
}

/** Whose values a class takes where it has none of its own. */
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

/** What was seen with other values: `bench/README.md`, Choices. */
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
    key: 'turnFrom',
    meaning: 'columns from which a product turns its operands',
    values: { webgpu: 2048 },
  },
  {
    key: 'tileColumns',
    meaning: 'columns of a register tile',
    allowed: [8, 16],
    values: { wasm: 8, 'wasm, revectorized': 16 },
  },
  { key: 'blockRows', meaning: 'rows of a block of a product', values: { wasm: 192 } },
  { key: 'blockColumns', meaning: 'columns of a block of a product', values: { wasm: 128 } },
  { key: 'blockInner', meaning: 'inner words of a block of a product', values: { wasm: 512 } },
]

export interface Explained {
  readonly key: keyof ChoiceValues
  readonly meaning: string
  readonly value: number
  readonly overridden: boolean
}

function usualOf(values: Values, kind: DeviceClass): number | undefined {
  const like = LIKE[kind]
  return values[kind] ?? (like && values[like])
}

/**
 * What a device of the class takes, with `overrides` in place of the table's. To read what the class has no value for is an
 * error: its kernels have no such choice.
 *
 * @throws ConfigError for names that the class does not have, and for values that are no positive integers
 */
export function choicesFor(kind: DeviceClass, overrides: Partial<ChoiceValues> = {}): Choices {
  const rows = TABLE.filter(({ values }) => usualOf(values, kind) !== undefined)
  for (const [key, value] of Object.entries(overrides)) {
    const row = rows.find((each) => each.key === key)
    if (!row) {
      throw new ConfigError('no such choice', {
        where: `choices of ${kind}`,
        expected: rows.map((each) => each.key).join(', '),
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

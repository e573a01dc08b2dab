/** A checkpoint's values into a model's memory: in pieces, each checked, so that peak memory is that of the model. */
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { Staging } from '../../checkpoints/source.ts'
import type { AnyDevice } from '../../devices/device.ts'
import { CheckpointError } from '../../errors.ts'
import type { StoredParameters } from '../../nn/parameters.ts'
import {
  packable,
  packRows,
  packStored,
  PANEL_ROWS,
  panelWords,
  type PackedFormat,
} from '../../ops/packed/format.ts'
import type { PackedMatrix } from '../../ops/index.ts'
import { sameShape, showShape, type Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Checkpoint } from './open.ts'
import { Parameters } from '../../nn/parameters.ts'
import type { Model } from '../model.ts'

/**
 * How matrices of projections and embeddings are kept in memory. `stored`: as in the file, where kernels can compute on that
 * (F16, Q8_0, Q4_0); f32 and bf16 as f32; other quantised types as f16. q8 and q4 have blocks of 32 along a row: a matrix
 * whose rows are no multiple of that stays f16. All other parameters, and states, are f32.
 */
export type WeightFormat = 'stored' | 'f32' | PackedFormat

export interface LoadProgress {
  /** The tensor being read. */
  readonly tensor: string
  /** Numbers read so far, and in all. */
  readonly done: number
  readonly total: number
}

export interface BuildOptions {
  readonly weights?: WeightFormat
  readonly onProgress?: (progress: LoadProgress) => void
  /** Told of tensors in the file that the model has no place for. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void
}

/** Numbers that are read at a time. */
const PIECE = 1 << 20
/** Bytes after which the device is waited for, so that uploads do not pile up. */
const UPLOADS = 32 << 20

const PACKED: ReadonlyMap<string, PackedFormat> = new Map([
  ['F16', 'f16'],
  ['Q8_0', 'q8'],
  ['Q4_0', 'q4'],
])
const PLAIN = new Set(['F32', 'BF16', 'F64'])

/** Makes the model and fills it. Missing and misshapen tensors are errors before memory is asked for. */
export async function buildModel<M extends Model>(
  make: (parameters: Parameters) => M,
  checkpoint: Checkpoint,
  device: AnyDevice,
  options: BuildOptions = {},
): Promise<M> {
  const model = make(new Parameters(device, storedParameters(checkpoint, options.weights ?? 'stored')))
  try {
    warnOfUnknown(checkpoint, model, options.onWarning ?? console.warn)
    await new Filler(checkpoint, model, options).run()
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** What a checkpoint says of the parameters that a model asks for. */
export function storedParameters(
  checkpoint: Pick<Checkpoint, 'tensors' | 'where'>,
  weights: WeightFormat,
): StoredParameters {
  return new Stored(checkpoint, weights)
}

class Stored implements StoredParameters {
  readonly #checkpoint: Pick<Checkpoint, 'tensors' | 'where'>
  readonly #weights: WeightFormat

  constructor(checkpoint: Pick<Checkpoint, 'tensors' | 'where'>, weights: WeightFormat) {
    this.#checkpoint = checkpoint
    this.#weights = weights
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(name)
  }

  expect(name: string, shape: Shape): void {
    const { tensors, where } = this.#checkpoint
    const stored = tensors.get(name)
    if (!stored) {
      throw new CheckpointError('missing tensor', { where, expected: `${name} ${showShape(shape)}` })
    }
    if (!sameShape(stored.shape, shape)) {
      throw new CheckpointError('wrong shape', {
        where: `${where}: ${name}`,
        expected: showShape(shape),
        found: showShape(stored.shape),
      })
    }
  }

  format(name: string, shape: Shape): PackedFormat | undefined {
    const wanted = this.#weights
    if (wanted === 'f32') return undefined
    if (wanted !== 'stored') return packable(wanted, shape[1]) ? wanted : 'f16'
    const dtype = this.#checkpoint.tensors.get(name)?.dtype ?? 'F32'
    return PLAIN.has(dtype) ? undefined : (PACKED.get(dtype) ?? 'f16')
  }
}

function warnOfUnknown(
  { tensors, config, where }: Checkpoint,
  model: Model,
  warn: (text: string) => void,
): void {
  const { all, packed } = model.parameters
  const unknown = [...tensors.keys()].filter((name) => {
    // Some writers store a tied head beside the embedding that it is.
    return !all.has(name) && !packed.has(name) && !(config.tieEmbeddings && name === 'lm_head.weight')
  })
  if (unknown.length === 0) return
  const named = unknown.slice(0, 5).join(', ')
  warn(`[${where}] the model has no place for ${named}${unknown.length > 5 ? `, … (${unknown.length})` : ''}`)
}

/** Reads all parameters of a model, one piece after the other, by way of the same memory. */
class Filler {
  readonly #checkpoint: Checkpoint
  readonly #model: Model
  readonly #options: BuildOptions
  readonly #staging = new Staging()
  readonly #total: number
  #panels = new Uint32Array(0)
  #done = 0
  #uploaded = 0

  constructor(checkpoint: Checkpoint, model: Model, options: BuildOptions) {
    this.#checkpoint = checkpoint
    this.#model = model
    this.#options = options
    this.#total = model.size
  }

  async run(): Promise<void> {
    const { all, packed } = this.#model.parameters
    for (const [name, { tensor }] of all) await this.#fill(name, tensor)
    for (const [name, matrix] of packed) await this.#pack(name, matrix)
    await this.#model.device.synchronize()
  }

  async #fill(name: string, tensor: Tensor): Promise<void> {
    const stored = this.#checkpoint.tensors.get(name)!
    for (let begin = 0; begin < tensor.size; begin += PIECE) {
      const values = await this.#values(stored, name, begin, Math.min(begin + PIECE, tensor.size))
      tensor.write(values, begin)
      await this.#advance(name, values.length, values.byteLength)
    }
  }

  async #pack(name: string, matrix: PackedMatrix): Promise<void> {
    const stored = this.#checkpoint.tensors.get(name)!
    const { format, shape } = matrix
    const [rows, columns] = shape
    const asIs = PACKED.get(stored.dtype) === format && stored.raw !== undefined
    const step = Math.max(1, Math.floor(PIECE / columns / PANEL_ROWS)) * PANEL_ROWS
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row)
      const words = Math.ceil(count / PANEL_ROWS) * panelWords(format, columns)
      if (this.#panels.length < words) this.#panels = new Uint32Array(words)
      const into = this.#panels.subarray(0, words)
      const [begin, end] = [row * columns, (row + count) * columns]
      if (asIs) {
        const raw = await stored.raw(begin, end, this.#staging)
        this.#packing(name, () => packStored(stored.dtype as 'F16' | 'Q8_0' | 'Q4_0', raw, columns, into))
      } else {
        const values = await this.#values(stored, name, begin, end)
        this.#packing(name, () => packRows(format, values, columns, into))
      }
      matrix.writePanels(row / PANEL_ROWS, into)
      await this.#advance(name, count * columns, into.byteLength)
    }
  }

  /** Names the tensor in what packing refuses: values or scales beyond half precision. */
  #packing(name: string, pack: () => void): void {
    try {
      pack()
    } catch (cause) {
      if (!(cause instanceof CheckpointError)) throw cause
      const where = `${this.#checkpoint.where}: ${name}`
      throw new CheckpointError(cause.message, { where, cause, hint: "Load with { weights: 'f32' }" })
    }
  }

  async #values(stored: StoredTensor, name: string, begin: number, end: number): Promise<Float32Array> {
    const values = await stored.read(begin, end, this.#staging)
    return expectFinite(values, begin, stored, `${this.#checkpoint.where}: ${name}`)
  }

  async #advance(tensor: string, numbers: number, bytes: number): Promise<void> {
    this.#done += numbers
    this.#uploaded += bytes
    this.#options.onProgress?.({ tensor, done: this.#done, total: this.#total })
    if (this.#uploaded < UPLOADS) return
    this.#uploaded = 0
    await this.#model.device.synchronize()
  }
}

/** Throws CheckpointError unless the values are floating-point numbers, and finite. `begin` is the place of the first. */
export function expectFinite(
  values: Float32Array | Int32Array,
  begin: number,
  { dtype, shape }: StoredTensor,
  where: string,
): Float32Array {
  if (!(values instanceof Float32Array)) {
    throw new CheckpointError('wrong dtype', { where, expected: 'floating-point numbers', found: dtype })
  }
  for (let i = 0; i < values.length; i++) {
    // What is left of NaN and of infinities less themselves is not zero.
    if (values[i] - values[i] !== 0) {
      throw new CheckpointError('not a finite number', {
        where,
        found: `${values[i]} at ${begin + i} of ${showShape(shape)}`,
      })
    }
  }
  return values
}

/**
 * A checkpoint's values into a model's memory: in pieces, each checked, so that peak memory is that of the
 * model.
 */
import { abortSignal, callback, oneOf, type Declared } from '../../check.ts'
import { PIECE, unreadType, type StoredTensor } from '../../checkpoints/stored.ts'
import { Staging } from '../../checkpoints/source.ts'
import type { AnyDevice } from '../../devices/device.ts'
import { CheckpointError } from '../../errors.ts'
import {
  formatStoredAs,
  packable,
  type PackedFormat,
  packRows,
  packStored,
  PANEL_ROWS,
  panelWords,
} from '../../ops/packed/format.ts'
import { PackedMatrix } from '../../ops/index.ts'
import { sameShape, showShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { dispose, place, walk, type Module, type Walked } from '../../nn/module.ts'
import type { Parameter } from '../../nn/parameter.ts'
import { giveTurn } from '../../turn.ts'
import { chooseForms } from '../layouts/layout.ts'
import { Stack } from '../stack.ts'
import type { Checkpoint } from './open.ts'

/**
 * How matrices of projections and embeddings are kept in memory. `stored`: as in the file, where kernels can
 * compute on that (F16, Q8_0, Q4_0); f32 and bf16 as f32; other quantised types as f16. q8 and q4 have blocks
 * of 32 along a row: a matrix whose rows are no multiple of that stays f16. All other parameters, and states,
 * are f32.
 */
export type WeightFormat = 'stored' | 'f32' | PackedFormat

/** How far the loading of a model is. */
export interface LoadProgress {
  /** The tensor being read. */
  readonly tensor: string
  /** Numbers read so far, and in all. */
  readonly done: number
  readonly total: number
}

export interface BuildOptions {
  readonly weights?: WeightFormat
  /** Is told while values are read. */
  readonly onProgress?: (progress: LoadProgress) => void
  /**
   * Ends the reading between two pieces of a tensor: the reason of the signal is thrown, and the memory of
   * the model is given back.
   */
  readonly signal?: AbortSignal | undefined
}

export const BUILD: Declared<BuildOptions> = {
  weights: oneOf(['stored', 'f32', 'f16', 'q8', 'q4']),
  onProgress: callback,
  signal: abortSignal,
}

/** Bytes after which the device is waited for, so that uploads do not pile up. */
const UPLOADS = 32 << 20

const PLAIN = new Set(['F32', 'BF16', 'F64'])

/** The values of a checkpoint, by the paths of the parameters. */
type Values = Pick<Checkpoint, 'tensors' | 'where'>

/**
 * The modules of a checkpoint, filled with its values. Missing and misshapen tensors are errors before memory
 * is asked for.
 */
export async function fillStack(
  checkpoint: Pick<Checkpoint, 'where' | 'config' | 'tensors'>,
  device: AnyDevice,
  options: BuildOptions = {},
): Promise<Stack> {
  const stack = new Stack(checkpoint.config)
  const walked = expectParameters(stack, checkpoint)
  const weights = options.weights ?? 'stored'
  place(stack, device, { format: (path, parameter) => formatOf(path, parameter, checkpoint, weights) })
  try {
    await new Filler(checkpoint, walked, device, options).run()
    return stack
  } catch (error) {
    dispose(stack)
    throw error
  }
}

/**
 * The parameters of a tree, each of which a checkpoint has in its shape. Where they have two forms, that of
 * the checkpoint is chosen.
 *
 * @throws CheckpointError naming the tensor that is missing or has a wrong shape
 */
export function expectParameters(tree: Module, { tensors, where }: Values): Walked[] {
  chooseForms(tree, (path) => tensors.has(path))
  const walked = walk(tree)
  for (const { path, parameter } of walked) {
    const stored = tensors.get(path)
    if (!stored) {
      throw new CheckpointError('missing tensor', {
        where,
        expected: `${path} ${showShape(parameter.shape)}`,
      })
    }
    if (!sameShape(stored.shape, parameter.shape)) {
      throw new CheckpointError('wrong shape', {
        where: `${where}: ${path}`,
        expected: showShape(parameter.shape),
        found: showShape(stored.shape),
      })
    }
    if (stored.unread) unreadType(stored.dtype, `${where}: ${path}`)
  }
  return walked
}

/** How a matrix [rows, columns] is kept; undefined: as f32. */
function formatOf(
  path: string,
  { shape }: Parameter,
  { tensors }: Values,
  wanted: WeightFormat,
): PackedFormat | undefined {
  if (wanted === 'f32') return undefined
  if (wanted !== 'stored') return packable(wanted, shape[1]) ? wanted : 'f16'
  const dtype = tensors.get(path)?.dtype ?? 'F32'
  return PLAIN.has(dtype) ? undefined : (formatStoredAs(dtype) ?? 'f16')
}

/** Reads all parameters of a model, one piece after the other, by way of the same memory. */
class Filler {
  readonly #checkpoint: Values
  readonly #walked: readonly Walked[]
  readonly #device: AnyDevice
  readonly #options: BuildOptions
  readonly #staging = new Staging()
  readonly #total: number
  #panels = new Uint32Array(0)
  #done = 0
  #uploaded = 0

  constructor(checkpoint: Values, walked: readonly Walked[], device: AnyDevice, options: BuildOptions) {
    this.#checkpoint = checkpoint
    this.#walked = walked
    this.#device = device
    this.#options = options
    this.#total = walked.reduce((sum, { parameter }) => sum + parameter.size, 0)
  }

  async run(): Promise<void> {
    for (const { path, parameter } of this.#walked) {
      const { value } = parameter
      if (value instanceof PackedMatrix) await this.#pack(path, value)
      else await this.#fill(path, value)
    }
    await this.#device.synchronize()
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
    const asIs = formatStoredAs(stored.dtype) === format && stored.raw !== undefined
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
    await giveTurn(this.#options.signal)
    if (this.#uploaded < UPLOADS) return
    this.#uploaded = 0
    await this.#device.synchronize()
  }
}

/**
 * Throws CheckpointError unless the values are floating-point numbers, and finite. `begin` is the place of
 * the first.
 */
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

import type { AnyDevice } from '../../devices/device.ts'
import { DISPOSE } from '../../disposal.ts'
import { ShapeError } from '../../errors.ts'
import { persistent } from '../../tensor/scope.ts'
import { showShape } from '../../tensor/shape.ts'
import { empty, type Tensor } from '../../tensor/tensor.ts'
import { PANEL_ROWS, panelWords, unpackRows, type PackedFormat } from './format.ts'

/**
 * A weight matrix W [N, K] in 16, 8 or 4 bits a weight: see `format.ts`. It lives in the device's heap until
 * `dispose`.
 */
export class PackedMatrix {
  readonly format: PackedFormat
  readonly shape: readonly [N: number, K: number]
  /** u32 [panels, words of a panel] */
  readonly words: Tensor

  private constructor(format: PackedFormat, shape: readonly [number, number], words: Tensor) {
    this.format = format
    this.shape = shape
    this.words = words
  }

  /** A matrix whose values are not set: `writePanels` must write them all. */
  static empty(device: AnyDevice, format: PackedFormat, shape: readonly [number, number]): PackedMatrix {
    const [N, K] = shape
    const size = [Math.ceil(N / PANEL_ROWS), panelWords(format, K)]
    return new PackedMatrix(
      format,
      shape,
      persistent(() => empty(device, size, 'u32')),
    )
  }

  /** Where it is. */
  get device(): AnyDevice {
    return this.words.device
  }

  /** Memory that it takes. */
  get bytes(): number {
    return this.words.storage.bytes
  }

  /** Copies panels from `packRows` or `packStored` to their places. */
  writePanels(firstPanel: number, panels: Uint32Array): void {
    const { rows, width } = this.words
    const count = panels.length / width
    if (!Number.isInteger(count) || firstPanel < 0 || firstPanel + count > rows) {
      throw new ShapeError('panels do not fit the matrix', {
        where: 'writePanels',
        expected: `whole panels of ${width} words, at most ${rows - firstPanel}`,
        found: count,
      })
    }
    this.words.write(panels, firstPanel * width)
  }

  /** The exact values of some rows. */
  async readRows(first: number, count: number): Promise<Float32Array> {
    const [N, K] = this.shape
    if (!(first >= 0 && count >= 0 && first + count <= N)) {
      throw new ShapeError('rows outside the matrix', {
        where: 'readRows',
        expected: `rows of ${showShape(this.shape)}`,
        found: `${first} to ${first + count}`,
      })
    }
    const { width } = this.words
    const firstPanel = Math.floor(first / PANEL_ROWS)
    const panelsEnd = Math.ceil((first + count) / PANEL_ROWS)
    const words = await this.words.read(firstPanel * width, panelsEnd * width)
    const skipped = first - firstPanel * PANEL_ROWS
    const values = unpackRows(this.format, words as Uint32Array, skipped + count, K)
    return values.subarray(skipped * K)
  }

  /** Gives the memory back. */
  dispose(): void {
    this.words.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}

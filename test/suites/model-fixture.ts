/** The tensors that come with a published checkpoint: what goes in, and what others computed. */
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import type { PlacedParameter } from '../../src/models/layouts/layout.ts'
import { readTestFile } from '../files.ts'

export interface Values {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

export class Fixture {
  readonly #values: ReadonlyMap<string, Values>
  readonly #places: readonly PlacedParameter[]

  constructor(values: ReadonlyMap<string, Values>, places: readonly PlacedParameter[]) {
    this.#values = values
    this.#places = places
  }

  get(name: string): Values {
    const values = this.#values.get(name)
    if (!values) throw new Error(`the fixture has no ${name}`)
    return values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  names(prefix: string): string[] {
    return [...this.#values.keys()].filter((name) => name.startsWith(prefix))
  }

  /** `PREFIX.TENSOR` of the checkpoint's tensors, as values of our parameters by their paths. */
  ofParameters(prefix: string): Map<string, number[]> {
    const found = this.#places.flatMap(({ path, tensors }) => {
      const parts = tensors.map(({ name, aliases = [] }) =>
        [name, ...aliases].map((spelling) => this.#values.get(`${prefix}.${spelling}`)).find(Boolean),
      )
      const whole = parts.every((part) => part !== undefined)
      return whole ? [[path, parts.flatMap(({ data }) => Array.from(data))] as const] : []
    })
    return new Map(found)
  }

  /** Integers [batch, time] as rows. */
  rows(name: string): number[][] {
    const { shape, data } = this.get(name)
    const length = shape.at(-1)!
    return Array.from({ length: data.length / length }, (_, row) =>
      Array.from({ length }, (_each, i) => data[row * length + i]),
    )
  }
}

export async function readValues(path: string): Promise<Map<string, Values>> {
  const file = await readSafetensors(await readTestFile(path), path)
  const values = new Map<string, Values>()
  for (const [name, entry] of file) values.set(name, { shape: entry.shape, data: await entry.read() })
  return values
}

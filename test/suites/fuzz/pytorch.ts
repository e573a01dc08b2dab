import { readPytorch } from '../../../src/checkpoints/pytorch/index.ts'
import { openZip } from '../../../src/checkpoints/pytorch/zip.ts'
import { sourceOf } from '../../../src/checkpoints/source.ts'
import { readTestFile } from '../../files.ts'
import { joinParts, zipParts, type Part } from '../pytorch-writer.ts'
import type { FuzzTarget } from './run.ts'

const FOLDER = 'test/fixtures/edge/pickle'
const ZIPPED = [
  'ok_views.bin',
  'ok_parameters.bin',
  'ok_plain_dict_protocol4.bin',
  'evil_stack_global_protocol4.bin',
  'no_tensors.bin',
]

async function readAll(bytes: Uint8Array): Promise<void> {
  for (const tensor of (await readPytorch(bytes, 'fuzz.bin')).values()) {
    const size = tensor.shape.reduce((product, axis) => product * axis, 1)
    await tensor.read(0, Math.min(size, 1e6))
  }
}

/** Whole files: archives, and the format before them. */
export const pytorchTarget: FuzzTarget = {
  name: 'pytorch',
  seeds: () =>
    Promise.all(
      [...ZIPPED, 'ok_legacy_format.bin'].map(async (name) => ({
        name,
        bytes: await readTestFile(`${FOLDER}/${name}`),
      })),
    ),
  run: readAll,
}

type Records = readonly (readonly [string, Part])[]
const isPickle = (name: string): boolean => name.endsWith('/data.pkl')
let archives: Promise<readonly Records[]> | undefined

async function recordsOf(name: string): Promise<Records> {
  const bytes = await readTestFile(`${FOLDER}/${name}`)
  const zip = await openZip(sourceOf(bytes), name)
  const records: (readonly [string, Part])[] = []
  for (const record of zip.names) {
    const { start, length } = (await zip.find(record))!
    records.push([record, bytes.subarray(start, start + length)])
  }
  return records
}

const allRecords = (): Promise<readonly Records[]> => (archives ??= Promise.all(ZIPPED.map(recordsOf)))

/**
 * The pickle alone, in archives that are otherwise right: each input is read with the storages of every
 * seed's archive.
 */
export const pickleTarget: FuzzTarget = {
  name: 'pickle',
  async seeds() {
    return (await allRecords()).map((records, i) => {
      const [, pickle] = records.find(([name]) => isPickle(name))!
      return { name: ZIPPED[i], bytes: new Uint8Array(pickle as Uint8Array) }
    })
  },
  async run(bytes) {
    let refusal: unknown
    for (const records of await allRecords()) {
      const parts = zipParts(records.map(([name, part]) => [name, isPickle(name) ? bytes : part]))
      const error = await readAll(joinParts(parts)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (error === undefined) return
      refusal = error
    }
    throw refusal
  },
}

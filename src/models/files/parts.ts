/** Names of files with weights: which there are in a folder, and which belong together. */
import type { Folder } from '../../checkpoints/files.ts'
import { CheckpointError } from '../../errors.ts'

/** Files that hold one model together: one, or all parts of one that was split. */
export interface Parts {
  /** What errors call them: the first. */
  readonly where: string
  readonly files: readonly string[]
}

/** `model-00002-of-00005.safetensors`: the second of five parts. */
const PART = /^(.*)-(\d{5})-of-(\d{5})(\.[A-Za-z]+)$/
/** More parts than these are no model. */
const MAX_PARTS = 4096

const ENDINGS = [/\.gguf$/i, /\.safetensors$/i, /\.(?:bin|pt|pth|ckpt)$/i]
/** What training programs write beside the weights, also with torch.save. */
const NO_WEIGHTS = /^(?:training_args|optimizer|scheduler|scaler|rng_state.*|adapter_.*)\.[a-z]+$/i

/**
 * The names that may be the weights, of the first ending that occurs; of the parts of a split file, only the
 * first that is there.
 */
export function candidatesIn(names: readonly string[]): string[] {
  const possible = names.filter((name) => !NO_WEIGHTS.test(name))
  const groups = ENDINGS.map((ending) => possible.filter((name) => ending.test(name)))
  const found = groups.find((files) => files.length > 0) ?? []
  const seen = new Set<string>()
  return found.filter((name) => {
    const [, base, , count, ending] = PART.exec(name) ?? []
    const whole = base === undefined ? name : `${base} of ${count}${ending}`
    return !seen.has(whole) && seen.add(whole)
  })
}

/**
 * The file `name`, with the other parts if it is one of several.
 *
 * @throws CheckpointError naming the parts that are not there
 */
export async function partsOf(name: string, folder: Folder): Promise<Parts> {
  const [, base, , digits, ending] = PART.exec(name) ?? []
  const count = Number(digits)
  if (base === undefined || count < 2 || count > MAX_PARTS) return { where: name, files: [name] }
  const index = `${base}${ending}.index.json`
  if (await folder.has(index)) return { where: index, files: [index] }
  const files = Array.from(
    { length: count },
    (_, i) => `${base}-${String(i + 1).padStart(5, '0')}-of-${digits}${ending}`,
  )
  const missing: string[] = []
  for (const file of files) if (!(await folder.has(file))) missing.push(file)
  if (missing.length === 0) return { where: files[0], files }
  const absence = await folder.absence(missing[0])
  if (absence) throw absence
  const gguf = /\.gguf$/i.test(name)
  throw new CheckpointError(
    gguf ? `one part of ${count}` : `the index is missing, and so are some of the ${count} shards`,
    {
      where: name,
      expected: gguf ? `all ${count} parts beside it` : `${index}, or all ${count} shards`,
      found: `no ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`,
    },
  )
}

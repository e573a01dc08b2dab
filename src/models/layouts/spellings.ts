/**
 * Names of tensors as training programs write them: below wrappers (`module.`, `_orig_mod.`,
 * `base_model.model.`), or without the name of the backbone, as a model without its head is saved.
 */
import { clip } from '../../checkpoints/json.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import { CheckpointError } from '../../errors.ts'
import { walk, type Module } from '../../nn/module.ts'
import type { Layout, Tensors } from './layout.ts'

/** Parts of names that wrappers put anywhere, and no layer has. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'module',
  '_orig_mod',
  '_forward_module',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
])
/** Parts of names of LoRA adapters, which would have to be merged. */
const ADAPTER = /(?:^|\.)(?:lora_[AB]|lora_embedding_[AB]|base_layer)(?:\.|$)/
/** Ways to read the names that are compared at most. */
const MAX_READINGS = 64

/** What is to be taken off the beginning of all names, and put there in its place. */
interface Reading {
  readonly off: string
  readonly on: string
}

export interface SpellingOptions {
  readonly tree: Module
  readonly layout: Layout
  /** What stands before the names of all but the head. */
  readonly base: string
  readonly where: string
  readonly warn: Warn
}

/**
 * The tensors under the names that the layout expects. Where it has most of the names as they are, they stay.
 *
 * @throws CheckpointError if two names become one, or belong to an adapter that is not merged
 */
export function respelled(files: Tensors, options: SpellingOptions): Tensors {
  const { where, base, warn } = options
  const expected = expectedNames(options)
  const all = count(expected, (name) => files.has(name))
  // A tied head and second spellings may be missing: a file with most names has them as they should be.
  const plain = all > 0 && [...files.keys()].every((name) => expected.has(name))
  if (plain) return files
  const adapter = [...files.keys()].filter((name) => ADAPTER.test(name))
  if (adapter.length > 0) {
    throw new CheckpointError('an adapter that is not merged into the weights', {
      where,
      found: someOf(adapter.map(clip), 2),
      hint: 'Merge it first (merge_and_unload of PEFT)',
    })
  }
  const unwrapped = unwrap(files, where)
  const best = bestReading([...unwrapped.keys()], expected, base)
  const renamed = new Map<string, string>()
  const result = new Map<string, StoredTensor>()
  for (const [name, original] of unwrapped) {
    const read = readName(name, best, expected) ?? (expected.has(name) ? name : original)
    if (result.has(read)) {
      const others = [renamed.get(read)!, original].map(clip)
      throw new CheckpointError('a tensor stands twice', { where: `${where}: ${others.join(' and ')}` })
    }
    renamed.set(read, original)
    result.set(read, files.get(original)!)
  }
  const changed = [...renamed].find(([read, original]) => read !== original && expected.has(read))
  if (changed) warn(`[${where}] names are read without their wrappers: ${clip(changed[1])} is ${changed[0]}`)
  return result
}

/** Every name that the layout has for a parameter of the tree. */
function expectedNames({ tree, layout }: SpellingOptions): Set<string> {
  const names = new Set<string>()
  for (const { paths, parameter } of walk(tree)) {
    for (const path of paths) {
      const places = [layout(path, parameter) ?? []].flat()
      for (const { name, aliases = [] } of places) {
        for (const each of [name, ...aliases]) names.add(each)
        const other = parameter.alternativePath(name)
        if (other !== undefined) names.add(other)
      }
    }
  }
  return names
}

/** Names without the parts of wrappers, and what they are in the file. */
function unwrap(files: Tensors, where: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const original of files.keys()) {
    const parts = original.split('.')
    const name = parts.some((part) => WRAPPERS.has(part))
      ? parts.filter((part) => !WRAPPERS.has(part)).join('.')
      : original
    const other = names.get(name)
    if (other !== undefined) {
      throw new CheckpointError('a tensor stands twice', {
        where: `${where}: ${clip(other)} and ${clip(original)}`,
      })
    }
    names.set(name, original)
  }
  return names
}

/** The way to read the names by which most of the expected ones are there. */
function bestReading(names: readonly string[], expected: ReadonlySet<string>, base: string): Reading {
  const there = new Set(names)
  const readings = new Map<string, Reading>([['', { off: '', on: '' }]])
  const ends = [...expected].filter((name) => !/\.\d+\./.test(name))
  for (const name of names) {
    for (const end of ends) {
      for (const on of end.startsWith(base) && base !== '' ? ['', base] : ['']) {
        const tail = end.slice(on.length)
        if (name !== tail && !name.endsWith(`.${tail}`)) continue
        const off = name.slice(0, name.length - tail.length)
        if (readings.size < MAX_READINGS) readings.set(`${off}|${on}`, { off, on })
      }
    }
  }
  let best: Reading = { off: '', on: '' }
  let most = -1
  for (const { off, on } of readings.values()) {
    const found = count(expected, (name) => name.startsWith(on) && there.has(off + name.slice(on.length)))
    if (found <= most) continue
    most = found
    best = { off, on }
  }
  return best
}

/** The expected name that a name is by this reading; undefined if it is none. */
function readName(name: string, { off, on }: Reading, expected: ReadonlySet<string>): string | undefined {
  if (!name.startsWith(off)) return undefined
  const rest = name.slice(off.length)
  return [on + rest, rest].find((each) => expected.has(each))
}

function count(names: Iterable<string>, holds: (name: string) => boolean): number {
  let sum = 0
  for (const name of names) if (holds(name)) sum++
  return sum
}

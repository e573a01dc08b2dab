/** Which tensors of a saved object are the weights: training programs save them among other things. */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'
import { someOf, type Warn } from '../warn.ts'
import { View, type Dict, type Value } from './values.ts'

/** Keys that training programs put the weights under; the first that holds tensors is taken. */
const WRAPPERS = ['model_state_dict', 'state_dict', 'model_state', 'model', 'module', 'net', 'network']
/** Lightning, DeepSpeed and others: one key in another, seldom two. */
const MAX_DEPTH = 4

/**
 * The tensors of a state dict, or of the one that stands under a known key among other things.
 *
 * @throws CheckpointError if there is none, or another has tensors of the same names
 */
export function viewsOf(value: Value, file: string, warn: Warn): [string, View][] {
  if (!(value instanceof Map)) {
    throw new CheckpointError('the file holds no dictionary of tensors', { where: file })
  }
  const { key, dict } = weightsIn(value, file)
  const others = [...value].filter(([name, each]) => (key === undefined ? !isView(each) : name !== key))
  if (key !== undefined) expectOnly(dict, others, file)
  if (others.length > 0) {
    const under = key === undefined ? '' : ` than the weights under ${key}`
    const names = someOf(others.map(([name]) => show(name)))
    warn(`[${file}] the file holds more${under}, which is not read: ${names}`)
  }
  return viewsIn(dict, file)
}

interface Found {
  /** The key of the outermost dictionary that they stand under; undefined: they are that dictionary. */
  readonly key: string | undefined
  readonly dict: Dict
}

function weightsIn(value: Dict, file: string): Found {
  const wrapped = wrappedIn(value, 0)
  if (wrapped) return wrapped
  if (hasViews(value)) return { key: undefined, dict: value }
  const dicts = dictsIn(value.values()).filter(hasViews)
  if (dicts.length === 0) throw new CheckpointError('the file holds no tensors', { where: file })
  throw new CheckpointError('the file holds no dictionary of tensors', {
    where: file,
    expected: `tensors, or a dictionary of them under ${WRAPPERS.join(', ')}`,
    found: `dictionaries of tensors under ${someOf(keysOf(value, dicts))}`,
  })
}

/** A copy of the weights, averaged over time, say: nobody can know which of them is meant. */
function expectOnly(dict: Dict, others: readonly (readonly [Value, Value])[], file: string): void {
  const copies = dictsIn(others.map(([, each]) => each)).filter(
    (each) => each !== dict && sharesNames(each, dict),
  )
  if (copies.length === 0) return
  throw new CheckpointError('the file holds several dictionaries of tensors with the same names', {
    where: file,
    found: someOf(keysOf(new Map(others), copies)),
    hint: 'Save the one that is meant by itself',
  })
}

const sharesNames = (one: Dict, other: Dict): boolean =>
  [...one].some(([name, each]) => isView(each) && isView(other.get(name)))

/** Each dictionary once: a pickle can have one under many keys. */
const dictsIn = (values: Iterable<Value>): Dict[] => [
  ...new Set([...values].filter((each): each is Dict => each instanceof Map)),
]

const keysOf = (value: Dict, dicts: readonly Dict[]): string[] =>
  [...value].flatMap(([key, each]) => (dicts.includes(each as Dict) ? [show(key)] : []))

function wrappedIn(value: Dict, depth: number): Found | undefined {
  if (depth === MAX_DEPTH) return undefined
  for (const key of WRAPPERS) {
    const inner = value.get(key)
    if (!(inner instanceof Map)) continue
    const dict = wrappedIn(inner, depth + 1)?.dict ?? (hasViews(inner) ? inner : undefined)
    if (dict) return { key, dict }
  }
  return undefined
}

const isView = (value: Value | undefined): value is View => value instanceof View

function hasViews(dict: Dict): boolean {
  for (const each of dict.values()) if (isView(each)) return true
  return false
}

const show = (key: Value): string =>
  typeof key === 'string' || typeof key === 'number' ? clip(String(key)) : 'a key that is no text'

function viewsIn(dict: Dict, file: string): [string, View][] {
  const views: [string, View][] = []
  for (const [key, value] of dict) {
    if (!isView(value)) continue
    if (typeof key !== 'string') throw new CheckpointError('a tensor whose name is no text', { where: file })
    views.push([key, value])
  }
  return views
}

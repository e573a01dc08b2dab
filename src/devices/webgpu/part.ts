/**
 * Parts of kernels: WGSL text that several kernels share, with the names that it needs and those that it
 * gives. The names of a kernel are checked once, when the kernel is first used, and without a GPU.
 *
 * - A part gives functions, constants, workgroup variables and the like, which its text declares outside of
 *   functions. Other names that its text declares are its own.
 * - A part needs names that its text uses and does not declare: bindings (`a`), what the header declares for
 *   them (`HAS_BIAS`, `xHalf`), uniforms with their prefix (`u.rows`, `u.aStride`), constants (`KIND`), and
 *   what other parts or the kernel's body give. `flatGroup` and `MAX_GROUPS` stand in every header and are
 *   not listed.
 */
import { SidewinderError } from '../../errors.ts'

/** WGSL text with its needs and gives. */
export interface Part {
  readonly name: string
  readonly needs: readonly string[]
  readonly gives: readonly string[]
  readonly text: string
}

/** A part does not fit a kernel. */
export class PartError extends SidewinderError {
  override name = 'PartError'
}

/** Declares a part. It is checked with each kernel that it stands in: see `checkParts`. */
export function part(declared: Part): Part {
  return declared
}

/**
 * The lines of `line(0)` … `line(count - 1)`, for WGSL in which a loop would keep values from staying in
 * registers.
 */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n')
}

/** The names in a text of WGSL. */
interface Names {
  /** Declared outside of functions. */
  readonly declared: ReadonlySet<string>
  /** Used, and declared nowhere in the text. */
  readonly used: ReadonlySet<string>
}

const known = new WeakMap<Part, Names>()

function namesOf(part: Part): Names {
  let names = known.get(part)
  if (!names) known.set(part, (names = readNames(part.text)))
  return names
}

/**
 * Reads the names of a text. It knows as much of WGSL's grammar as that takes: the compiler checks the rest.
 */
function readNames(commented: string): Names {
  const text = commented.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ' ')
  let outside = text
  let before = ''
  while (outside !== before) {
    before = outside
    outside = outside.replaceAll(/\{[^{}]*\}/g, ';')
  }
  const declared = namesIn(outside, /\b(?:fn|struct|alias|override|const|var<[^>]*>)\s+(\w+)/g)
  // Variables of functions, parameters and members; a `case` ends with a colon, too.
  const local = namesIn(text, /\b(?:let|var|const)\s+(\w+)|(?<!\bcase )\b(\w+)\s*:/g)
  const used = namesIn(text, /(?<![\w.])(u\.\w+|[A-Za-z_]\w*)/g)
  for (const name of [...declared, ...local]) used.delete(name)
  return { declared, used }
}

function namesIn(text: string, pattern: RegExp): Set<string> {
  return new Set([...text.matchAll(pattern)].map(([, first, second]) => first ?? second))
}

/** What a kernel declares besides its parts; see `Kernel`. */
interface Declared {
  readonly name: string
  readonly bindings: Readonly<Record<string, string>>
  readonly uniforms: Readonly<Record<string, string>>
  readonly constants: Readonly<Record<string, string>>
  readonly parts?: readonly Part[]
  readonly body?: string
}

/** Names that every header declares. */
const ALWAYS = ['MAX_GROUPS', 'flatGroup', 'Uniforms']

/** The constant that says whether an optional binding is there: deltaBias -> HAS_DELTA_BIAS. */
export function presenceOf(binding: string): string {
  return `HAS_${binding.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`
}

/** The names that the header of a kernel declares. */
function headerNames({ bindings, uniforms, constants }: Declared): string[] {
  const names = [...ALWAYS, ...Object.keys(constants), ...Object.keys(uniforms).map((name) => `u.${name}`)]
  for (const [name, type] of Object.entries(bindings)) {
    names.push(name)
    if (type.includes('?')) names.push(presenceOf(name))
    if (type.endsWith(' view')) names.push(`u.${name}Offset`, `u.${name}Stride`)
    if (type.startsWith('f16')) names.push(`${name}Half`)
  }
  return names
}

type Owner = Part | 'the header' | 'the body'

const titleOf = (owner: Owner): string => (typeof owner === 'string' ? owner : `the part ${owner.name}`)

/** Which text of a kernel declares each name. Throws PartError if two declare one. */
function ownersOf(kernel: Declared, parts: readonly Part[], body: Names): Map<string, Owner> {
  const owners = new Map<string, Owner>()
  const add = (names: Iterable<string>, owner: Owner): void => {
    for (const name of names) {
      const other = owners.get(name)
      if (other !== undefined) {
        throw new PartError(`the name ${name} is given twice`, {
          where: kernel.name,
          expected: 'one that gives it',
          found: `${titleOf(other)} and ${titleOf(owner)}`,
        })
      }
      owners.set(name, owner)
    }
  }
  add(headerNames(kernel), 'the header')
  for (const part of parts) add(namesOf(part).declared, part)
  add(body.declared, 'the body')
  return owners
}

/**
 * Throws PartError if a name of a kernel is given twice, or needed and not given, or not what a part says of
 * it.
 */
export function checkParts(kernel: Declared): void {
  const { name: where, parts = [] } = kernel
  const body = readNames(kernel.body ?? '')
  const owners = ownersOf(kernel, parts, body)

  const expectGiven = (name: string, user: Owner): void => {
    const owner = owners.get(name)
    if (owner === undefined || typeof owner === 'string' || owner.gives.includes(name)) return
    throw new PartError(`${titleOf(user)} uses the name ${name}, which ${titleOf(owner)} does not give`, {
      where,
      hint: 'List the name among those that the part gives',
    })
  }

  for (const part of parts) {
    const { declared, used } = namesOf(part)
    const title = titleOf(part)
    for (const name of part.gives) {
      if (!declared.has(name)) {
        throw new PartError(`${title} gives the name ${name} and does not declare it`, { where })
      }
    }
    for (const name of part.needs) {
      if (!used.has(name))
        throw new PartError(`${title} needs the name ${name} and does not use it`, { where })
      if (!owners.has(name)) {
        throw new PartError(`${title} needs the name ${name}, which nothing gives`, {
          where,
          expected: 'a part, the body, a binding, a uniform or a constant that gives it',
          found: `the parts ${parts.map(({ name: other }) => other).join(', ')}`,
        })
      }
    }
    for (const name of used) {
      if (owners.has(name) && !part.needs.includes(name) && !ALWAYS.includes(name)) {
        throw new PartError(`${title} uses the name ${name} and does not list it among its needs`, { where })
      }
      expectGiven(name, part)
    }
  }
  for (const name of body.used) expectGiven(name, 'the body')
}

/**
 * The decoder of a tokenizer.json: steps that turn tokens into text. Each takes tokens as they come, and
 * gives what is certain, so that the text of a stream is the text of the whole. They follow the tokenizers
 * library, whose decoders see all tokens.
 */
import * as v from 'valibot'
import { CheckpointError } from '../../errors.ts'
import { checked, kindOf, refuseKind, shortText } from '../definition/check.ts'
import {
  ByteFallback,
  ByteLevel,
  each,
  first,
  spaced,
  strip,
  StripBeginning,
  type Step,
} from './decoder-steps.ts'
import type { TextPipe } from './stream.ts'

/** More steps than any published decoder has. */
const MAX_STEPS = 32

interface Parsed {
  readonly steps: (() => Step)[]
  /** How many parts have been read. */
  parts: number
  /** Tokens come out of the steps as one, in pieces. */
  fused: boolean
  /** A step may hold tokens back. There can be one: what is pending is counted in its tokens. */
  holding: boolean
}

const KINDS = ['ByteLevel', 'ByteFallback', 'Fuse', 'Metaspace', 'Replace', 'Sequence', 'Strip'] as const

/** Opens pipes for the `decoder` of a tokenizer.json. Without one, tokens are joined by spaces. */
export function readDecoder(decoder: unknown, where: string): () => TextPipe<string> {
  const parsed: Parsed = { steps: [], parts: 0, fused: false, holding: false }
  if (decoder === null || decoder === undefined) parsed.steps.push(spaced)
  else addSteps(decoder, parsed, where)
  return () => new Chain(parsed.steps.map((open) => open()))
}

const replaceShape = v.object({
  pattern: v.object({ String: v.pipe(shortText, v.nonEmpty()) }),
  content: shortText,
})
const metaspaceShape = v.object({
  replacement: v.pipe(shortText, v.nonEmpty()),
  prepend_scheme: v.optional(v.picklist(['always', 'first', 'never'])),
  add_prefix_space: v.optional(v.boolean()),
})
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(1024))
const stripShape = v.object({ content: v.pipe(v.string(), v.regex(/^[^]$/u)), start: count, stop: count })

function addSteps(decoder: unknown, parsed: Parsed, where: string): void {
  if (++parsed.parts > MAX_STEPS) {
    throw new CheckpointError('the decoder has too many steps', { where, expected: `at most ${MAX_STEPS}` })
  }
  const kind = kindOf(decoder, where)
  const { steps } = parsed
  switch (kind) {
    case 'Sequence': {
      const { decoders } = checked(v.object({ decoders: v.array(v.unknown()) }), decoder, where)
      decoders.forEach((each, i) => addSteps(each, parsed, `${where}.decoders.${i}`))
      return
    }
    case 'ByteLevel':
    case 'ByteFallback':
      if (parsed.holding || parsed.fused) refuseOrder(kind, where)
      parsed.holding = true
      parsed.fused = kind === 'ByteLevel'
      steps.push(kind === 'ByteLevel' ? () => new ByteLevel() : () => new ByteFallback())
      return
    case 'Fuse':
      parsed.fused = true
      return
    case 'Replace': {
      if (parsed.fused) refuseOrder(kind, where)
      const { pattern, content } = checked(replaceShape, decoder, where)
      steps.push(() => each((token) => token.replaceAll(pattern.String, () => content)))
      return
    }
    case 'Metaspace': {
      if (parsed.fused) refuseOrder(kind, where)
      const { replacement, prepend_scheme, add_prefix_space } = checked(metaspaceShape, decoder, where)
      const leading = prepend_scheme === undefined ? add_prefix_space !== false : prepend_scheme !== 'never'
      const inside = (token: string): string => token.replaceAll(replacement, ' ')
      steps.push(() => first(leading ? (token) => token.replaceAll(replacement, '') : inside, inside))
      return
    }
    case 'Strip': {
      const { content, start, stop } = checked(stripShape, decoder, where)
      if (!parsed.fused) steps.push(() => each((token) => strip(token, content, start, stop)))
      else if (stop > 0) refuseOrder('Strip at the end', where)
      else steps.push(() => new StripBeginning(content, start))
      return
    }
    default:
      refuseKind('decoder', kind, KINDS, where)
  }
}

function refuseOrder(kind: string, where: string): never {
  throw new CheckpointError(
    'this decoder is not read where it stands: after others that fuse or hold tokens',
    {
      where,
      found: kind,
    },
  )
}

/** Steps one after the other. */
class Chain implements TextPipe<string> {
  readonly #steps: readonly Step[]
  /** The one that may hold tokens back; those before it give a token for a token. */
  readonly #holder: Step | undefined

  constructor(steps: readonly Step[]) {
    this.#steps = steps
    this.#holder = steps.find((step) => step.holds !== undefined)
  }

  get holds(): number {
    return this.#holder?.holds ?? 0
  }

  get unchanged(): boolean {
    return this.#holder?.unchanged ?? false
  }

  get settled(): boolean {
    return this.#steps.every((step) => step.settled !== false)
  }

  push(token: string): string {
    let tokens: readonly string[] = [token]
    for (const step of this.#steps) tokens = tokens.flatMap((each) => step.push(each))
    return tokens.join('')
  }

  finish(): string {
    let tokens: readonly string[] = []
    for (const step of this.#steps) {
      tokens = [...tokens.flatMap((each) => step.push(each)), ...(step.finish?.() ?? [])]
    }
    return tokens.join('')
  }
}

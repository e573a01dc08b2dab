/** Chat templates: Jinja, written by strangers and run by `@huggingface/jinja` within bounds. */
import type * as Jinja from '@huggingface/jinja'
import type { Interpreter as JinjaInterpreter } from '@huggingface/jinja'
import { ConfigError, SidewinderError } from '../errors.ts'
import type { Tokenizer } from './tokenizer.ts'

export type Chat = Tokenizer['chat']

/**
 * Published templates have some thousand characters. The library's lexer takes quadratic time for long runs
 * of spaces.
 */
const MAX_TEMPLATE = 2 ** 17
const LONG_SPACE = /\s{1000}/
/** Bounds of what a template may do: a published one takes some hundred steps a message. */
const MAX_STEPS = 2 ** 20
const MAX_LIST = 2 ** 20
const MAX_TEXT = 2 ** 26
/** Elements and characters that cost as much as one step. */
const ELEMENTS_PER_STEP = 8
const CHARACTERS_PER_STEP = 1024

interface NamedTokens {
  readonly begin: string
  readonly end: string
}

type Parsed = Parameters<JinjaInterpreter['run']>[0]

/**
 * Opens a template; the library is loaded only if there is one. It is parsed when it is first used. `where`
 * names its file.
 */
export async function openChat(
  template: string | undefined,
  where: string,
  tokens: NamedTokens,
): Promise<Chat> {
  if (template === undefined) {
    return () => {
      throw new ConfigError('the tokenizer has no chat template', { where: 'chat_template' })
    }
  }
  const jinja = await import('@huggingface/jinja')
  const Bounded = boundedInterpreter(jinja.Interpreter)
  let parsed: Parsed | undefined
  return (messages, { continue: addTurn = true } = {}) =>
    attempt(where, () => {
      parsed ??= parse(template, jinja)
      const environment = new jinja.Environment()
      const variables = {
        ...globals(),
        messages,
        bos_token: tokens.begin,
        eos_token: tokens.end,
        add_generation_prompt: addTurn,
        tools: null,
        documents: null,
      }
      for (const [name, value] of Object.entries(variables)) environment.set(name, value)
      return new Bounded(environment).run(parsed).toString()
    })
}

function parse(template: string, { tokenize, parse }: typeof Jinja): Parsed {
  if (template.length > MAX_TEMPLATE || LONG_SPACE.test(template)) {
    throw new ConfigError('the template is too long', {
      expected: `at most ${MAX_TEMPLATE} characters, and less than 1000 spaces in a row`,
    })
  }
  return parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }))
}

/** Whatever comes out of a template's text is an error of that file. */
function attempt(where: string, body: () => string): string {
  try {
    return body()
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    const rule = cause instanceof SidewinderError ? cause.message : 'the chat template fails'
    throw new ConfigError(rule, {
      where,
      cause,
      found: cause instanceof SidewinderError ? undefined : found.slice(0, 500),
    })
  }
}

/** An interpreter that counts steps and looks at what they make. */
function boundedInterpreter(Interpreter: typeof JinjaInterpreter): typeof JinjaInterpreter {
  return class extends Interpreter {
    #steps = 0

    override evaluate(
      ...[statement, environment]: Parameters<JinjaInterpreter['evaluate']>
    ): ReturnType<JinjaInterpreter['evaluate']> {
      this.#take(1)
      const result = super.evaluate(statement, environment)
      const value: unknown = result.value
      if (typeof value === 'string') {
        if (value.length > MAX_TEXT) throw new ConfigError('the chat template makes too long a text')
        this.#take(value.length / CHARACTERS_PER_STEP)
      } else if (Array.isArray(value)) {
        if (value.length > MAX_LIST) throw new ConfigError('the chat template makes too long a list')
        this.#take(value.length / ELEMENTS_PER_STEP)
      }
      return result
    }

    #take(steps: number): void {
      this.#steps += steps
      if (this.#steps > MAX_STEPS) throw new ConfigError('the chat template does not end in time')
    }
  }
}

/** What templates expect to find: the library's own `range` makes any number of numbers. */
function globals(): Readonly<Record<string, unknown>> {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range,
    strftime_now: (format: unknown) => timeText(new Date(), String(format)),
    raise_exception(message: unknown) {
      throw new ConfigError(`the chat template refuses the messages: ${String(message)}`)
    },
  }
}

function range(first: unknown, second?: unknown, step: unknown = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const count = Math.ceil((Number(stop) - Number(start)) / Number(step))
  if (!Number.isFinite(count)) throw new ConfigError('range() of what are no numbers')
  if (count > MAX_LIST) throw new ConfigError('the chat template makes too long a list')
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(start) + i * Number(step))
}

/** Python's strftime in English, as far as templates use it. */
function timeText(now: Date, format: string): string {
  const name = (options: Intl.DateTimeFormatOptions): string => now.toLocaleDateString('en-US', options)
  const parts: Readonly<Record<string, string>> = {
    '%Y': String(now.getFullYear()),
    '%m': two(now.getMonth() + 1),
    '%d': two(now.getDate()),
    '%B': name({ month: 'long' }),
    '%b': name({ month: 'short' }),
    '%A': name({ weekday: 'long' }),
    '%a': name({ weekday: 'short' }),
    '%H': two(now.getHours()),
    '%M': two(now.getMinutes()),
    '%S': two(now.getSeconds()),
    '%%': '%',
  }
  return format.replaceAll(/%[YmdBbAaHMS%]/g, (directive) => parts[directive])
}

const two = (value: number): string => String(value).padStart(2, '0')

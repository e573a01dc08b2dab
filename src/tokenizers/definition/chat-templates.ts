/** Where a model's chat templates lie beside its tokenizer.json. */
import { isJsonObject } from '../../checkpoints/json.ts'
import type { ChatTemplates, NamedTokens } from '../chat.ts'
import { CONFIG, TEMPLATE } from './published-files.ts'

/**
 * The template of a file of its own, which goes first, and those of tokenizer_config.json: a text, a list of
 * names and templates, or an object of templates. What cannot be read is told when a template is asked for.
 */
export function chatTemplatesOf(
  file: string | undefined,
  config: Readonly<Record<string, unknown>>,
): ChatTemplates {
  const { byName, problem } = readTemplates(
    Object.hasOwn(config, 'chat_template') ? config['chat_template'] : undefined,
  )
  if (file === undefined) return { where: `${CONFIG}: chat_template`, byName, problem }
  return { where: TEMPLATE, byName: new Map([...byName, ['default', file]]) }
}

function readTemplates(value: unknown): Pick<ChatTemplates, 'byName' | 'problem'> {
  if (value === undefined || value === null) return { byName: new Map() }
  const named = typeof value === 'string' ? [['default', value] as const] : namedIn(value)
  const byName = new Map(
    named.filter((each): each is readonly [string, string] => each.every((part) => typeof part === 'string')),
  )
  if (byName.size > 0) return { byName }
  return { byName, problem: 'neither text, nor a list of { name, template }, nor an object of templates' }
}

function namedIn(value: unknown): (readonly [unknown, unknown])[] {
  if (!Array.isArray(value)) return isJsonObject(value) ? Object.entries(value) : []
  return value.map((each: unknown) =>
    isJsonObject(each) ? [each['name'], each['template']] : [undefined, undefined],
  )
}

const NAMES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']

/** Texts in place of ids. */
export function namesOf(
  named: Readonly<Record<string, string | number | undefined>>,
  tokens: ReadonlyMap<number, string>,
): NamedTokens {
  const entries = Object.entries(named)
  return Object.fromEntries(
    entries.map(([name, token]) => [name, typeof token === 'number' ? tokens.get(token) : token]),
  )
}

/** The tokens that transformers gives templates, by what `text` says stands under each name. */
export function namedTokens(text: (name: string) => string | undefined): NamedTokens {
  return Object.fromEntries(NAMES.map((name) => [name, text(name)]))
}

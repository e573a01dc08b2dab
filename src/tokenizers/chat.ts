/** Chat templates: from messages to the prompt that a model was trained with. */
import { check, optionsOf, flag, text } from '../check.ts'
import { ConfigError, describe } from '../errors.ts'
import type { ChatMessage, ChatTemplateOptions, Tokenizer } from './tokenizer.ts'
import type * as Templating from './templates/index.ts'

export type Chat = Tokenizer['chat']

/** The templates that a model comes with. */
export interface ChatTemplates {
  /** What errors call the place that they are from. */
  readonly where: string
  /** By name; the one that is taken if none is named has the name `default`. */
  readonly byName: ReadonlyMap<string, string>
  /** Why none could be read, if so. */
  readonly problem?: string | undefined
}

/** Texts that templates find as variables: `bos_token` and others, those that there are. */
export type NamedTokens = Readonly<Record<string, string | undefined>>

const readOptions = optionsOf<ChatTemplateOptions>({ continue: flag, template: text })

/**
 * Opens templates. What runs them is loaded only if there are any. Each is parsed when it is first used: one
 * that cannot be read stops nothing but its use.
 */
export async function openChat(templates: ChatTemplates, tokens: NamedTokens): Promise<Chat> {
  const templating = templates.byName.size > 0 ? await import('./templates/index.ts') : undefined
  const parsed = new Map<string, Templating.Template>()
  return (messages, options = {}) => {
    const { continue: addTurn = true, template: name = 'default' } = readOptions(options, 'chat')
    const source = sourceOf(templates, name)
    const where = name === 'default' ? templates.where : `${templates.where} ${name}`
    const variables = {
      ...tokens,
      messages: checkMessages(messages),
      add_generation_prompt: addTurn,
      tools: null,
      documents: null,
    }
    const { readTemplate, render } = templating!
    return attempt(where, templating!, () => {
      const template = parsed.get(name) ?? readTemplate(source)
      parsed.set(name, template)
      return render(template, variables)
    })
  }
}

/** The text of a template. Throws ConfigError, which says the names that there are, if it has none. */
function sourceOf({ byName, where, problem }: ChatTemplates, name: string): string {
  const source = byName.get(name)
  if (source !== undefined) return source
  if (byName.size === 0) {
    throw new ConfigError(
      `the tokenizer has no chat template${problem === undefined ? '' : ` that can be read`}`,
      {
        where,
        found: problem,
        hint: 'Take a model that was trained for chats, or continue plain text with generate',
      },
    )
  }
  throw new ConfigError('the tokenizer has no chat template of this name', {
    where,
    expected: [...byName.keys()].join(', '),
    found: name,
    hint: `Name one of them: chat(messages, { template: ${describe([...byName.keys()][0])} })`,
  })
}

function checkMessages(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (!Array.isArray(messages)) {
    throw new ConfigError('not messages', {
      where: 'chat',
      expected: 'a list of messages',
      found: describe(messages),
    })
  }
  for (const [i, message] of (messages as readonly unknown[]).entries()) {
    if (typeof message === 'object' && message !== null)
      check((message as ChatMessage).role, text, `chat: messages[${i}].role`)
    else
      throw new ConfigError('not a message', {
        where: `chat: messages[${i}]`,
        expected: '{ role, content }',
        found: describe(message),
      })
  }
  return messages
}

/** Whatever comes out of a template's text is an error of that file. */
function attempt(where: string, { Fault, Refusal }: typeof Templating, body: () => string): string {
  try {
    return body()
  } catch (cause) {
    if (cause instanceof Refusal) {
      throw new ConfigError(`the chat template refuses the messages: ${cause.message.slice(0, 500)}`, {
        where,
        cause,
      })
    }
    if (!(cause instanceof Fault)) throw cause
    throw new ConfigError('the chat template fails', { where, cause, found: cause.message.slice(0, 500) })
  }
}

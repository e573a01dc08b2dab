import { createInterface } from 'node:readline/promises'
import { Option, type Command } from 'commander'
import { SidewinderError } from '../../errors.ts'
import { startChat, type Chat } from '../../language/chat.ts'
import type { TextOptions } from '../../language/text.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'
import { addSamplingFlags } from '../sampling-flags.ts'
import { INTERRUPTED, interruption } from '../terminal/interrupt.ts'
import { print, printText, shown, stdoutColors as colors, tell } from '../terminal/terminal.ts'
import { explain } from './explain.ts'

interface Flags extends ModelFlags, TextOptions {
  readonly system?: string
}

const HELP = [
  '/undo    take back the last question and its answer',
  '/reset   begin anew',
  '/exit    end (also /quit)',
  'Ctrl-C   end the answer; at a prompt, end',
]
const ENDS = ['/exit', '/quit']

export function addChat(program: Command): void {
  const command = program
    .command('chat')
    .description('talk with a model that was trained for it; reads questions line by line')
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(new Option('--system <text>', 'what the model is told first'))
  addModelFlags(addSamplingFlags(command)).action(chat)
}

async function chat(
  source: string,
  { system, device, threads, weights, file, ...options }: Flags,
): Promise<void> {
  await withModel(source, { device, threads, weights, file }, async (model) => {
    const conversation = startChat(model, { ...(system !== undefined && { system }) })
    const { isTTY } = process.stdin
    const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: isTTY })
    const end = (): void => lines.close()
    interruption.signal.addEventListener('abort', end)
    // A terminal that reads lines gives Ctrl-C as a key; elsewhere it is a signal of the process.
    lines.on('SIGINT', () => {
      if (!interruption.onInterrupt?.()) interruption.stop(INTERRUPTED)
    })
    lines.setPrompt(isTTY ? shown(colors.bold('> ')) : '')
    if (isTTY) print([colors.dim(`${model.device.description}. /help says what else there is.`)])
    lines.prompt()
    try {
      for await (const line of lines) {
        if (ENDS.includes(line.trim())) break
        await turn(conversation, line, options)
        if (interruption.signal.aborted) break
        lines.prompt()
      }
    } finally {
      interruption.signal.removeEventListener('abort', end)
      lines.close()
      conversation.dispose()
    }
    if (isTTY && interruption.signal.aborted) print([''])
  })
}

/** One line of the user's. */
async function turn(conversation: Chat, line: string, options: TextOptions): Promise<void> {
  const command = line.trim()
  switch (command) {
    case '':
      return
    case '/help':
      return print(HELP)
    case '/reset':
      return conversation.reset()
    case '/undo':
      return conversation.undo() ? undefined : print(['There is nothing to take back.'])
    default:
  }
  // The model is not asked what was meant for the program. A path, or a line with more words, is a question.
  if (/^\/[a-z]+$/i.test(command)) return tell([`There is no ${command}. /help says what there is.`])
  await answer(conversation, line, options)
}

/** The answer, which a Ctrl-C ends: the conversation goes on with what was said until then. */
async function answer(conversation: Chat, question: string, options: TextOptions): Promise<void> {
  const ended = new AbortController()
  interruption.onInterrupt = () => {
    if (ended.signal.aborted) return false
    ended.abort()
    return true
  }
  const signal = AbortSignal.any([ended.signal, interruption.signal])
  try {
    for await (const text of conversation.ask(question, { ...options, signal })) await printText(text)
    await printText('\n')
  } catch (error) {
    if (error === signal.reason) return print([''])
    // A template that refuses a message is no reason to end the conversation, unless nobody is there to go
    // on.
    if (!(error instanceof SidewinderError) || !process.stdin.isTTY) throw error
    tell(explain(error, false))
  } finally {
    interruption.onInterrupt = undefined
  }
}

import { createInterface } from 'node:readline/promises'
import { Option, type Command } from 'commander'
import { SidewinderError } from '../../errors.ts'
import { startChat, type Chat } from '../../language/chat.ts'
import type { TextOptions } from '../../language/text.ts'
import { explain } from './explain.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'
import { addSamplingFlags } from '../sampling-flags.ts'
import { stdoutColors as colors } from '../terminal/terminal.ts'

interface Flags extends ModelFlags, TextOptions {
  readonly system?: string
}

const HELP = `/undo    take back the last question and its answer
/reset   begin anew
/exit    end`

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
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: process.stdin.isTTY,
    })
    lines.setPrompt(process.stdin.isTTY ? colors.bold('> ') : '')
    if (process.stdin.isTTY) print(colors.dim(`${model.device.description}. /help says what else there is.`))
    lines.prompt()
    try {
      for await (const line of lines) {
        if (line.trim() === '/exit') break
        await turn(conversation, line, options)
        lines.prompt()
      }
    } finally {
      lines.close()
      conversation.dispose()
    }
  })
}

/** One line of the user's. */
async function turn(conversation: Chat, line: string, options: TextOptions): Promise<void> {
  switch (line.trim()) {
    case '':
      return
    case '/help':
      return print(HELP)
    case '/reset':
      return conversation.reset()
    case '/undo':
      return conversation.undo() ? undefined : print('There is nothing to take back.')
    default:
  }
  try {
    for await (const text of conversation.ask(line, options)) process.stdout.write(text)
    process.stdout.write('\n')
  } catch (error) {
    // A template that refuses a message is no reason to end the conversation, unless nobody is there to go
    // on.
    if (!(error instanceof SidewinderError) || !process.stdin.isTTY) throw error
    process.stderr.write(explain(error, false))
  }
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

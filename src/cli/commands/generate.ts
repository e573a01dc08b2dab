import { InvalidArgumentError, Option, type Command } from 'commander'
import { writeAtomically } from '../../checkpoints/atomic.ts'
import { readAll, regularFile } from '../../data/read-file.ts'
import type { TextOptions } from '../../language/text.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'
import { addSamplingFlags } from '../sampling-flags.ts'
import { stdoutColors as colors } from '../terminal/terminal.ts'

interface Flags extends ModelFlags, TextOptions {
  readonly prompt?: string
  readonly from?: string
  readonly save?: string
}

const nonEmpty = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('Expected a text that is not empty.')
  return text
}

export function addGenerate(program: Command): void {
  const command = program
    .command('generate')
    .description('continue a text')
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(new Option('--prompt <text>', 'what to continue').argParser(nonEmpty))
    .addOption(new Option('--from <file>', 'go on from a saved state'))
    .addOption(new Option('--save <file>', 'save the state afterwards'))
  addModelFlags(addSamplingFlags(command)).action(generate)
}

async function generate(
  source: string,
  { prompt, from, save, device, threads, weights, file, ...options }: Flags,
  command: Command,
): Promise<void> {
  if (prompt === undefined && from === undefined) {
    command.error("error: required option '--prompt <text>' not given, nor '--from <file>'")
  }
  await withModel(source, { device, threads, weights, file }, async (model) => {
    const session = await model.session(from === undefined ? {} : { from: await stateFile(from) })
    if (prompt !== undefined) {
      if (process.stdout.isTTY) process.stdout.write(colors.dim(prompt))
      await session.append(prompt)
    }
    for await (const text of session.generate(options)) process.stdout.write(text)
    process.stdout.write('\n')
    if (save !== undefined) await writeAtomically(save, await session.save())
    session.dispose()
  })
}

/** A file of the user's. */
async function stateFile(path: string): Promise<Uint8Array> {
  return readAll([await regularFile(path)])
}

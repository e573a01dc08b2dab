import { Option, type Command } from 'commander'
import { expectWritable, writeAtomically } from '../../checkpoints/atomic.ts'
import { readAll, regularFile } from '../../data/read-file.ts'
import type { TextOptions } from '../../language/text.ts'
import { expectNew, forceFlag } from '../replaced.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'
import { addSamplingFlags, nonEmpty } from '../sampling-flags.ts'
import { interruption } from '../terminal/interrupt.ts'
import { printText, stdoutColors as colors } from '../terminal/terminal.ts'

interface Flags extends ModelFlags, TextOptions {
  readonly prompt?: string
  readonly from?: string
  readonly save?: string
  readonly anyWeights?: boolean
  readonly force?: boolean
}

export function addGenerate(program: Command): void {
  const command = program
    .command('generate')
    .description('continue a text')
    .argument('<model>', MODEL_ARGUMENT)
    .addOption(new Option('--prompt <text>', 'what to continue').argParser(nonEmpty))
    .addOption(new Option('--from <file>', 'go on from a saved state'))
    .addOption(new Option('--any-weights', 'take a state that a model with other weights saved'))
    .addOption(new Option('--save <file>', 'save the state afterwards: a new file, or that of --from'))
    .addOption(forceFlag())
  addModelFlags(addSamplingFlags(command)).action(generate)
}

async function generate(
  source: string,
  { prompt, from, save, anyWeights, force, device, threads, weights, file, ...options }: Flags,
  command: Command,
): Promise<void> {
  if (prompt === undefined && from === undefined) {
    command.error("error: required option '--prompt <text>' not given, nor '--from <file>'")
  }
  if (save !== undefined) {
    await expectNew(save, { force, source: from })
    await expectWritable(save)
  }
  const { signal } = interruption
  await withModel(source, { device, threads, weights, file }, async (model) => {
    const session = await model.session(from === undefined ? {} : { from: await stateFile(from), anyWeights })
    if (prompt !== undefined) {
      if (process.stdout.isTTY) await printText(prompt, colors.dim)
      await session.append(prompt, { signal })
    }
    for await (const text of session.generate({ ...options, signal })) await printText(text)
    await printText('\n')
    if (save !== undefined) await writeAtomically(save, await session.save())
    session.dispose()
  })
}

/** A file of the user's. */
async function stateFile(path: string): Promise<Uint8Array> {
  return readAll([await regularFile(path)])
}

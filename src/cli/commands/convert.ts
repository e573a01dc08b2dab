import { Option, type Command } from 'commander'
import { join } from 'node:path'
import { writeAtomically } from '../../checkpoints/atomic.ts'
import { identityOf } from '../../checkpoints/replaced.ts'
import { ConfigError } from '../../errors.ts'
import { openCheckpoint, optionalTokenizer } from '../../models/files/open.ts'
import { writeFiles } from '../../models/files/folder.ts'
import { folderFiles, ggufFile } from '../../models/files/save.ts'
import { between } from '../../check.ts'
import { numberFlag } from '../flags.ts'
import { expectNew, expectNewFolder, forceFlag } from '../replaced.ts'
import { givingTurns } from '../../turn.ts'
import { interruption } from '../terminal/interrupt.ts'
import { print } from '../terminal/terminal.ts'
import { fileFlag, MODEL_ARGUMENT, onWarning, sourceOptions, type SourceFlags } from '../model-flags.ts'

const TYPES = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' } as const

interface Flags extends SourceFlags {
  readonly type: keyof typeof TYPES
  readonly shardSize: number
  readonly force?: boolean
}

export function addConvert(program: Command): void {
  program
    .command('convert')
    .description('write a model as GGUF (for llama.cpp) or in the Hugging Face layout (for transformers)')
    .argument('<model>', MODEL_ARGUMENT)
    .argument('<target>', 'a new file that ends in .gguf, or a new folder')
    .addOption(fileFlag())
    .addOption(
      new Option('--type <type>', 'of the matrices in a GGUF file')
        .choices(Object.keys(TYPES))
        .default('f32'),
    )
    .addOption(numberFlag('--shard-size <GB>', 'largest file of a folder', between(1e-9, 1e6)).default(5))
    .addOption(forceFlag())
    .action(convert)
}

async function convert(
  source: string,
  target: string,
  { type, shardSize, file, force = false }: Flags,
): Promise<void> {
  const gguf = target.toLowerCase().endsWith('.gguf')
  await (gguf ? expectNew : expectNewFolder)(target, { force, source })
  const checkpoint = await openCheckpoint(source, sourceOptions({ file }))
  await expectOther(source, checkpoint.where, target)
  const { special } = checkpoint
  const { signal } = interruption
  const { tokenizer } = await optionalTokenizer(checkpoint, onWarning)
  if (gguf) {
    const options = { type: TYPES[type], name: nameOf(source), tokenizer, special, onWarning }
    await writeAtomically(target, givingTurns(ggufFile(checkpoint, options), signal))
  } else {
    if (type !== 'f32') {
      throw new ConfigError('only GGUF files have types', {
        where: '--type',
        found: type,
        hint: 'End the target in .gguf',
      })
    }
    const beside = await checkpoint.beside()
    const options = { shardBytes: shardSize * 1e9, tokenizer, special, beside }
    await writeFiles(target, folderFiles(checkpoint, options), { overwrite: force, signal })
  }
  print([`Wrote ${target}`])
}

const nameOf = (source: string): string => source.split(/[/\\]/).findLast((part) => part !== '') ?? source

/** By path, link or second name: a model is not written over itself. */
async function expectOther(source: string, weights: string, target: string): Promise<void> {
  const there = await identityOf(target)
  if (there === undefined) return
  for (const path of [source, join(source, weights)]) {
    if ((await identityOf(path)) !== there) continue
    throw new ConfigError('a model cannot be converted into its own folder or file', {
      where: target,
      hint: 'Name another target',
    })
  }
}

import { InvalidArgumentError, Option, type Command } from 'commander'
import { between, seed, whole } from '../check.ts'
import { numberFlag } from './flags.ts'

/** How tokens are drawn: the same for `generate` and `chat`. */
export function addSamplingFlags(command: Command): Command {
  return command
    .addOption(numberFlag('--max-tokens <n>', 'most tokens to write', whole(1, 1e9)).default(256))
    .addOption(numberFlag('--temperature <x>', '0: always the most probable', between(0, 100)).default(0.8))
    .addOption(numberFlag('--top-k <n>', 'only the k most probable; 0: all', whole(0, 1e9)).default(0))
    .addOption(
      numberFlag('--top-p <p>', 'only the most probable that together have p', between(0, 1)).default(1),
    )
    .addOption(
      numberFlag('--min-p <p>', 'only those with p × the most probable one', between(0, 1)).default(0),
    )
    .addOption(
      numberFlag('--repetition-penalty <x>', 'above 1: repeat less', between(0.001, 1000)).default(1),
    )
    .addOption(numberFlag('--seed <n>', 'same seed: same text', seed).default(0))
    .addOption(
      new Option('--stop <text>', 'end before this text; may be given several times').argParser(oneMore),
    )
}

/** A text, or an error if it is empty. */
export function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected a text that is not empty.')
  return text
}

const oneMore = (text: string, before: readonly string[] = []): string[] => [...before, nonEmpty(text)]

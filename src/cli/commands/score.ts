import { Option, type Command } from 'commander'
import { decodeText } from '../../checkpoints/source.ts'
import { readAll, regularFile } from '../../data/read-file.ts'
import { scoreTokens, windowsOf } from '../../language/score.ts'
import { whole } from '../../check.ts'
import { numberFlag } from '../flags.ts'
import { interruption } from '../terminal/interrupt.ts'
import { print, showStatus } from '../terminal/terminal.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'

/** A text is one string while it becomes tokens. */
const MAX_BYTES = 2 ** 28

interface Flags extends ModelFlags {
  readonly window?: number
  readonly stride?: number
  readonly json?: boolean
}

export function addScore(program: Command): void {
  const command = program
    .command('score')
    .description('how well a model foretells a text: bits per byte and perplexity')
    .argument('<model>', MODEL_ARGUMENT)
    .argument('<text>', 'a UTF-8 file')
    .addOption(
      numberFlag(
        '--window <n>',
        'tokens a prediction sees (default: two strides, or else all before, by the state)',
        whole(2, 2 ** 31),
      ),
    )
    .addOption(
      numberFlag(
        '--stride <n>',
        'tokens from one window to the next (default: half a window)',
        whole(1, 2 ** 31),
      ),
    )
    .addOption(new Option('--json', 'print JSON'))
  addModelFlags(command).action(score)
}

async function score(source: string, path: string, { window, stride, json, ...flags }: Flags): Promise<void> {
  const bytes = await readAll([await regularFile(path, MAX_BYTES)])
  await withModel(source, flags, async (model) => {
    const text = decodeText(bytes, path)
    const tokens = model.encode(text, { special: true })
    const made = await scoreTokens(model, tokens, {
      ...(window !== undefined && { window }),
      ...(stride !== undefined && { stride }),
      onProgress: (done, total) => showStatus(`${done} of ${total} tokens`),
      signal: interruption.signal,
    })
    showStatus()
    const bitsPerToken = made.nats / Math.LN2 / made.tokens
    // What no token before foretells is not predicted: the bits of the others, spread over the bytes that a
    // token has on average.
    const bitsPerByte = (bitsPerToken * model.encode(text).length) / bytes.length
    if (json) {
      print([JSON.stringify({ ...made, bytes: bytes.length, bitsPerByte, bitsPerToken })])
      return
    }
    print([
      `${bitsPerByte.toFixed(4)} bits per byte`,
      `${bitsPerToken.toFixed(4)} bits per token, perplexity ${made.perplexity.toFixed(3)}`,
      `${made.tokens} tokens of ${bytes.length} bytes; ${windows({ window, stride }, tokens.length)}`,
    ])
  })
}

function windows(given: Pick<Flags, 'window' | 'stride'>, tokens: number): string {
  if (given.window === undefined && given.stride === undefined) return 'each token given all before it'
  const { window, stride } = windowsOf(given, tokens)
  return `windows of ${window}, ${stride} apart`
}

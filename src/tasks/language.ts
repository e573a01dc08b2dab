import { IGNORE, type Batches, type Pass } from '../data/batch.ts'
import { between, oneOf, optionsOf, whole } from '../check.ts'
import { carriedStreams, packedDocuments, randomWindows } from '../data/batches.ts'
import { stretches } from '../data/passes.ts'
import { splitCorpus, type TextCorpus } from '../data/text.ts'
import { byteTokenizer } from '../tokenizers/text/bytes.ts'
import { defineTask } from './definition.ts'
import { sequenceInputs } from './inputs.ts'
import { labelLoss, labelTargets } from './labels.ts'
import { setting } from './settings.ts'
import type { Task } from './task.ts'

/** How rows of a batch are cut from a text. */
const BATCHINGS = ['random', 'carried', 'packed'] as const
/**
 * Most bytes that an evaluation reads: of a longer held-out text, the beginnings of stretches evenly apart.
 */
const EVALUATED_BYTES = 2 ** 17

/** What the tokens of a text are. */
export interface LanguageOptions {
  /** What a token is, for the words of a loss. Default: `token`. */
  readonly unit?: 'token' | 'byte'
}

const readOptions = optionsOf<LanguageOptions>({ unit: oneOf(['token', 'byte']) })

/**
 * Predicts the next token at each position: cross-entropy, in nats. `labels` [B, L] are the tokens to be
 * predicted, already shifted; of a record they are its own tokens.
 */
export function language(options: LanguageOptions = {}): Task {
  const { unit = 'token' } = readOptions(options, 'language')
  return {
    name: 'text',
    head: { kind: 'language' },
    inputs: sequenceInputs,
    targets: labelTargets('position', ({ tokens }, i) => tokens?.[i + 1] ?? IGNORE),
    loss: labelLoss,
    unit: { title: `bits per ${unit}`, short: `bits/${unit}`, scale: 1 / Math.LN2 },
    metrics: { perplexity: { title: 'perplexity', higher: false } },
    meter: () => ({
      reads: false,
      add() {},
      summary: (loss) => ({ metrics: { perplexity: Math.exp(loss) } }),
    }),
  }
}

interface TextSettings {
  readonly batch: number
  readonly length: number
  readonly batching: (typeof BATCHINGS)[number]
  readonly seed: number
}

/** Trains models of bytes on text. */
export const textDefinition = defineTask({
  name: 'text',
  summary: 'train a language model on text: of bytes, or with --from of the tokens of that model',
  reads: 'text',
  takes: 'a text file, or a folder of .txt and .md files, each a document',
  settings: {
    length: setting.number(
      'Data',
      'bytes (or tokens) of a row: what is backpropagated through',
      whole(1, 1_048_576),
      256,
    ),
    batching: setting.choice(
      'Data',
      'random windows, streams with carried state, or packed documents',
      BATCHINGS,
      'random',
    ),
    validationPart: setting.number('Data', 'part of the text held out, from its end', between(0, 0.9), 0.1),
  },

  open({ data, test }, settings) {
    const { training, validation } = splitCorpus(data, settings.validationPart)
    return {
      ...endsOf(data),
      encoding: undefined,
      training: batchesOf(training, settings),
      validation: validation.length > 1 ? validationPass(validation, settings) : undefined,
      test: test && stretches(test.tokens, { batch: settings.batch, length: settings.length }),
      sizes: {
        training: training.tokens.length,
        validation: validation.length,
        test: test?.tokens.length ?? 0,
        unit: data.vocabulary === undefined ? 'bytes' : 'tokens',
      },
    }
  },

  read: (corpus, { batch, length }) => ({
    ...endsOf(corpus),
    pass: stretches(corpus.tokens, { batch, length }),
  }),
})

/** The task, and what goes into its model. */
const endsOf = ({ vocabulary }: TextCorpus) => ({
  task: language({ unit: vocabulary === undefined ? 'byte' : 'token' }),
  input: { vocabulary: vocabulary ?? byteTokenizer.size },
})

/** Whole windows only, and no more than an evaluation reads. */
function validationPass(tokens: Uint8Array | Int32Array, { batch, length }: TextSettings): Pass {
  const wanted = Math.ceil(EVALUATED_BYTES / (batch * length))
  const all = stretches(tokens, { batch, length })
  const complete = Math.floor(tokens.length / all.batch / all.length)
  return stretches(tokens, { batch, length, windows: Math.max(1, Math.min(wanted, complete)) })
}

function batchesOf(corpus: TextCorpus, { batch, length, seed, batching }: TextSettings): Batches {
  switch (batching) {
    case 'random':
      return randomWindows(corpus, { batch, length, seed })
    case 'carried':
      return carriedStreams(corpus, { batch, length })
    case 'packed':
      return packedDocuments(corpus, { batch, length, seed })
    default:
      return batching satisfies never
  }
}

/** Models with random weights, written as GGUF and run by both. Called by check-gguf.mjs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeAtomically } from '../../src/checkpoints/atomic.ts'
import { openFolder } from '../../src/checkpoints/files.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import type { LayerConfig, ModelConfig } from '../../src/models/config.ts'
import { ggufFile, type GgufOptions } from '../../src/models/files/save.ts'
import { byteTokenizer } from '../../src/tokenizers/text/bytes.ts'
import { readTokenizer } from '../../src/tokenizers/definition/hugging-face.ts'
import type { Tokenizer } from '../../src/tokenizers/tokenizer.ts'
import { relativeError } from '../../test/suites/compare.ts'
import { syntheticCheckpoint } from '../../test/suites/synthetic.ts'

/** What is used of node-llama-cpp. */
interface Llama {
  loadModel(options: { modelPath: string; gpuLayers: number }): Promise<LlamaModel>
}
interface LlamaModel {
  tokenize(text: string, special: boolean): readonly number[]
  detokenize(tokens: readonly number[], special: boolean): string
  isEogToken(token: number): boolean
  readonly tokens: { readonly bos: number | null; readonly eos: number | null }
  createContext(options: { contextSize: number; threads: number }): Promise<{ getSequence(): LlamaSequence }>
  dispose(): Promise<void>
}
interface LlamaSequence {
  controlledEvaluate(
    input: readonly [token: number, options: { generateNext: { logits: true } }][],
  ): Promise<readonly { readonly next: { readonly logits: ReadonlyMap<number, number> } }[]>
}

/** llama.cpp also rounds the activations of matrices that are not f32: to f16, or to blocks of 8 bits. */
const BOUNDS = { F32: 1e-4, F16: 1e-2, Q8_0: 5e-2, Q4_0: 5e-2 } as const
type Type = keyof typeof BOUNDS

const PROMPT = 24
const GREEDY = 32
/** Two logits nearer than this may change places by rounding alone. */
const MARGIN = 1e-4

const shared = { kernel: 4, bias: false, convolutionBias: true, hidden: 128 } as const
const mamba: LayerConfig = { kind: 'mamba', ...shared, stateSize: 16, deltaRank: 4 }
const mamba2 = (groups: number): LayerConfig => ({
  kind: 'mamba2',
  ...shared,
  headDim: 16,
  stateSize: 32,
  groups,
  groupedNorm: true,
})

/** With vocabularies larger than their tokenizers, as those of published models are. */
const MODELS: readonly (readonly [
  name: string,
  layer: LayerConfig,
  tokenizer: string,
  vocabulary: number,
])[] = [
  ['mamba', mamba, 'bytes', 256],
  ['mamba', mamba, 'neox', 328],
  ['mamba2', mamba2(1), 'neox', 336],
  ['mamba2, 2 groups', mamba2(2), 'llama3', 528],
  ['falcon_mamba', { ...mamba, innerNorm: 1e-5 }, 'sentencepiece', 520],
]

/** Prints a table; says whether all agreed. */
export async function compareGguf(llama: Llama): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'sidewinder-peers-'))
  const device = await openDevice('wasm', { threads: 2 })
  let agreed = true
  try {
    console.log(row('model', 'tokenizer', 'type', 'logits differ by', 'bound', 'greedy', 'texts'))
    for (const [name, layer, tokenizerName, vocabulary] of MODELS) {
      const { tokenizer, texts } = await openFixture(tokenizerName)
      for (const type of Object.keys(BOUNDS) as Type[]) {
        const path = join(folder, 'model.gguf')
        await write(path, configOf(layer, vocabulary), { type, tokenizer, name })
        const seen = await compare(path, { llama, device, tokenizer, texts })
        const exact = type !== 'F32' || seen.greedy >= GREEDY
        const good = seen.error <= BOUNDS[type] && exact && seen.texts === texts.length && seen.ends
        agreed &&= good
        console.log(
          row(
            name,
            tokenizerName,
            type,
            seen.error.toExponential(2),
            String(BOUNDS[type]),
            `${Math.min(seen.greedy, GREEDY)}/${GREEDY}`,
            `${seen.texts}/${texts.length}${good ? '' : '   DISAGREE'}`,
          ),
        )
      }
    }
  } finally {
    device.destroy()
    await rm(folder, { recursive: true, force: true })
  }
  console.log(
    'logits: ||difference|| / ||logits||; greedy: tokens until the first that differs, of f32 all must agree',
  )
  return agreed
}

const configOf = (layer: LayerConfig, vocabulary: number): ModelConfig => ({
  width: 64,
  layers: [layer, layer, layer],
  input: { vocabulary },
  head: { kind: 'language' },
  tieEmbeddings: layer.kind === 'mamba',
  eps: 1e-5,
})

const write = (path: string, config: ModelConfig, options: GgufOptions): Promise<void> =>
  writeAtomically(path, ggufFile(syntheticCheckpoint(config), options))

/** A tokenizer of the fixtures, and texts that it was tested with. */
async function openFixture(name: string): Promise<{ tokenizer: Tokenizer; texts: string[] }> {
  const folder = await openFolder(`test/fixtures/tokenizer/${name === 'bytes' ? 'neox' : name}`)
  const { cases } = JSON.parse(await folder.text('cases.json')) as { cases: { text: string }[] }
  // llama.cpp takes text as it is, where some tokenizers compose letters and marks first; and ends texts at
  // zeros.
  const texts = cases
    .map(({ text }) => text)
    .filter((text) => text === text.normalize('NFC') && !/\0/.test(text))
  return { tokenizer: name === 'bytes' ? byteTokenizer : (await readTokenizer(folder))!, texts }
}

interface Compared {
  readonly error: number
  readonly greedy: number
  /** Texts with the same tokens. */
  readonly texts: number
  /** First and last tokens are the same. */
  readonly ends: boolean
}

async function compare(
  path: string,
  {
    llama,
    device,
    tokenizer,
    texts,
  }: { llama: Llama; device: AnyDevice; tokenizer: Tokenizer; texts: string[] },
): Promise<Compared> {
  // The values of quantised weights are exact in f32.
  const ours = await loadModel(path, { device, weights: 'f32' })
  const theirs = await llama.loadModel({ modelPath: path, gpuLayers: 0 })
  try {
    const context = await theirs.createContext({ contextSize: 256, threads: 1 })
    const sequence = context.getSequence()
    const prompt = Array.from({ length: PROMPT }, (_, i) => (i * 37 + 11) % 256)
    const { data, shape } = await ours.logits([prompt])
    const rows = await evaluate(sequence, prompt)
    const error = relativeError(
      rows.flatMap((each) => [...each]),
      data,
    )
    if (rows[0].length !== shape.at(-1)) throw new Error(`${rows[0].length} logits, not ${shape.at(-1)}`)
    return {
      error,
      greedy: await agreeingTokens(ours, sequence, prompt, rows.at(-1)!),
      texts: texts.filter((text) => String(theirs.tokenize(text, true)) === String(tokenizer.encode(text)))
        .length,
      ends: endsAgree(theirs, tokenizer),
    }
  } finally {
    ours.dispose()
    await theirs.dispose()
  }
}

/** First and last tokens; and bytes come out as they went in. */
function endsAgree(llama: LlamaModel, { begin, end, name }: Tokenizer): boolean {
  if (name !== byteTokenizer.name) {
    return llama.tokens.eos === end[0] && (begin === undefined || llama.tokens.bos === begin)
  }
  const text = "it's 日本 😀 , \r\n ."
  return llama.isEogToken(0) && llama.detokenize(byteTokenizer.encode(text), false) === text
}

/** Logits after each token. */
async function evaluate(sequence: LlamaSequence, tokens: readonly number[]): Promise<Float32Array[]> {
  const made = await sequence.controlledEvaluate(
    tokens.map((token) => [token, { generateNext: { logits: true } }]),
  )
  return made.map(({ next: { logits } }) => {
    const row = new Float32Array(logits.size)
    for (const [token, logit] of logits) row[token] = logit
    return row
  })
}

/** Greedy tokens that agree before the first that does not, and before one that rounding decides. */
async function agreeingTokens(
  model: LanguageModel,
  sequence: LlamaSequence,
  prompt: readonly number[],
  logits: Float32Array,
): Promise<number> {
  const session = model.session({ rewind: false })
  let count = 0
  try {
    await session.append(prompt)
    let next = logits
    for await (const token of session.generateTokens({ temperature: 0, maxTokens: GREEDY, stopTokens: [] })) {
      const sorted = next.toSorted((a, b) => b - a)
      if (sorted[0] - sorted[1] < MARGIN) return GREEDY
      if (next.indexOf(sorted[0]) !== token) return count
      count++
      next = (await evaluate(sequence, [token]))[0]
    }
    return count
  } finally {
    session.dispose()
  }
}

const row = (...cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd([18, 15, 6, 18, 8, 8, 0][i]))
    .join('')
    .trimEnd()

/** Commands on models, each in a process of its own: score and chat, against the same in this process. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDevice } from '../../src/ops/open-device.ts'
import { startChat } from '../../src/language/chat.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import type { CommandLine } from './command-line.ts'
import { openCliModels, WASM, type CliModels } from '../suites/cli-models.ts'

let models: CliModels
let cli: CommandLine
let [folder, published, run] = ['', '', '']
const output = (...args: string[]): Promise<string> => models.output(...args)

beforeAll(async () => {
  models = await openCliModels()
  ;({ cli, folder, published, run } = models)
})
afterAll(() => models.remove())

/** The model in this process. */
async function withModel<T>(source: string, body: (model: LanguageModel) => Promise<T>): Promise<T> {
  const device = await openDevice('wasm', { threads: 1 })
  try {
    return await body(await loadModel(source, { device }))
  } finally {
    device.destroy()
  }
}

/** -log2 p of each token from `first` on, given those before it in `tokens`. */
async function bitsFrom(model: LanguageModel, tokens: readonly number[], first: number): Promise<number> {
  const { data, shape } = await model.logits([tokens])
  const width = shape.at(-1)!
  let bits = 0
  for (let at = first; at < tokens.length; at++) {
    const row = data.subarray((at - 1) * width, at * width)
    const sum = row.reduce((total, logit) => total + Math.exp(logit), 0)
    bits += (Math.log(sum) - row[tokens[at]]) / Math.LN2
  }
  return bits
}

describe('bench', () => {
  test('a model: prompt, token and memory; how kernels are cut', async () => {
    const flags = ['--prompt', '20', '--tokens', '3', '--rounds', '2']
    const text = await output('bench', run, ...flags, '--explain', ...WASM)
    expect(text).toMatch(/prompt of 20 .*tokens\/s .* ms \(.* to .*\)\none token .*tokens\/s/)
    expect(text).toMatch(/memory: .* loaded, a state of .*, .* while it works\n/)
    expect(text).toMatch(/choices for wasm: .*\n {2}ssdChunk +32 +tokens of a chunk of SSD/)
    const json = JSON.parse(await output('bench', run, ...flags, '--json', ...WASM)) as Record<string, object>
    expect(Object.keys(json)).toEqual(['device', 'choices', 'prompt', 'read', 'write', 'memory'])
    expect(Object.keys(json['read'])).toEqual(['median', 'least', 'most'])
  })

  test('without a model, only how kernels are cut', async () => {
    expect(await output('bench', '--explain', ...WASM)).toMatch(/^choices for wasm/)
    const { code, stderr } = await cli.run('bench', ...WASM)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no model is named/)])
  })
})

describe('score', () => {
  const TEXT =
    'Call me Ishmael. Some years ago - never mind how long precisely - having little or no money. é'
  let file = ''
  beforeAll(async () => {
    file = join(folder, 'call.txt')
    await writeFile(file, TEXT)
  })

  test('all at once: what the logits say', async () => {
    const [bits, count] = await withModel(published, async (model) => {
      const tokens = model.encode(TEXT, { special: true })
      return [await bitsFrom(model, tokens, 1), tokens.length - 1]
    })
    const json = JSON.parse(await output('score', published, file, '--json', ...WASM)) as Record<
      string,
      number
    >
    const bytes = new TextEncoder().encode(TEXT).length
    expect(json).toMatchObject({ tokens: count, bytes })
    // The first of the text's tokens is not predicted: the bits of the others stand for it.
    const bitsPerByte = ((bits / count) * (count + 1)) / bytes
    expect(json['bitsPerByte']).toBeCloseTo(bitsPerByte, 4)
    expect(json['bitsPerToken']).toBeCloseTo(bits / count, 4)
    expect(json['perplexity'] / 2 ** (bits / count)).toBeCloseTo(1, 4)
    const text = await output('score', published, file, ...WASM)
    expect(text).toMatch(/^\d+\.\d{4} bits per byte\n\d+\.\d{4} bits per token, perplexity \d+\.\d{3}\n/)
    expect(text).toContain(`${count} tokens of ${bytes} bytes; each token given all before it\n`)
    expect(Number.parseFloat(text)).toBeCloseTo(bitsPerByte, 3)
  })

  test('in windows: each token once, given its window', async () => {
    const [window, stride] = [24, 10]
    const bits = await withModel(published, async (model) => {
      const tokens = model.encode(TEXT, { special: true })
      let total = 0
      for (let begin = 0, predicted = 1; predicted < tokens.length; begin += stride) {
        const part = tokens.slice(begin, begin + window)
        total += await bitsFrom(model, part, predicted - begin)
        predicted = begin + part.length
      }
      return total
    })
    const flags = ['--window', String(window), '--stride', String(stride)]
    const json = JSON.parse(await output('score', published, file, '--json', ...flags, ...WASM)) as {
      nats: number
    }
    expect(json.nats / Math.LN2 / bits).toBeCloseTo(1, 4)
    expect(await output('score', published, file, ...flags, ...WASM)).toContain('windows of 24, 10 apart')
    // A stride alone is that of windows twice as long.
    expect(await output('score', published, file, '--stride', '12', ...WASM)).toBe(
      await output('score', published, file, '--window', '24', ...WASM),
    )
  })

  test('a trained model knows its text', async () => {
    const text = await output('score', run, models.data, ...WASM)
    expect(Number.parseFloat(text)).toBeLessThan(2)
  })

  const failing: [string, () => string[], RegExp][] = [
    ['no text', () => ['score', run, join(folder, 'no.txt')], /no\.txt\] no such file or folder/],
    ['an unknown model', () => ['score', join(folder, 'no'), file], /no such model/],
    ['windows with gaps', () => ['score', run, file, '--window', '8', '--stride', '9'], /overlap or meet/],
  ]
  test.each(failing)('%s is refused', async (_, args, message) => {
    const { code, stdout, stderr } = await cli.run(...args(), ...WASM)
    expect(stderr).toMatch(message)
    expect([code, stdout]).toEqual([1, ''])
  })
})

/** What the model answers to one question after the other. */
const answers = (system: string | undefined, ...questions: string[]): Promise<string[]> =>
  withModel(published, async (model) => {
    const chat = startChat(model, system === undefined ? {} : { system })
    const made: string[] = []
    for (const question of questions) {
      let answer = ''
      for await (const text of chat.ask(question, { maxTokens: 8, temperature: 1, seed: 5 })) answer += text
      made.push(answer)
    }
    return made
  })

describe('chat', () => {
  const SHORT = ['--max-tokens', '8', '--temperature', '1', '--seed', '5', ...WASM]

  test('questions come line by line', async () => {
    const [first, second] = await answers(undefined, 'hello', 'and then?')
    const { code, stdout, stderr } = await cli.feed('hello\n\nand then?\n', 'chat', published, ...SHORT)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`${first}\n${second}\n`)
  })

  test('/undo, /reset, /help, /exit', async () => {
    const [hello, then] = await answers(undefined, 'hello', 'and then?')
    const [alone] = await answers(undefined, 'and then?')
    expect(alone).not.toBe(then)
    const lines = ['/undo', 'hello', '/undo', 'and then?', '/reset', 'hello', '/help', '/exit', 'hello', '']
    const { code, stdout } = await cli.feed(lines.join('\n'), 'chat', published, ...SHORT)
    expect(code).toBe(0)
    const nothing = 'There is nothing to take back.'
    expect(stdout.startsWith(`${nothing}\n${hello}\n${alone}\n${hello}\n/undo    take back`)).toBe(true)
    expect(stdout.endsWith('/exit    end (also /quit)\nCtrl-C   end the answer; at a prompt, end\n')).toBe(
      true,
    )
  })

  test('--system comes first', async () => {
    const [told] = await answers('Be brief.', 'hello')
    const [plain] = await answers(undefined, 'hello')
    const { stdout } = await cli.feed('hello\n', 'chat', published, '--system', 'Be brief.', ...SHORT)
    expect(stdout).toBe(`${told}\n`)
    expect(told).not.toBe(plain)
  })

  test('a model without a template', async () => {
    const { code, stderr } = await cli.feed('hello\n', 'chat', run, ...SHORT)
    expect(stderr).toMatch(/^error: .*no chat template\n$/)
    expect(code).toBe(1)
  })

  test('an unknown model', async () => {
    const { code, stderr } = await cli.run('chat', join(folder, 'no'), ...WASM)
    expect(stderr).toMatch(/no such model/)
    expect(code).toBe(1)
  })
})

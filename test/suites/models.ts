/** Whole models against float64 results of others. Runner-free: Node and browsers run the same checks. */
import { parseConfigText } from '../../src/checkpoints/config.ts'
import { IGNORE } from '../../src/data/batch.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { generateTokens } from '../../src/language/generator.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { placedParameters } from '../../src/models/layouts/layout.ts'
import { lossAndGradients } from '../../src/tasks/loss.ts'
import type { Model } from '../../src/models/model.ts'
import { readConfig } from '../../src/models/published.ts'
import type { States } from '../../src/nn/states.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { constantRate } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { readTestFile } from '../files.ts'
import { relativeError } from './compare.ts'
import { Fixture, readValues, type Values } from './model-fixture.ts'
import type { Check } from './check.ts'

const TOLERANCE = { logits: 1e-4, state: 1e-4, gradient: 5e-4, loss: 1e-4 } as const
const PIECES = [
  [1, 3, 7],
  [8, 3],
  [2, 9],
]

/**
 * The checkpoints: their kind of architecture, and what their fixtures have besides logits and greedy tokens.
 */
interface Has {
  readonly kind: string
  /** In the layout of state-spaces: pytorch_model.bin, one config.json, no states. */
  readonly original?: boolean
  readonly leftPad?: boolean
  readonly gradients?: boolean
  readonly training?: boolean
  /** Gradients and training have a file of their own, gradients.safetensors. */
  readonly apart?: boolean
  /**
   * All its kernels are those of other models: WebGPU's software adapter, which is slow, gets a few of the
   * checks.
   */
  readonly short?: boolean
}

export const MODELS: Readonly<Record<string, Has>> = {
  'mamba-a': { kind: 'mamba', leftPad: true, gradients: true, training: true },
  'mamba-b': { kind: 'mamba', gradients: true },
  'mamba2-g1': { kind: 'mamba2', leftPad: true, gradients: true, training: true },
  'mamba2-g3': { kind: 'mamba2', gradients: true },
  'mamba2-dtlimit': { kind: 'mamba2', leftPad: true },
  'falcon-mamba': { kind: 'falcon_mamba', leftPad: true, gradients: true },
  'original-mamba1': { kind: 'mamba', original: true },
  'original-mamba2': { kind: 'mamba2', original: true },
  'original-mamba2-groups': { kind: 'mamba2', original: true, gradients: true },
  'original-mamba2attn': { kind: 'mamba2attn', original: true },
  'jamba-dense': { kind: 'jamba', leftPad: true, gradients: true, training: true, apart: true, short: true },
}

async function open(
  name: string,
  device: AnyDevice,
  config = 'config.json',
): Promise<{ model: Model; fixture: Fixture }> {
  const folder = `test/fixtures/checkpoints/${name}`
  const { original, apart } = MODELS[name]
  const weights = original ? 'pytorch_model.bin' : 'model.safetensors'
  const files = new Map([
    ['config.json', await readTestFile(`${folder}/${config}`)],
    [weights, await readTestFile(`${folder}/${weights}`)],
  ])
  const model = await loadModel(files, { device })
  const json = parseConfigText(new TextDecoder().decode(files.get('config.json')), config)
  const places = placedParameters(model.stack, readConfig(json, config).layout)
  const inBoth = ['io', ...(apart ? ['gradients'] : [])]
  const values = await Promise.all(inBoth.map((file) => readValues(`${folder}/${file}.safetensors`)))
  return { model, fixture: new Fixture(new Map(values.flatMap((map) => [...map])), places) }
}

/** All checks of one checkpoint. */
export function modelChecks(name: string): Check[] {
  const has = MODELS[name]
  const check = (
    title: string,
    body: (model: Model, fixture: Fixture, device: AnyDevice) => Promise<void>,
  ): Check => ({
    name: `${name}: ${title}`,
    async run(device) {
      const { model, fixture } = await open(name, device)
      try {
        await body(model, fixture, device)
      } finally {
        model.dispose()
      }
    },
  })
  return [
    ...['len1', 'len7', 'len61', 'batch2', 'len300'].map((key) =>
      check(`logits of ${key}`, async (model, fixture) => {
        const { data, shape } = await model.logits(fixture.rows(`ids.${key}`))
        const positions = fixture.has(`pos.${key}`) ? fixture.get(`pos.${key}`).data : undefined
        const width = shape.at(-1)!
        const got = positions
          ? Array.from(positions).flatMap((at) => [...data.subarray(at * width, (at + 1) * width)])
          : data
        near(`logits.${key}`, got, fixture.get(`logits.${key}`).data, TOLERANCE.logits)
      }),
    ),
    ...(has.leftPad
      ? [
          check('logits of leftpad', async (model, fixture) => {
            const mask = fixture.rows('mask.leftpad')
            const { data } = await model.logits(fixture.rows('ids.leftpad'), { mask })
            near('logits.leftpad', data, fixture.get('logits.leftpad').data, TOLERANCE.logits)
          }),
        ]
      : []),
    ...(has.original
      ? []
      : [
          check('the older configuration is the same model', async (model, fixture, device) => {
            const legacy = await open(name, device, 'config.legacy.json')
            const ids = fixture.rows('ids.len7')
            const [a, b] = [await model.logits(ids), await legacy.model.logits(ids)]
            legacy.model.dispose()
            if (relativeError(a.data, b.data) !== 0) throw new Error('logits differ')
          }),
          check('states after the prompt', async (model, fixture) => {
            const prompt = fixture.rows('greedy.prompt')[0]
            await expectStates(fixture, 'state', await statesAfter(model, [prompt]))
            await expectStates(fixture, 'state_len2', await statesAfter(model, [prompt.slice(0, 2)]))
            const tokens = Array.from(fixture.get('greedy.tokens').data).slice(0, 31)
            await expectStates(
              fixture,
              'state_end',
              await statesAfter(model, [prompt, ...tokens.map((token) => [token])]),
            )
          }),
        ]),
    check('a prompt in pieces is the prompt in one', async (model, fixture) => {
      const prompt = fixture.rows('greedy.prompt')[0]
      const whole = await statesAfter(model, [prompt])
      for (const sizes of PIECES) {
        let start = 0
        const pieces = sizes.map((size) => prompt.slice(start, (start += size)))
        const pieced = await statesAfter(model, pieces)
        for (const [key, values] of whole)
          near(`${key} in pieces of ${sizes.join()}`, pieced.get(key)!, values, 1e-5)
      }
    }),
    check('greedy tokens', async (model, fixture) => {
      const want = Array.from(fixture.get('greedy.tokens').data)
      const got: number[] = []
      const options = { temperature: 0, maxTokens: want.length }
      for await (const token of generateTokens(model, fixture.rows('greedy.prompt')[0], options))
        got.push(token)
      if (got.join() !== want.join()) throw new Error(`expected ${want.join()}, got ${got.join()}`)
    }),
    check(has.gradients ? 'loss and gradients' : 'loss', async (model, fixture) => {
      const made = await lossAndGradients(model, {
        tokens: fixture.rows('ids.batch2'),
        labels: fixture.rows('loss.labels'),
      })
      expectNumber('loss', made.loss, fixture.get('loss.value').data[0], TOLERANCE.loss)
      const gradients = fixture.ofParameters('grad')
      for (const [name, want] of gradients) {
        const got = made.gradients.get(name)
        if (!got) throw new Error(`the gradient of ${name} is missing`)
        near(`gradient of ${name}`, got, want, TOLERANCE.gradient)
      }
      // The fixture in the layout of state-spaces lacks the gradient of the embeddings.
      const known = gradients.size + (has.original ? 1 : 0)
      if (has.gradients && known !== made.gradients.size)
        throw new Error('not every parameter has its gradient')
    }),
    ...(has.training
      ? [
          check('six steps of AdamW', async (model, fixture) => {
            await checkTraining(model, fixture)
          }),
        ]
      : []),
  ]
}

async function checkTraining(model: Model, fixture: Fixture): Promise<void> {
  const { shape, data: ids } = fixture.get('train.ids')
  const [steps, batch, length] = shape as [number, number, number]
  let next = 0
  const batches = {
    batch,
    length,
    carried: false,
    masked: false,
    next() {
      const tokens = Int32Array.from({ length: batch * length }, (_, i) => ids[next * batch * length + i])
      const labels = tokens.map((_, i) => ((i + 1) % length === 0 ? IGNORE : tokens[i + 1]))
      next++
      return { tokens, labels }
    },
    save: () => ({}),
    restore: () => {},
  }
  const trainer = new Trainer(model, {
    optimizer: { weightDecay: 0.05, decayAll: true },
    schedule: constantRate(2e-3),
    steps,
    maxNorm: 1,
  })
  const losses = fixture.get('train.loss').data
  for await (const { step, loss, gradientNorm } of trainer.fit(batches)) {
    expectNumber(`loss before step ${step}`, loss, losses[step - 1], TOLERANCE.loss)
    const want = fixture.get('train.grad_norm').data[step - 1]
    expectNumber(`gradient norm of step ${step}`, gradientNorm, want, 5e-4 * want)
  }
  trainer.dispose()
  const after = fixture.ofParameters('train.after')
  if (after.size === 0) throw new Error('the fixture has no parameters after training')
  for (const [name, want] of after) {
    const { tensor: weight } = model.parameters.get(name)!
    near(`${name} after training`, await weight.read(), want, TOLERANCE.gradient)
  }
  const rows = fixture.rows('train.ids').slice(0, batch)
  const { loss } = await lossAndGradients(model, { tokens: rows, labels: rows })
  expectNumber('loss afterwards', loss, losses[steps], TOLERANCE.loss)
}

/** States by `LAYER.conv` and `LAYER.ssm`, and the logits that follow, after pieces of a prompt. */
async function statesAfter(
  model: Model,
  pieces: readonly (readonly number[])[],
): Promise<Map<string, ArrayLike<number>>> {
  const capacity = pieces.reduce((sum, piece) => sum + piece.length, 0)
  let states: States = model.createStates(1, capacity)
  const past = tensor(model.device, Int32Array.of(0))
  let read = 0
  const values = new Map<string, ArrayLike<number>>()
  for (const [i, piece] of pieces.entries()) {
    const ids = model.tokens([piece])
    past.write(Int32Array.of(read))
    read += piece.length
    const before = states
    const made = scope(() => model.last(ids, { states: before, past }))
    if (i === pieces.length - 1) values.set('logits', await made.logits.read())
    made.logits.dispose()
    // Caches of attention stay as they are; other states are new.
    const kept = new Set(made.states.named.values())
    for (const tensor of before.named.values()) if (!kept.has(tensor)) tensor.dispose()
    ids.dispose()
    states = made.states
  }
  past.dispose()
  for (const [path, tensor] of states.named) values.set(path.slice('layers.'.length), await tensor.read())
  states.dispose()
  return values
}

async function expectStates(
  fixture: Fixture,
  prefix: string,
  states: ReadonlyMap<string, ArrayLike<number>>,
): Promise<void> {
  for (const key of fixture.names(`${prefix}.`)) {
    const name = key.slice(prefix.length + 1)
    near(key, states.get(name)!, inOurForm(name, fixture.get(key)), TOLERANCE.state)
  }
}

function inOurForm(name: string, { shape, data }: Values): ArrayLike<number> {
  const [, heads, length, headDim] = shape
  // The fixture keeps K inputs of the convolution, we the K - 1 that are still needed.
  if (name.endsWith('.conv')) return Array.from(data).filter((_, i) => i % shape.at(-1)! !== 0)
  if (!/\.(key|value)$/.test(name)) return data
  // Keys and values [1, heads, length, head] are [1, length, heads, head] here.
  return Array.from(data, (_, i) => {
    const [position, head] = [Math.floor(i / (heads * headDim)), Math.floor(i / headDim) % heads]
    return data[(head * length + position) * headDim + (i % headDim)]
  })
}

function near(name: string, got: ArrayLike<number>, want: ArrayLike<number>, limit: number): void {
  const error = relativeError(got, want)
  if (!(error <= limit)) throw new Error(`${name}: relative error ${error.toExponential(2)} above ${limit}`)
}

function expectNumber(name: string, got: number, want: number, limit: number): void {
  if (!(Math.abs(got - want) <= limit)) throw new Error(`${name}: expected ${want}, got ${got}`)
}

import { describe, expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import { relativeError } from '../../test/suites/compare.ts'
import { observed, recurrence, type Noted } from '../../test/suites/observed.ts'
import type { AnyDevice } from '../devices/device.ts'
import { StateError } from '../errors.ts'
import { modelConfig } from '../models/config.ts'
import { Model } from '../models/model.ts'
import { crossEntropy, fill, reshape, withGradients, zeros } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { LinearSSM } from './mixers/linear-ssm.ts'
import { Mamba1 } from './mixers/mamba1.ts'
import { Mamba2 } from './mixers/mamba2.ts'
import { walkParts, place } from './module.ts'
import { note, observe, underPath, type Observer } from './observe.ts'
import { randomNormal } from './random-normal.ts'

const [B, L, D, V] = [2, 6, 32, 61]
const ROWS = [
  [5, 17, 0, 60, 33, 2],
  [9, 9, 41, 7, 12, 58],
]

function create(device: AnyDevice): Model {
  const config = modelConfig({
    architecture: ['mamba', 'mamba2', 'transformer', 's4d'],
    width: D,
    vocabulary: V,
    stateSize: 8,
    headDim: 16,
    heads: 4,
    kvHeads: 2,
    mlp: 48,
  })
  return Model.create(config, device, 3)
}

const layer = (i: number, mixer: Record<string, number[]>): Record<string, number[]> => ({
  [`backbone.layers.${i} resid_pre`]: [B, L, D],
  [`backbone.layers.${i} normalized_input`]: [B, L, D],
  ...Object.fromEntries(
    Object.entries(mixer).map(([name, shape]) => [`backbone.layers.${i}.mixer ${name}`, shape]),
  ),
  [`backbone.layers.${i} resid_mid`]: [B, L, D],
  [`backbone.layers.${i} resid_post`]: [B, L, D],
})

/**
 * As docs/guides/observe.md has it. Inner width E 64, 4 heads of 16 numbers, state size N 8 (complex in S4D).
 */
const NOTES: Record<string, number[]> = {
  'backbone embed': [B, L, D],
  ...layer(0, {
    conv: [B, L, 64],
    ssm_input: [B, L, 64],
    delta: [B, L, 64],
    A: [64, 8],
    A_bar: [B, L, 64, 8],
    B: [B, L, 8],
    C: [B, L, 8],
    ssm_output: [B, L, 64],
    gate: [B, L, 64],
    h: [B, 64, 8],
    out_proj: [B, L, D],
  }),
  ...layer(1, {
    conv: [B, L, 64 + 2 * 8],
    ssm_input: [B, L, 64],
    delta: [B, L, 4],
    A: [4],
    A_bar: [B, L, 4],
    B: [B, L, 8],
    C: [B, L, 8],
    gate: [B, L, 64],
    ssm_output: [B, L, 64],
    h: [B, 4, 16, 8],
    out_proj: [B, L, D],
  }),
  ...layer(2, { pattern: [B, 4, L, L], out_proj: [B, L, D] }),
  ...layer(3, {
    ssm_input: [B, L, D],
    delta: [D],
    A_re: [D, 8],
    A_im: [D, 8],
    ssm_output: [B, L, D],
    h_re: [B, D, 8],
    h_im: [B, D, 8],
    gate: [B, L, D],
  }),
  'backbone norm': [B, L, D],
  logits: [B, L, V],
}

async function asynchronous(_path: string, _name: string, x: Tensor): Promise<unknown> {
  return x.read()
}

/** Rows [B, width] of position `t`, of notes with rows [B, L, …]. */
function position({ shape, data }: Noted, t: number): ArrayLike<number> {
  const [batch, length] = shape
  const width = data.length / batch / length
  return Array.from({ length: batch * width }, (_, i) => {
    const b = Math.floor(i / width)
    return data[(b * length + t) * width + (i % width)]
  })
}

testDevices(
  'observe',
  (device) => {
    test('gives each name its shape, under the path of the module, and changes nothing', async () => {
      const model = create(device())
      const ids = model.tokens(ROWS)
      const before = device().arena.usedBytes
      const notes = await observed(() => model.forward(ids))
      expect(device().arena.usedBytes).toBe(before)
      const shapes = [...notes].map(([name, noted]) => [name, noted.map(({ shape }) => shape)])
      expect(shapes).toEqual(Object.entries(NOTES).map(([name, shape]) => [name, [shape]]))

      const paths = new Set([...walkParts(model.stack)].map(({ path }) => path))
      for (const name of notes.keys()) {
        if (name !== 'logits') expect(paths).toContain(name.split(' ')[0])
      }
      const [logits] = notes.get('logits')!
      expect(logits.data).toEqual((await model.logits(ROWS)).data)
      for (const [i, next] of [1, 2, 3].entries()) {
        expect(notes.get(`backbone.layers.${i} resid_post`)).toEqual(
          notes.get(`backbone.layers.${next} resid_pre`),
        )
      }
      model.dispose()
    })

    test('of single positions what it gives of the sequence', async () => {
      const model = create(device())
      const sequence = await observed(() => model.forward(model.tokens(ROWS)))
      const states = model.createStates(B, L)
      for (let t = 0; t < L; t++) {
        const input = tensor(
          device(),
          Int32Array.from(ROWS, (row) => row[t]),
        )
        const past = tensor(device(), Int32Array.of(t, t))
        const notes = await observed(() => model.step(input, states, past))
        expect([...notes.keys()].toSorted()).toEqual([...sequence.keys()].toSorted())
        for (const [name, [one]] of notes) {
          const [all] = sequence.get(name)!
          const short = name.split(' ').at(-1)!
          if (short === 'pattern') {
            const row = (head: number): number[] =>
              Array.from({ length: L }, (_, s) => all.data[(head * L + t) * L + s])
            expect(one.shape).toEqual([B, 4, 1, L])
            expect(
              relativeError(one.data, Array.from({ length: 4 * B }, (_, i) => row(i)).flat()),
            ).toBeLessThan(1e-5)
          } else if (all.shape[1] === L) {
            if (short !== 'logits') expect(one.shape).toEqual(all.shape.with(1, 1))
            expect(relativeError(one.data, position(all, t)), `${name} at ${t}`).toBeLessThan(1e-5)
          } else if (!short.startsWith('h') || t === L - 1) {
            expect(relativeError(one.data, all.data), name).toBeLessThan(1e-5)
          }
        }
      }
      model.dispose()
    })

    test('gradients have the same bits, and what backward computes again is not noted again', async () => {
      const model = create(device())
      const [ids, one] = [model.tokens(ROWS), tensor(device(), [1])]
      const labels = tensor(device(), Int32Array.from(ROWS.toReversed().flat()))
      const parameters = [...model.parameters.values()].map((parameter) => parameter.tensor)
      const gradients = async (recompute: boolean, notes?: string[]): Promise<ArrayLike<number>[]> => {
        const run = (): Tensor[] => {
          const { gradients: map } = withGradients(
            parameters,
            () =>
              crossEntropy({ logits: reshape(model.forward(ids, { recompute }).y, [B * L, V]), labels }).loss,
            (loss) => new Map([[loss, one]]),
          )
          return parameters.map((parameter) => map.get(parameter)!)
        }
        const results = scope(() =>
          notes ? observe(run, (path, name) => void notes.push(`${path} ${name}`.trim())) : run(),
        )
        return Promise.all(results.map((gradient) => gradient.read()))
      }
      for (const recompute of [false, true]) {
        const notes: string[] = []
        expect(await gradients(recompute, notes)).toEqual(await gradients(recompute))
        expect(notes).toEqual(Object.keys(NOTES))
      }
      model.dispose()
    })

    test('the scan is that of the noted parts, across resets and from a state', async () => {
      const x = randomNormal(device(), [2, 9, 10], 4)
      const reset = tensor(
        device(),
        Int32Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7, 1, 0, 0),
        [2, 9],
      )
      const sizes = { input: 10, hidden: 12, output: 5, stateSize: 4 }
      const mixers = [
        new Mamba1(sizes),
        new Mamba1({ ...sizes, innerNorm: { eps: 1e-5, weights: true } }),
        new Mamba2({ ...sizes, headDim: 3, groups: 2, deltaLimit: [0.003, 0.006] }),
      ]
      for (const mixer of mixers) {
        place(mixer, device(), { seed: 2 })
        const state = mixer.createState(2)
        fill(state.ssm, 0.5)
        const notes = await observed(() => mixer.sequence(x, { state, reset }))
        const parts = Object.fromEntries([...notes].map(([name, [noted]]) => [name, noted]))
        const want = recurrence(parts, await mixer.D.tensor.read(), 0.5)
        expect(relativeError(parts.ssm_output.data, want.y)).toBeLessThan(1e-6)
        expect(relativeError(parts.h.data, want.h)).toBeLessThan(1e-6)
        expect(relativeError(parts.A_bar.data, want.decays)).toBeLessThan(1e-6)
      }
      const deltas = await observed(() => mixers[2].sequence(x), { names: ['delta'] })
      const [delta] = deltas.get('delta')!
      expect([Math.min(...Array.from(delta.data)), Math.max(...Array.from(delta.data))]).toEqual([
        expect.closeTo(0.003, 7),
        expect.closeTo(0.006, 7),
      ])
    })

    test('a module in two places has two paths', async () => {
      const shared = place(new LinearSSM({ input: 4, hidden: 3, output: 4 }), device())
      const x = randomNormal(device(), [1, 5, 4])
      const notes = await observed(() => {
        const { y } = underPath('layers.0', () => underPath('mixer', () => shared.sequence(x)))
        underPath('layers.6', () => underPath('mixer', () => shared.sequence(y)))
      })
      expect(notes.get('layers.6.mixer ssm_input')).toEqual(notes.get('layers.0.mixer ssm_output'))
      expect(notes.size).toBe(6)
    })

    describe('is refused', () => {
      test('with a body or an observer that is asynchronous', () => {
        expect(() =>
          observe(
            () => Promise.resolve(),
            () => undefined,
          ),
        ).toThrow(StateError)
        const x = zeros(device(), [1])
        expect(() => observe(() => note('x', x), asynchronous as Observer)).toThrow(
          /x\] the observer must not be async/,
        )
      })

      test('while a device records; and what is replayed is not noted', () => {
        const x = zeros(device(), [1])
        const seen: string[] = []
        const observer = (_path: string, name: string): void => void seen.push(name)
        const body = (): void => {
          fill(x, 1)
          note('x', () => {
            throw new Error('computed in a recording')
          })
        }
        expect(() => device().record(() => observe(body, observer))).toThrow(StateError)
        expect(() => observe(() => device().record(body), observer)).toThrow(
          /\[observe: x\] what a device records/,
        )
        const list = device().record(body)
        observe(() => device().replay(list), observer)
        expect(seen).toEqual([])
      })
    })
  },
  ['reference', 'wasm'],
)

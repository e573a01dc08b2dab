/** Numbers that no model can have, in configurations of each layout. */
import { expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { ConfigError } from '../errors.ts'
import { cosine } from '../train/schedule.ts'
import { adamW } from '../train/adamw.ts'
import { readConfig } from './published.ts'

const configOf = async (name: string): Promise<Record<string, unknown>> =>
  JSON.parse(
    new TextDecoder().decode(await readTestFile(`test/fixtures/checkpoints/${name}/config.json`)),
  ) as Record<string, unknown>

const RATES = [0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 1e-300]
const WRONG: [string, string, readonly unknown[]][] = [
  ['mamba-a', 'layer_norm_epsilon', RATES],
  ['falcon-mamba', 'mixer_rms_eps', RATES],
  ['jamba-dense', 'rms_norm_eps', RATES],
  ['mamba-a', 'hidden_size', [0, -1, 2.5, 1e308, 2 ** 25]],
  ['mamba-a', 'state_size', [0, 2.5, 2 ** 30]],
  ['mamba-a', 'time_step_rank', [0, -1]],
  ['mamba-a', 'num_hidden_layers', [0, 1e9]],
  [
    'mamba2-dtlimit',
    'time_step_limit',
    [
      [1, 0],
      [-1, 1],
      [0, Number.NaN],
      [1e308, 1],
      [Infinity, Infinity],
    ],
  ],
]

test.each(WRONG)('%s: %s', async (name, key, values) => {
  const json = await configOf(name)
  const read = (config: object): unknown => readConfig({ ...json, ...config }, 'config.json', () => {})
  read({})
  for (const value of values)
    expect(() => read({ [key]: value }), `${key} ${String(value)}`).toThrow(ConfigError)
})

test('the base of rotary positions', async () => {
  const json = await configOf('original-mamba2attn')
  for (const value of RATES) {
    const attention = { ...(json['attn_cfg'] as object), rotary_emb_base: value }
    expect(() => readConfig({ ...json, attn_cfg: attention }, 'config.json', () => {}), `${value}`).toThrow(
      ConfigError,
    )
  }
})

test('rates and constants of training', () => {
  for (const peak of RATES.filter((rate) => rate !== 1e-300))
    expect(() => cosine({ peak })).toThrow(ConfigError)
  for (const beta of [1, 1.5, -0.1, Number.NaN]) {
    expect(() => adamW({ beta1: beta })).toThrow(ConfigError)
    expect(() => adamW({ beta2: beta })).toThrow(ConfigError)
  }
  for (const eps of [0, -1, Number.NaN]) expect(() => adamW({ eps })).toThrow(ConfigError)
  for (const weightDecay of [-1, Number.NaN, Infinity])
    expect(() => adamW({ weightDecay })).toThrow(ConfigError)
})

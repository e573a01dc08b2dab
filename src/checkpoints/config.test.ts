import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { ConfigError } from '../errors.ts'
import { parseConfigText } from './config.ts'

describe('config.json as it is published', () => {
  test('JSON means what JSON.parse says', () => {
    const text =
      '\n{"a": [1, -2.5e-3, 0, true, false, null, "x\\n\\u00e9\\ud83d\\ude00\\/"], "b": {"c": {}, "d": []}}\t'
    expect(parseConfigText(text)).toEqual(JSON.parse(text))
  })

  test('numbers that JSON lacks, in either spelling', () => {
    const text =
      '{"bare": [0.0, Infinity, -Infinity, NaN], "new": [{"__float__": "Infinity"}, {"__float__": "-Infinity"}]}'
    expect(parseConfigText(text)).toEqual({
      bare: [0, Infinity, -Infinity, Number.NaN],
      new: [Infinity, -Infinity],
    })
  })

  test('an object that only looks like a number stays an object', () => {
    expect(parseConfigText('{"a": {"__float__": "Infinity", "b": 1}}')).toEqual({
      a: { __float__: 'Infinity', b: 1 },
    })
  })

  test('a byte order mark', () => {
    expect(parseConfigText('\uFEFF{"a": 1}')).toEqual({ a: 1 })
  })

  test('__proto__ is a key like any other', () => {
    const config = parseConfigText('{"__proto__": {"hidden_size": 1}, "constructor": 2}')
    expect(config['hidden_size']).toBeUndefined()
    expect(Object.keys(config)).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>)['hidden_size']).toBeUndefined()
  })

  test.each(['mamba-a', 'mamba-b', 'mamba2-g1', 'mamba2-g3', 'mamba2-dtlimit'])(
    '%s: both spellings',
    async (name) => {
      for (const file of ['config.json', 'config.legacy.json']) {
        const bytes = await readTestFile(`test/fixtures/checkpoints/${name}/${file}`)
        const config = parseConfigText(new TextDecoder().decode(bytes), file)
        const limit = config['time_step_limit']
        if (limit !== undefined) expect(limit).toEqual([expect.any(Number), expect.any(Number)])
        expect(config['hidden_size']).toBeGreaterThan(0)
      }
    },
  )
})

describe('what is wrong, and where', () => {
  test.each([
    ['', /ends early at line 1, column 1/],
    ['{"a": 1,\n "b": }', /not JSON at line 2, column 7/],
    ['{"a": 1,}', /expected " at line 1, column 9/],
    ['{"a" 1}', /expected : at line 1, column 6/],
    ['{"a": 1', /ends early at line 1, column 8/],
    ['{"a": "x', /ends in a string/],
    ['{"a": "\n"}', /control character/],
    ['{"a": "\\x"}', /bad escape/],
    ['{"a": "\\u12"}', /bad escape/],
    ['{"a": 01}', /expected \}/],
    ['{"a": 1} x', /after the end/],
    ["{'a': 1}", /expected "/],
    ['{"a": {"__float__": "1e999"}}', /unknown __float__ at line 1, column 7/],
    ['[1]', /not a JSON object.*an array/],
    ['null', /null/],
    ['NaN', /a number/],
    [`{"a": ${'['.repeat(200)}`, /nested deeper than 128/],
  ])('%j', (text, message) => {
    const parse = (): unknown => parseConfigText(text, 'model/config.json')
    expect(parse).toThrow(ConfigError)
    expect(parse).toThrow(message)
    expect(parse).toThrow(/\[model\/config\.json\]/)
  })
})

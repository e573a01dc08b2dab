import { describe as suite, expect, test } from 'vitest'
import { bytesOf, check, countFrom, flag, idsOf, needed, optionsOf, text, whole } from './check.ts'
import { ConfigError, describe } from './errors.ts'
import { Random } from './tensor/random.ts'

interface Options {
  readonly maxTokens?: number
  readonly name: string
  readonly quiet?: boolean
}

const read = optionsOf<Options>({ maxTokens: countFrom(0), name: needed(text), quiet: flag })
const broken = (): never => {
  throw new RangeError('no')
}
const revoked = Proxy.revocable({}, {})
revoked.revoke()
const circle: Record<string, unknown> = {}
circle['itself'] = circle

suite('options', () => {
  test('those that were set, once each', () => {
    let reads = 0
    const given = {
      name: 'x',
      quiet: undefined,
      get maxTokens() {
        return reads++
      },
    }
    expect(read(given, 'make')).toEqual({ name: 'x', maxTokens: 0 })
    expect(Object.keys(read(given, 'make'))).toEqual(['maxTokens', 'name'])
    expect(read(Object.create({ name: 'inherited' }), 'make')).toEqual({ name: 'inherited' })
  })

  /** The runner could not show all of these in the name of a test. */
  const refused: readonly (readonly [options: unknown, message: RegExp])[] = [
    [undefined, /\[make: name\] wrong value; expected a text, found undefined/],
    [null, /\[make\] not options; expected an object with maxTokens, name, quiet, found null/],
    ['x', /not options/],
    [() => 1, /not options.*a function/],
    [['x'], /not options/],
    [new Map(), /not options.*a Map/],
    [Uint32Array.of(1), /not options.*Uint32Array\(1\)/],
    [Promise.resolve(), /not options.*a Promise/],
    [revoked.proxy, /not options/],
    [{ name: 'x', max_tokens: 1 }, /\[make: max_tokens\] unknown option\. Did you mean maxTokens\?/],
    [{ name: 'x', Name: 1 }, /\[make: Name\] unknown option\. Did you mean name\?/],
    [{ name: 'x', maxToken: 1 }, /Did you mean maxTokens\?/],
    [{ name: 'x', dropout: 0.1 }, /\[make: dropout\] unknown option\. There is maxTokens, name, quiet/],
    [{ name: 'x', maxTokens: -1 }, /\[make: maxTokens\] wrong value; expected .*, found -1/],
    [{ name: 'x', maxTokens: 1n }, /found 1n/],
    [{ name: 'x', maxTokens: '1' }, /found "1"/],
    [{ name: 'x', maxTokens: Number.NaN }, /found NaN/],
    [{ name: 'x', maxTokens: null }, /found null/],
    [{ name: Symbol('y') }, /found Symbol\(y\)/],
    [{ name: circle }, /found an object/],
    [{ name: revoked.proxy }, /the value cannot be read/],
    [{ get name() { return broken() } }, /\[make\] the value cannot be read; found no/], // prettier-ignore
    [new Proxy({}, { ownKeys: broken }), /the value cannot be read/],
  ]

  test('what is none is refused', () => {
    for (const [options, message] of refused) {
      expect(() => read(options, 'make')).toThrow(message)
      expect(() => read(options, 'make')).toThrow(ConfigError)
    }
  })
})

test('tokens are lists and arrays of any width', () => {
  for (const ids of [[1, 2], Uint8Array.of(1, 2), Int32Array.of(1, 2), BigInt64Array.of(1n, 2n)]) {
    expect(idsOf(ids, 'append')).toEqual([1, 2])
  }
  const moved = Uint32Array.of(1)
  structuredClone(moved, { transfer: [moved.buffer] })
  const wrong = [null, undefined, 5, '12', {}, new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), moved]
  // Engines before 2024 do not say that memory was given away.
  for (const each of 'detached' in ArrayBuffer.prototype ? wrong : wrong.slice(0, -1)) {
    expect(() => idsOf(each, 'append')).toThrow(ConfigError)
  }
})

test('bytes are arrays, buffers and blobs', async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4)
  const shared = new SharedArrayBuffer(4)
  new Uint8Array(shared).set(bytes)
  for (const each of [bytes, bytes.buffer, new DataView(bytes.buffer), new Blob([bytes]), shared]) {
    expect(await bytesOf(each, 'restore')).toEqual(bytes)
  }
  for (const each of [null, 'x', [1, 2], {}, 5]) {
    await expect(bytesOf(each, 'restore')).rejects.toThrow(/^\[restore\] not bytes/)
  }
})

test('whatever a value is, an error can show it', () => {
  const values = [
    null,
    circle,
    revoked.proxy,
    new Proxy({}, { get: broken, getOwnPropertyDescriptor: broken }),
  ]
  for (const value of [...values, Object.create(null), { toJSON: broken }, [circle, [1]], Symbol('s'), 1n]) {
    expect(describe(value)).toMatch(/^[ -~…]{1,300}$/)
    expect(() => check(value, whole(0, 1), 'x')).toThrow(ConfigError)
  }
})

const stateOf = (seed: number): string => new Random(seed).state.join()

suite('seeds', () => {
  test('those below 2^32 give the numbers that they always gave', () => {
    expect(new Random(0).state).toEqual([1684164658, -641697380, -1355403760, 2141751570])
    expect(new Random(2 ** 32 - 1).bits()).toBe(4104197751)
  })

  test('every whole number has numbers of its own', () => {
    const edges = [0, 1, 5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 33 + 5, 2 ** 52 + 5]
    const seeds = [...edges, ...edges.slice(1).map((seed) => -seed), Number.MAX_SAFE_INTEGER]
    expect(new Set(seeds.map(stateOf)).size).toBe(seeds.length)
    const firsts = seeds.map((seed) => new Random(seed).uniform())
    expect(new Set(firsts).size).toBe(seeds.length)
  })

  test.each([2.5, Number.NaN, 2 ** 53, Infinity, '5', null, undefined, 1n])('%s is none', (seed) => {
    expect(() => new Random(seed as number)).toThrow(/^\[seed\] not a seed/)
  })
})

import { describe, expect, test } from 'vitest'
import { joinParts, PICKLE, pickleTensor, zipParts } from '../../../test/suites/pytorch-writer.ts'
import { CheckpointError } from '../../errors.ts'
import { readPytorch } from './index.ts'

const { emptyDict, emptyTuple, global, mark, none, reduce, setItems, start, stop, text, tuple } = PICKLE
const APPEND = [0x61]
const APPENDS = [0x65]
const BUILD = [0x62]
const EMPTY_LIST = [0x5d]
const MEMOIZE = [0x94]
const TUPLE1 = [0x85]
const orderedDict = global('collections', 'OrderedDict')

/** A tensor of 4 elements in storage 0, which has 16. */
const small = pickleTensor('FloatStorage', '0', 16, { shape: [4], strides: [1] })

const dict = (...pairs: (readonly [readonly number[], readonly number[]])[]): number[] =>
  [emptyDict, mark, ...pairs.flat(), setItems].flat()

/** An archive with this pickle, and 64 bytes as storage 0. */
const archive = (...opcodes: (readonly number[])[]): Uint8Array =>
  joinParts(
    zipParts([
      ['a/data.pkl', Uint8Array.from(opcodes.flat())],
      ['a/data/0', new Uint8Array(new Float32Array(16).map((_, i) => i).buffer)],
    ]),
  )

const read = (...opcodes: (readonly number[])[]): ReturnType<typeof readPytorch> =>
  readPytorch(archive(start, ...opcodes, stop), 'f')

async function refusal(...opcodes: (readonly number[])[]): Promise<string> {
  const error = await read(...opcodes).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CheckpointError)
  return (error as Error).message
}

describe('dictionaries', () => {
  test('names are in the order of the dict; other values are passed over', async () => {
    const others: (readonly [readonly number[], readonly number[]])[] = [
      [text('note'), text('words')],
      [[0x4b, 7], none],
      [text('list'), [EMPTY_LIST, none, APPEND].flat()],
      [text('dtype'), global('torch', 'bfloat16')],
      [text('size'), [global('torch', 'Size'), [0x4b, 3], TUPLE1, TUPLE1, reduce].flat()],
      [text('bytes'), [0x43, 2, 0x2e, 0x2e]],
      [text('number'), [0x47, 0, 0, 0, 0, 0, 0, 0, 0]],
      [text('large'), [0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
      [text('old'), [0x4c, 0x31, 0x32, 0x4c, 0x0a]],
    ]
    const found = await read(dict([text('z'), small], ...others, [text('a'), small]))
    expect([...found.keys()]).toEqual(['z', 'a'])
    expect(await found.get('z')!.read()).toEqual(Float32Array.of(0, 1, 2, 3))
  })

  test('names that objects have are names like any other', async () => {
    const names = ['__proto__', 'constructor', 'toString', '']
    const found = await read(dict(...names.map((name) => [text(name), small] as const)))
    expect([...found.keys()]).toEqual(names)
    expect({}).not.toHaveProperty('shape')
  })

  test('an OrderedDict with attributes', async () => {
    const attributes = dict([text('_metadata'), emptyDict], [text('__proto__'), emptyDict])
    const items = [mark, text('w'), small, setItems].flat()
    expect((await read(orderedDict, emptyTuple, reduce, items, attributes, BUILD)).size).toBe(1)
  })

  test('an OrderedDict as Python 2 wrote it', async () => {
    const pair = [EMPTY_LIST, mark, [0x55, 1, 0x77], small, APPENDS].flat()
    const found = await read(orderedDict, EMPTY_LIST, pair, APPEND, TUPLE1, reduce)
    expect([...found.keys()]).toEqual(['w'])
  })

  test.each(['state_dict', 'model'])('the only dict of tensors, under %s', async (name) => {
    const found = await read(dict([text('epoch'), [0x4b, 3]], [text(name), dict([text('w'), small])]))
    expect([...found.keys()]).toEqual(['w'])
  })

  test.each([
    [
      'two dicts of tensors',
      dict([text('model'), dict([text('w'), small])], [text('ema'), dict([text('w'), small])]),
    ],
    ['a dict of tensors under another name', dict([text('weights'), dict([text('w'), small])])],
    ['a tensor', small],
    ['a list of tensors', [EMPTY_LIST, small, APPEND].flat()],
    ['a name that is no text', dict([[0x4b, 1], small])],
    ['no tensors', dict([text('w'), none])],
    ['nothing', emptyDict],
  ])('refused: %s', async (_, opcodes) => {
    expect(await refusal(opcodes)).toMatch(/^\[f\] .*tensor/)
  })
})

describe('what no state dict needs is refused by name', () => {
  test.each([
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['torch', 'load'],
    ['torch._utils', '_rebuild_tensor_v3'],
    ['collections', 'OrderedDict.fromkeys'],
    ['torch', 'toString'],
    ['__proto__', 'constructor'],
  ])('%s.%s', async (module, name) => {
    expect(await refusal(global(module, name))).toContain(`[f: pickle, byte`)
    expect(await refusal(global(module, name))).toContain(`found ${module}.${name}`)
    expect(await refusal(text(module), text(name), [0x93])).toContain(`found ${module}.${name}`)
    const inst = [0x28, 0x69, ...new TextEncoder().encode(`${module}\n${name}\n`)]
    expect(await refusal(inst)).toContain(`found ${module}.${name}`)
  })

  test.each([
    [0x30, 'POP'],
    [0x50, 'PERSID'],
    [0x6f, 'OBJ'],
    [0x81, 'NEWOBJ'],
    [0x82, 'EXT1'],
    [0x83, 'EXT2'],
    [0x84, 'EXT4'],
    [0x92, 'NEWOBJ_EX'],
    [0x97, 'NEXT_BUFFER'],
    [0xff, '0xff'],
  ])('opcode %i: %s', async (opcode, name) => {
    expect(await refusal(orderedDict, emptyTuple, [opcode])).toMatch(
      new RegExp(`unexpected opcode.*${name}$`),
    )
  })

  const call = (module: string, name: string, ...args: number[][]): number[] =>
    [global(module, name), mark, ...args, tuple, reduce].flat()

  test.each([
    ['a call of text', [text('os.system'), emptyTuple, reduce].flat()],
    ['a call of a class of storages', call('torch', 'FloatStorage')],
    ['a call of a dtype', call('torch', 'float32')],
    ['a call of a tensor', [small, emptyTuple, reduce].flat()],
    ['arguments that are no tuple', [orderedDict, EMPTY_LIST, reduce].flat()],
    ['a tensor of no storage', call('torch._utils', '_rebuild_tensor', [...none], [0x4b, 0])],
    ['a parameter of no tensor', call('torch._utils', '_rebuild_parameter', text('w'))],
    ['a size of no tuple', call('torch', 'Size', text('w'))],
    ['an OrderedDict of text', call('collections', 'OrderedDict', text('w'))],
    [
      'an OrderedDict of what are no pairs',
      call('collections', 'OrderedDict', [...EMPTY_LIST, ...none, ...APPEND]),
    ],
    ['attributes of a list', [EMPTY_LIST, emptyDict, BUILD].flat()],
    ['an item of a tuple', [emptyTuple, none, APPEND].flat()],
    ['an item of an OrderedDict class', [orderedDict, none, none, [0x73]].flat()],
    ['a key without a value', [emptyDict, mark, none, setItems].flat()],
    ['a persistent id that is text', [text('storage'), [0x51]].flat()],
    ['a persistent id of another kind', [mark, text('module'), tuple, [0x51]].flat()],
    ['protocol 6', [0x80, 6]],
    ['text that is not UTF-8', [0x58, 1, 0, 0, 0, 0xff]],
    ['a mark that is missing', [...tuple]],
    ['an empty stack', [...reduce]],
    ['values below a mark', [orderedDict, emptyTuple, mark, reduce].flat()],
    ['a memo that is empty', [0x68, 0]],
    ['an integer that is no integer', [0x49, 0x78, 0x0a]],
  ])('%s', async (_, opcodes) => {
    expect(await refusal(opcodes)).toMatch(/^\[f: pickle, byte \d+\]/)
  })

  test('metadata that change the values of a tensor', async () => {
    const negative = small.toSpliced(-2, 2, ...dict([text('neg'), [0x88]]), ...tuple, ...reduce)
    expect(await refusal(dict([text('w'), negative]))).toContain('conjugate or negative view')
  })

  test('one storage under two types', async () => {
    const other = pickleTensor('HalfStorage', '0', 32, { shape: [4], strides: [1] })
    expect(await refusal(dict([text('a'), small], [text('b'), other]))).toMatch(
      /storage 0 is described twice; expected 16 of F32, found 32 of F16/,
    )
  })

  test('bytes after the end, and nothing at all', async () => {
    await expect(readPytorch(archive(start, dict([text('w'), small]), stop, stop), 'f')).rejects.toThrow(
      /bytes after the end of the pickle/,
    )
    await expect(readPytorch(archive(), 'f')).rejects.toThrow(/the pickle ends early/)
  })
})

describe('hostile pickles of a megabyte end soon', () => {
  const LENGTH = 1e6
  const times = (opcodes: readonly number[], length = LENGTH): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => opcodes[i % opcodes.length])

  test.each([
    ['dicts', [], emptyDict, 'on the stack|more values'],
    ['dicts in a list', EMPTY_LIST, [...emptyDict, ...APPEND], 'more values'],
    ['lists in lists', EMPTY_LIST, [...EMPTY_LIST, ...none, ...APPEND, ...APPEND], 'more values'],
    ['tuples in tuples', none, TUPLE1, 'more values'],
    ['marks', [], mark, 'marks'],
    ['values', [], none, 'on the stack'],
    ['memos', none, MEMOIZE, 'ends early'],
    ['a memo index of 4 bytes', none, [0x72, 255, 255, 255, 255], 'more values'],
    ['a line', [0x63], [0x61], 'line of more than'],
    ['text of 4 GiB', [], [0x58, 255, 255, 255, 255], 'ends early'],
    ['text of 16 EiB', [], [0x8d, 255, 255, 255, 255, 255, 255, 255, 255], 'ends early'],
    ['bytes of 16 EiB', [], [0x8e, 255, 255, 255, 255, 255, 255, 255, 255], 'ends early'],
    ['an integer of 4 GiB', [], [0x8b, 255, 255, 255, 255], 'too many bytes'],
    ['integers of 255 bytes', EMPTY_LIST, [0x8a, 255, ...times([0x7f], 255), ...APPEND], 'ends early'],
    ['globals', EMPTY_LIST, [...orderedDict, ...APPEND], 'ends early'],
  ])('%s', async (_, first, opcodes, message) => {
    const bytes = archive(first, [...times(opcodes)])
    const began = performance.now()
    await expect(readPytorch(bytes, 'f')).rejects.toThrow(
      new RegExp(`^\\[f: pickle, byte \\d+\\].*(${message})`),
    )
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('a list of pairs that becomes a dictionary again and again', async () => {
    const make = [0x68, 0, 0x68, 1, ...TUPLE1, ...reduce]
    const pairs = times([...none, ...none, 0x86], 3e5)
    const bytes = archive(orderedDict, MEMOIZE, EMPTY_LIST, MEMOIZE, mark, [...pairs], APPENDS, [
      ...times(make, 6e5),
    ])
    await expect(readPytorch(bytes, 'f')).rejects.toThrow(/more values/)
  })

  test('one dictionary under many keys', async () => {
    const many = Array.from({ length: 6e4 }, (_, i) => PICKLE.count(i))
    const inner = [emptyDict, MEMOIZE, mark, many.flatMap((each) => [...each, ...none]), setItems].flat()
    const outer = many.flatMap((each) => [...each, 0x68, 0])
    const began = performance.now()
    expect(await refusal(emptyDict, mark, none, inner, outer, setItems)).toContain('holds no tensors')
    expect(performance.now() - began).toBeLessThan(3000)
  })
})

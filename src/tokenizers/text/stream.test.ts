import { describe, expect, test } from 'vitest'
import { byteTokenizer } from './bytes.ts'
import { openTokenizer } from '../definition/hugging-face.ts'
import type { Tokenizer } from '../tokenizer.ts'

/** What each of the ids gives, and what is left. */
function piecesOf(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const stream = tokenizer.stream()
  return [...ids.map((id) => stream.push(id)), stream.finish()]
}

describe('bytes', () => {
  test.each<[hex: string, pieces: string[]]>([
    ['61 62', ['a', 'b', '']],
    ['f0 9f 98 80 62', ['', '', '', '😀', 'b', '']],
    // What cannot be a character any more comes out with the byte that shows it.
    ['ff 61', ['�', 'a', '']],
    ['e6 61', ['', '�a', '']],
    ['e6 97 61', ['', '', '�a', '']],
    ['e6 97 e6 97 a5', ['', '', '�', '', '日', '']],
    ['80 e0 80', ['�', '', '��', '']],
    ['ed a0 80', ['', '��', '�', '']],
    ['f4 90', ['', '��', '']],
    ['c0 af', ['�', '�', '']],
    ['ef bb bf 61', ['', '', '\uFEFF', 'a', '']],
    ['e6 97', ['', '', '�']],
  ])('%s', (hex, pieces) => {
    const bytes = hex.split(' ').map((digits) => Number.parseInt(digits, 16))
    expect(piecesOf(byteTokenizer, bytes)).toEqual(pieces)
    expect(byteTokenizer.decode(bytes)).toBe(pieces.join(''))
    expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))).toBe(pieces.join(''))
  })

  test('ids that are no bytes have no text, and are not pending', () => {
    const stream = byteTokenizer.stream()
    expect([0xe6, 256, -1, 0.5, 0x97].map((id) => stream.push(id)).join('')).toBe('')
    expect(stream.pending).toEqual([0xe6, 0x97])
    expect(stream.push(0xa5)).toBe('日')
    expect(stream.pending).toEqual([])
  })

  test('any text goes there and back; lone surrogates become U+FFFD', () => {
    expect(byteTokenizer.decode(byteTokenizer.encode('a日😀\0\uFEFF'))).toBe('a日😀\0\uFEFF')
    expect(byteTokenizer.decode(byteTokenizer.encode('a\uD83Db\uDE00'))).toBe('a�b�')
    expect(() => byteTokenizer.chat([])).toThrow(/no chat template/)
  })
})

const open = (decoder: unknown, tokens: readonly string[]): Promise<Tokenizer> =>
  openTokenizer(
    JSON.stringify({
      decoder,
      model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((each, id) => [each, id])), merges: [] },
    }),
  )

const sentencePiece = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ],
}

describe('sentencepiece', () => {
  const tokens = ['▁a', '<0xE6>', '<0x97>', '<0xA5>', '<0xFF>', '<0xEF>', '<0xBB>', '<0xBF>', '▁']

  test('a run of bytes is its text, or nothing but U+FFFD: it comes when that is certain', async () => {
    const tokenizer = await open(sentencePiece, tokens)
    expect(piecesOf(tokenizer, [0, 1, 2, 3, 0])).toEqual(['a', '', '', '', '日 a', ''])
    expect(piecesOf(tokenizer, [1, 2, 3, 4, 1, 0])).toEqual(['', '', '', '����', '�', ' a', ''])
    expect(piecesOf(tokenizer, [1, 2])).toEqual(['', '', '��'])
    expect(piecesOf(tokenizer, [5, 6, 7, 0])).toEqual(['', '', '', '\uFEFF a', ''])
    expect(piecesOf(tokenizer, [8, 8, 0])).toEqual(['', ' ', ' a', ''])
  })

  test('pending: past the beginning, whole while it may turn out, short once it is broken', async () => {
    const stream = (await open(sentencePiece, tokens)).stream()
    const pending: number[][] = []
    for (const id of [0, 0, 1, 2, 3, 1, 4, 1, 2, 3, 0]) {
      stream.push(id)
      pending.push([...stream.pending])
    }
    expect(pending.slice(0, 6)).toEqual([[0], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 1]])
    expect(pending.slice(6)).toEqual([[0, 1, 4], [0, 1, 4], [0, 1, 4], [0, 1, 4], [0]])
  })

  test('a long broken run is not kept', async () => {
    const stream = (await open(sentencePiece, tokens)).stream()
    stream.push(4)
    for (let i = 0; i < 10_000; i++) expect(stream.push(1)).toBe('�')
    expect(stream.pending.length).toBeLessThan(3)
  })
})

describe('other decoders', () => {
  const tokens = ['▁▁a▁', 'b', '▁c', '<0x41>', 'Ã', '©', 'é x']

  test.each<[decoder: unknown, text: string]>([
    // Expected texts are from tokenizers 0.23.2.
    [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }, 'ab c<0x41>Ã©é x'],
    [{ type: 'Metaspace', replacement: '▁', add_prefix_space: false }, '  a b c<0x41>Ã©é x'],
    [{ type: 'Fuse' }, '▁▁a▁b▁c<0x41>Ã©é x'],
    [{ type: 'ByteFallback' }, '▁▁a▁b▁cAÃ©é x'],
    [{ type: 'ByteLevel' }, '▁▁a▁b▁c<0x41>éé x'],
    [null, '▁▁a▁ b ▁c <0x41> Ã © é x'],
    [{ type: 'Strip', content: '▁', start: 1, stop: 1 }, '▁abc<0x41>Ã©é x'],
  ])('%j', async (decoder, text) => {
    const tokenizer = await open(decoder, tokens)
    const ids = tokens.map((_, id) => id)
    expect(tokenizer.decode(ids)).toBe(text)
    for (let cut = 0; cut < ids.length; cut++) {
      const [stream, again] = [tokenizer.stream(), tokenizer.stream()]
      let head = ''
      for (const id of ids.slice(0, cut)) head += stream.push(id)
      for (const id of stream.pending) again.push(id)
      const tail = ids.slice(cut).map((id) => again.push(id))
      expect(head + tail.join('') + again.finish()).toBe(text)
    }
  })

  test.each<[decoder: unknown, message: RegExp]>([
    [{ type: 'CTC' }, /\[tokenizer\.json: decoder\] this decoder is not read.*CTC/],
    [
      { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'ByteLevel' }] },
      /decoder\.decoders\.1.*where it stands/,
    ],
    [
      { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'Strip', content: 'a', start: 0, stop: 1 }] },
      /at the end/,
    ],
    [{ type: 'Strip', content: 'ab', start: 1, stop: 0 }, /decoder\.content/],
    [{ type: 'Sequence', decoders: Array.from({ length: 40 }, () => ({ type: 'Fuse' })) }, /too many steps/],
  ])('%j is refused', async (decoder, message) => {
    await expect(open(decoder, tokens)).rejects.toThrow(message)
  })
})

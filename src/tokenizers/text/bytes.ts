/** Bytes as tokens: nothing to load, nothing to learn. */
import { check, idsOf, text } from '../../check.ts'
import { ConfigError } from '../../errors.ts'
import { textOf, TokenStream, type TextPipe } from './stream.ts'
import {
  readEncode,
  readSpecial,
  type SpecialOptions,
  type TextStream,
  type Tokenizer,
} from '../tokenizer.ts'
import { utf8Bytes, Utf8Text } from './utf8.ts'

/** Ids are the bytes of UTF-8. Ids beyond 255, which a model with more outputs may give, have no text. */
export const byteTokenizer: Tokenizer = {
  name: 'bytes',
  size: 256,
  begin: undefined,
  end: [],
  pad: undefined,
  files: new Map(),
  encode(given, options) {
    readEncode(options, 'encode')
    return [...utf8Bytes(check(given, text, 'encode: text'))]
  },
  decode: (ids, options) => textOf(idsOf(ids, 'decode'), openStream(options)),
  stream: openStream,
  chat() {
    throw new ConfigError('a tokenizer of bytes has no chat template', { where: 'bytes' })
  },
}

/** Bytes, where a model takes as many tokens as there are bytes and has no other tokenizer. */
export const bytesIfSo = (input: object): Tokenizer | undefined =>
  'vocabulary' in input && input.vocabulary === byteTokenizer.size ? byteTokenizer : undefined

function openStream(options?: SpecialOptions): TextStream {
  readSpecial(options, 'stream')
  return new TokenStream((id) => (Number.isInteger(id) && id >= 0 && id < 256 ? id : undefined), bytePipe())
}

function bytePipe(): TextPipe<number> {
  const pending = new Utf8Text()
  return {
    push: (byte) => pending.push([byte]),
    finish: () => pending.finish(),
    get holds() {
      return pending.held
    },
    unchanged: false,
    settled: true,
  }
}

/** What a language model needs of a tokenizer: text to token ids and back, whole or as it comes. */
import { flag, optionsOf, whole, type TokenIds } from '../check.ts'
import type { TypedGgufValue } from '../checkpoints/gguf/index.ts'

/** Text to token ids and back. Models of bytes have one too: an id is a byte of UTF-8. */
export interface Tokenizer {
  /**
   * Bytes, or the kind and hash of the file it is from: states that hold pending text say which one they
   * belong to.
   */
  readonly name: string
  /** One more than the largest id there is. */
  readonly size: number
  /** Token that texts begin with in training, if there is one. */
  readonly begin: number | undefined
  /** Tokens that end a text. */
  readonly end: readonly number[]
  /** Token that fills up shorter rows of a batch, if there is one. */
  readonly pad: number | undefined
  /**
   * What says the same in a folder of transformers: text by file name, tokenizer.json first. None for bytes.
   */
  readonly files: ReadonlyMap<string, string>
  /** Of a tokenizer from a GGUF file, the keys that it is from. */
  readonly gguf?: ReadonlyMap<string, TypedGgufValue>
  /**
   * Text to ids. `special` (default false) adds the tokens that the tokenizer puts around a text (often
   * `begin`). Special tokens spelled out in the text become their ids, as in transformers. `after` is the
   * token that the text goes on from: where it belongs to a text, no space is put before this one.
   */
  encode(text: string, options?: EncodeOptions): number[]
  /**
   * Ids to text; bytes that are no UTF-8 become U+FFFD, and ids without a token have no text. `special`
   * (default false) keeps special tokens.
   */
  decode(ids: TokenIds, options?: SpecialOptions): string
  /** A decoder for tokens that come one by one. */
  stream(options?: SpecialOptions): TextStream
  /**
   * Messages as the prompt that a chat model was trained with.
   *
   * @throws ConfigError if there is no template (of that name), or it fails, or it refuses the messages
   */
  chat(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string
}

/** What is told to `encode`, `decode` and `stream`. */
export interface SpecialOptions {
  readonly special?: boolean
}

/** What is told to `encode`. */
export interface EncodeOptions extends SpecialOptions {
  readonly after?: number | undefined
}

/** Throws ConfigError for what are no such options. */
export const readEncode = optionsOf<EncodeOptions>({ special: flag, after: whole(0, 2 ** 31) })

/** Throws ConfigError for what are no such options. */
export const readSpecial = optionsOf<SpecialOptions>({ special: flag })

/** One message of a conversation. */
export interface ChatMessage {
  /** Who says it: `system`, `user`, `assistant`, or what else the model's chat template knows. */
  readonly role: string
  readonly content: string
}

/** How a conversation becomes a prompt. */
export interface ChatTemplateOptions {
  /** Ends the prompt with the beginning of the assistant's turn. Default: true. */
  readonly continue?: boolean
  /** Which of the model's templates, if it has several. Default: `default`. */
  readonly template?: string
}

/**
 * Text in pieces: together they are what `decode` gives for all ids at once. A piece never ends within a
 * character, and holds no U+FFFD that the whole would not have.
 */
export interface TextStream {
  /** Takes a token; gives the text that has become certain, which may be empty. */
  push(id: number): string
  /** What is left at the end. */
  finish(): string
  /**
   * Ids that bring a new stream to where this one is, once the pieces that it gives for them are dropped:
   * those whose text is not all given out, and, where the beginning of a text is special, those that it began
   * with.
   */
  readonly pending: readonly number[]
}

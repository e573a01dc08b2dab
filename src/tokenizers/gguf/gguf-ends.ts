/** Which tokens end a text in llama.cpp, besides those that the keys of a GGUF file name. */

/** What such tokens are called, whatever kind the file says they are of. */
const ENDS: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|flush|>',
  '<|calls|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '</s>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<eos>',
  '<turn|>',
  '<|tool_response>',
  '<｜end▁of▁sentence｜>',
  '[e~[',
])

/** Tokens of models that fill gaps in code: what a key names ends a text, or else the first called so. */
const FILLING: ReadonlyMap<string, readonly string[]> = new Map([
  ['fim_pad_token_id', ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]']],
  ['fim_rep_token_id', ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>']],
  ['fim_sep_token_id', ['<|file_sep|>']],
])

/**
 * All ids that end a text: those that keys name, in order, and those that are called so. `idOf` gives the id
 * that a key names.
 */
export function endsOf(
  named: readonly number[],
  tokens: readonly string[],
  idOf: (key: string) => number | undefined,
): number[] {
  const ends = new Set(named)
  for (const [id, token] of tokens.entries()) if (ENDS.has(token)) ends.add(id)
  for (const [key, names] of FILLING) {
    const id = idOf(key) ?? tokens.findIndex((token) => names.includes(token))
    if (id >= 0) ends.add(id)
  }
  const texts = new Set([...ends].map((id) => tokens[id]))
  const calls = texts.has('<|call|>') || texts.has('<|calls|>')
  // With these, `<|end|>` ends only a part of an answer, and `</s>` nothing.
  const dropped = [
    ...(calls && (texts.has('<|return|>') || texts.has('<|flush|>')) ? ['<|end|>'] : []),
    ...(texts.has('<|tool_response>') ? ['</s>'] : []),
  ]
  return [...ends].filter((id) => !dropped.includes(tokens[id]))
}

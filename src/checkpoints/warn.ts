/** Is told of what was read but not used, or not as the file says: a sentence that names file and part. */
export type Warn = (message: string) => void

/** What warnings go to where nobody listens. */
export const warnOnConsole: Warn = (message) => console.warn(message)

/** Some names of a list that may be long: `a, b, c, … (200000)`. */
export function someOf(names: readonly string[], most = 5): string {
  const some = names.slice(0, most).join(', ')
  return names.length > most ? `${some}, … (${names.length})` : some
}

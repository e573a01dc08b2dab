/** A pattern that is not read. Whoever opens it says where it stands. */
export class PatternError extends Error {
  readonly found: string

  constructor(rule: string, found: string) {
    super(rule)
    this.found = found
  }
}

/**
 * What stands in the cells of a table: text, labels and numbers. Errors name the file, the line and the
 * column.
 */
import type { Table, TableRow } from '../../data/table.ts'
import { ConfigError, type ErrorDetails } from '../../errors.ts'

/** The cells of one row, by the names of their columns. */
export class Cells {
  readonly row: TableRow
  readonly #table: Table

  constructor(table: Table, row: TableRow) {
    this.#table = table
    this.row = row
  }

  /** @throws ConfigError if the table has no such column, or the cell is empty */
  value(column: string): unknown {
    const value = this.optional(column)
    if (value === undefined || value === null || value === '') throw this.error(column, 'the cell is empty')
    return value
  }

  /** Undefined where the cell of a JSON line is missing. */
  optional(column: string): unknown {
    const { where, columns } = this.#table
    const index = columns.indexOf(column)
    if (index >= 0) return this.row.cells[index]
    throw new ConfigError('the table has no such column', {
      where,
      expected: columns.join(', '),
      found: column,
    })
  }

  /** Text, or a word of JSON as text. */
  text(column: string): string {
    const value = this.value(column)
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw this.error(column, 'not a text', { found: shown(value) })
  }

  /** One label for each position: the characters of a word, words apart by spaces, or a list of JSON. */
  labels(column: string): string[] {
    const value = this.value(column)
    if (Array.isArray(value)) return value.map((label) => String(label))
    const text = this.text(column)
    return /\s/.test(text) ? text.trim().split(/\s+/) : Array.from(text)
  }

  /**
   * Numbers, position by position, and how many each has: words apart by spaces, the numbers of a position
   * apart by commas; a number of JSON, or a list of numbers or of lists. `NaN` and null are no numbers: they
   * stand for what is not known.
   */
  numbers(column: string): { readonly values: number[]; readonly channels: number } {
    const value = this.value(column)
    const positions: unknown[] = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? value.trim().split(/\s+/)
        : [value]
    const rows = positions.map((position) =>
      Array.isArray(position) ? position : typeof position === 'string' ? position.split(',') : [position],
    )
    const channels = rows[0]?.length ?? 0
    const values: number[] = []
    for (const [i, row] of rows.entries()) {
      if (row.length !== channels || channels === 0) {
        throw this.error(column, 'positions differ in how many numbers they have', {
          expected: channels,
          found: `${row.length} at position ${i}`,
        })
      }
      for (const number of row) values.push(this.#number(column, number))
    }
    if (channels === 0) throw this.error(column, 'the cell is empty')
    return { values, channels }
  }

  /** An error about a cell, naming its file, line and column. */
  error(column: string, rule: string, details: Omit<ErrorDetails, 'where'> = {}): ConfigError {
    return new ConfigError(rule, { where: `${this.#table.where}:${this.row.line}, ${column}`, ...details })
  }

  #number(column: string, value: unknown): number {
    if (value === null || value === 'NaN') return Number.NaN
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && Number.isFinite(number)) return number
    throw this.error(column, 'not a number', { found: shown(value) })
  }
}

const shown = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 40)

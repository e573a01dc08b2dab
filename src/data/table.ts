/**
 * Tables as text: comma- and tab-separated values, and JSON lines. Nothing is dropped: what cannot be read is
 * an error with its line.
 */
import { ConfigError } from '../errors.ts'

/** One row of a table. */
export interface TableRow {
  /** Line of the file that the row begins on, from 1. */
  readonly line: number
  /**
   * In the order of the columns. Text, but in JSON lines any value; undefined where a JSON line lacks the
   * column.
   */
  readonly cells: readonly unknown[]
}

/** A table as it was read: the names of its columns, and its rows. */
export interface Table {
  /** The file, for errors. */
  readonly where: string
  readonly columns: readonly string[]
  readonly rows: readonly TableRow[]
}

export type TableFormat = 'csv' | 'tsv' | 'jsonl'

/** The format that the ending of a file name says. */
export function tableFormat(path: string): TableFormat {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase()
  if (ending === 'csv' || ending === 'tsv' || ending === 'jsonl') return ending
  if (ending === 'ndjson') return 'jsonl'
  throw new ConfigError('unknown kind of table', {
    where: path,
    expected: 'a file that ends in .csv, .tsv, .jsonl or .ndjson',
    ...(ending !== undefined && { found: `.${ending}` }),
  })
}

/** What takes the text of a table in pieces, as it is read. */
export interface TableReader {
  push(text: string): void
  /** The whole table. @throws ConfigError for a table that ends too early, or has no rows */
  finish(): Table
}

/**
 * A reader of one table. The first row of csv and tsv names the columns. csv is that of RFC 4180 (quotes may
 * hold commas, line breaks and doubled quotes); in tsv, no character is special but tabs and line breaks;
 * each line of jsonl is an object.
 */
export function tableReader(format: TableFormat, where: string): TableReader {
  return format === 'jsonl' ? new JsonLines(where) : new Delimited(where, format === 'csv' ? ',' : '\t')
}

/** Characters of one cell or line; a file without line breaks must not fill the memory. */
const MAX_CELL = 2 ** 26

/** What both kinds share: rows, and the errors of a line. */
abstract class Reader {
  protected readonly where: string
  protected readonly rows: TableRow[] = []
  protected line = 1

  constructor(where: string) {
    this.where = where
  }

  protected error(rule: string, details: { line?: number; expected?: unknown; found?: unknown } = {}): Error {
    const { line = this.line, ...rest } = details
    return new ConfigError(rule, { where: `${this.where}:${line}`, ...rest })
  }

  protected expectRoom(size: number): void {
    if (size > MAX_CELL)
      throw this.error('a cell or line is too long', { expected: `up to ${MAX_CELL} characters` })
  }

  protected table(columns: readonly string[]): Table {
    if (this.rows.length === 0) throw new ConfigError('the table has no rows', { where: this.where })
    return { where: this.where, columns, rows: this.rows }
  }
}

/** What a cell is in, while it is read. */
type Inside = 'plain' | 'quotes' | 'after quotes'

class Delimited extends Reader implements TableReader {
  readonly #delimiter: string
  /** Where plain text ends: at the delimiter or a line break, and at a quote in the beginning. */
  readonly #special: RegExp
  readonly #quoting: boolean
  #columns: string[] | undefined
  #cells: string[] = []
  #cell = ''
  #inside: Inside = 'plain'
  /** Line that the row, and the open quote, began on. */
  #began = 1
  #quoted = 1

  constructor(where: string, delimiter: ',' | '\t') {
    super(where)
    this.#delimiter = delimiter
    this.#special = new RegExp(`[${delimiter}\\n]`, 'g')
    this.#quoting = delimiter === ','
  }

  push(text: string): void {
    for (let at = 0; at < text.length;)
      at = this.#inside === 'quotes' ? this.#quote(text, at) : this.#plain(text, at)
  }

  finish(): Table {
    if (this.#inside === 'quotes') throw this.error('a quote never closes', { line: this.#quoted })
    if (this.#cell !== '' || this.#cells.length > 0 || this.#inside !== 'plain') this.#endRow()
    if (!this.#columns) throw new ConfigError('the table is empty', { where: this.where })
    return this.table(this.#columns)
  }

  /** Takes plain text from `at` on; returns where it stopped. */
  #plain(text: string, at: number): number {
    const first = text[at]
    if (first === '"' && this.#quoting && (this.#cell === '' || this.#inside === 'after quotes')) {
      // Two quotes inside quotes are one quote.
      if (this.#inside === 'after quotes') this.#cell += '"'
      else this.#quoted = this.line
      this.#inside = 'quotes'
      return at + 1
    }
    this.#special.lastIndex = at
    const end = this.#special.exec(text)?.index ?? text.length
    this.#append(text.slice(at, end))
    if (end === text.length) return end
    if (text[end] === this.#delimiter) this.#endCell()
    else this.#endRow()
    return end + 1
  }

  /** Takes text in quotes; returns where it stopped. */
  #quote(text: string, at: number): number {
    const found = text.indexOf('"', at)
    const end = found < 0 ? text.length : found
    const part = text.slice(at, end)
    this.#cell += part
    this.expectRoom(this.#cell.length)
    for (const character of part) if (character === '\n') this.line++
    if (found < 0) return end
    this.#inside = 'after quotes'
    return end + 1
  }

  #append(text: string): void {
    if (this.#inside === 'after quotes') {
      if (text === '' || text === '\r') return
      throw this.error('text after a closing quote', {
        expected: 'a comma or the end of the line',
        found: text.slice(0, 20),
      })
    }
    this.#cell += text
    this.expectRoom(this.#cell.length)
  }

  #endCell(): void {
    this.#cells.push(this.#cell)
    this.#cell = ''
    this.#inside = 'plain'
  }

  #endRow(): void {
    // Lines of Windows end in \r\n.
    if (this.#inside === 'plain' && this.#cell.endsWith('\r')) this.#cell = this.#cell.slice(0, -1)
    const empty = this.#cells.length === 0 && this.#cell === '' && this.#inside === 'plain'
    this.#endCell()
    const cells = this.#cells
    this.#cells = []
    if (!empty) this.#take(cells)
    this.line++
    this.#began = this.line
  }

  #take(cells: string[]): void {
    if (!this.#columns) {
      const twice = cells.find((name, i) => cells.indexOf(name) !== i)
      if (twice !== undefined)
        throw this.error('two columns have one name', { line: this.#began, found: twice })
      this.#columns = cells
      return
    }
    if (cells.length !== this.#columns.length) {
      throw this.error('wrong number of cells', {
        line: this.#began,
        expected: this.#columns.length,
        found: cells.length,
      })
    }
    this.rows.push({ line: this.#began, cells })
  }
}

class JsonLines extends Reader implements TableReader {
  readonly #columns = new Map<string, number>()
  #rest = ''

  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    this.expectRoom(this.#rest.length)
    for (const line of lines) this.#take(line)
  }

  finish(): Table {
    this.#take(this.#rest)
    const columns = [...this.#columns.keys()]
    // Columns that appeared later are missing in the rows before.
    const rows = this.rows.map(({ line, cells }) => ({ line, cells: columns.map((_, i) => cells[i]) }))
    this.rows.splice(0, this.rows.length, ...rows)
    return this.table(columns)
  }

  #take(text: string): void {
    if (text.trim() !== '') {
      const cells: unknown[] = []
      for (const [name, value] of Object.entries(this.#parse(text))) {
        const index = this.#columns.get(name) ?? this.#columns.size
        this.#columns.set(name, index)
        cells[index] = value
      }
      this.rows.push({ line: this.line, cells })
    }
    this.line++
  }

  #parse(text: string): object {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw this.error('not JSON', { found: (cause as Error).message })
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    throw this.error('each line must be an object', { found: text.slice(0, 40) })
  }
}

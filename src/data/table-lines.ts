/** Tables as text, to be written: what `tableReader` reads again. */
import { ConfigError } from '../errors.ts'
import type { TableFormat } from './table.ts'

type Value = string | number | readonly (string | number | readonly number[])[]

/**
 * The lines of a table, each with its line break; in csv and tsv the columns of the first row come first.
 * Lists are words apart by spaces, lists in them numbers apart by commas.
 *
 * @throws ConfigError for a value that tsv cannot hold
 */
export async function* tableLines(
  format: TableFormat,
  rows: AsyncIterable<Readonly<Record<string, Value>>>,
): AsyncGenerator<string, void, void> {
  let columns: string[] | undefined
  for await (const row of rows) {
    if (format === 'jsonl') {
      yield `${JSON.stringify(row)}\n`
      continue
    }
    if (!columns) {
      columns = Object.keys(row)
      yield lineOf(format, columns)
    }
    yield lineOf(
      format,
      columns.map((name) => cellText(row[name])),
    )
  }
}

function cellText(value: Value): string {
  if (typeof value !== 'object') return String(value)
  return value.map((item) => (typeof item === 'object' ? item.join(',') : String(item))).join(' ')
}

function lineOf(format: 'csv' | 'tsv', cells: readonly string[]): string {
  if (format === 'csv') return `${cells.map(quoted).join(',')}\n`
  const wrong = cells.find((cell) => /[\t\r\n]/.test(cell))
  if (wrong === undefined) return `${cells.join('\t')}\n`
  throw new ConfigError('a cell of tsv cannot hold tabs or line breaks', {
    found: JSON.stringify(wrong.slice(0, 40)),
    hint: 'Write csv or jsonl instead',
  })
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

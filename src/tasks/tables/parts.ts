/** Which rows of a table are for training, which are held out, and which are for the test. */
import type { Table } from '../../data/table.ts'
import { ConfigError } from '../../errors.ts'
import { Random } from '../../tensor/random.ts'
import { Cells } from './cells.ts'

const NAMES: Readonly<Record<string, Part>> = {
  train: 'training',
  training: 'training',
  valid: 'validation',
  validation: 'validation',
  val: 'validation',
  dev: 'validation',
  test: 'test',
}

type Part = 'training' | 'validation' | 'test'
export type TableParts = Readonly<Record<Part, readonly Cells[]>>

interface PartOptions {
  /** Column that says `train`, `valid` or `test`. Absent: all rows are for training. */
  readonly splitColumn?: string | undefined
  /** Where no row is held out by that column: the part of the training rows that is, drawn by the seed. */
  readonly validationPart: number
  readonly seed: number
}

export const rowsOf = (table: Table): Cells[] => table.rows.map((row) => new Cells(table, row))

/**
 * @throws ConfigError for a part that has another name, a test part that is given twice, or nothing to train
 *   on
 */
export function partsOf(table: Table, test: Table | undefined, options: PartOptions): TableParts {
  const parts: Record<Part, Cells[]> = { training: [], validation: [], test: [] }
  const { splitColumn } = options
  for (const cells of rowsOf(table))
    parts[splitColumn === undefined ? 'training' : partOf(cells, splitColumn)].push(cells)
  if (test) {
    if (parts.test.length > 0) {
      throw new ConfigError('the test part is given twice', {
        where: test.where,
        found: `${parts.test.length} rows of ${table.where} are for the test, too`,
      })
    }
    parts.test = rowsOf(test)
  }
  if (parts.validation.length === 0) holdOut(parts, options)
  if (parts.training.length === 0)
    throw new ConfigError('there is nothing to train on', { where: table.where })
  return parts
}

function partOf(cells: Cells, column: string): Part {
  const name = cells.text(column)
  const part = Object.hasOwn(NAMES, name.toLowerCase()) ? NAMES[name.toLowerCase()] : undefined
  if (part) return part
  throw cells.error(column, 'no part of the data has this name', {
    expected: 'train, valid or test',
    found: name,
  })
}

/**
 * Files are often in order: what is held out is drawn from everywhere. Both parts stay in the order of the
 * file.
 */
function holdOut(parts: Record<Part, Cells[]>, { validationPart, seed }: PartOptions): void {
  const { training } = parts
  const count = Math.floor(training.length * validationPart)
  const random = new Random(seed)
  const keys = training.map(() => random.uniform())
  const limit = keys.toSorted((a, b) => a - b)[count]
  parts.validation = training.filter((_, i) => count > 0 && keys[i] < limit)
  parts.training = training.filter((_, i) => count === 0 || keys[i] >= limit)
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { readTable } from './read-table.ts'
import { tableLines } from './table-lines.ts'
import { tableFormat, tableReader, type Table, type TableFormat } from './table.ts'

/** The table of a text that comes in pieces of these sizes. */
function read(format: TableFormat, text: string, size = text.length + 1): Table {
  const reader = tableReader(format, `t.${format}`)
  for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size))
  return reader.finish()
}

const cellsOf = ({ rows }: Table): readonly (readonly unknown[])[] => rows.map(({ cells }) => cells)

describe('csv', () => {
  const text = 'a,b\r\n1,"x, ""y""\nz"\r\n\r\n"",é\n,"last"'
  test('quotes hold commas, line breaks and doubled quotes; lines are counted', () => {
    const table = read('csv', text)
    expect(table.columns).toEqual(['a', 'b'])
    expect(cellsOf(table)).toEqual([
      ['1', 'x, "y"\nz'],
      ['', 'é'],
      ['', 'last'],
    ])
    expect(table.rows.map(({ line }) => line)).toEqual([2, 5, 6])
  })

  test('in pieces of any size it is the same', () => {
    for (let size = 1; size < text.length; size++) expect(read('csv', text, size)).toEqual(read('csv', text))
  })

  const wrong: [string, string, RegExp][] = [
    ['a quote that never closes', 'a,b\n1,2\n3,"4\n5,6\n', /t\.csv:3\] a quote never closes/],
    ['text after a quote', 'a,b\n1,"2"3\n', /t\.csv:2\] text after a closing quote.*found 3/],
    ['a cell too many', 'a,b\n\n1,2\n1,2,3\n', /t\.csv:4\] wrong number of cells; expected 2, found 3/],
    ['a cell too few', 'a,b\n1\n', /t\.csv:2\] wrong number of cells/],
    ['two columns of one name', 'a,b,a\n', /t\.csv:1\] two columns have one name; found a/],
    ['no rows', 'a,b\n', /t\.csv\] the table has no rows/],
    ['nothing', '', /the table is empty/],
  ]
  test.each(wrong)('%s is refused by line', (_, bad, message) => {
    expect(() => read('csv', bad)).toThrow(ConfigError)
    expect(() => read('csv', bad)).toThrow(message)
  })
})

test('tsv: nothing is special but tabs and line breaks', () => {
  const table = read('tsv', 'a\tb\n"x\t1,2"\r\n\ty"', 3)
  expect(cellsOf(table)).toEqual([
    ['"x', '1,2"'],
    ['', 'y"'],
  ])
})

describe('jsonl', () => {
  test('columns are those of all rows', () => {
    const table = read('jsonl', '{"a":1,"b":[1,2]}\n\n{"b":"x","c":null}', 4)
    expect(table.columns).toEqual(['a', 'b', 'c'])
    expect(cellsOf(table)).toEqual([
      [1, [1, 2], undefined],
      [undefined, 'x', null],
    ])
    expect(table.rows.map(({ line }) => line)).toEqual([1, 3])
  })

  test.each([
    ['{"a":1}\n{"a":', /t\.jsonl:2\] not JSON/],
    ['{"a":1}\n[1]\n', /t\.jsonl:2\] each line must be an object; found \[1\]/],
    ['\n\n', /no rows/],
  ])('%j is refused by line', (text, message) => {
    expect(() => read('jsonl', text)).toThrow(message)
  })

  test('names that objects have of themselves are columns as others', () => {
    const table = read('jsonl', '{"__proto__":1,"constructor":2}')
    expect([table.columns, cellsOf(table)]).toEqual([['__proto__', 'constructor'], [[1, 2]]])
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sidewinder-table-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('are read in UTF-8, a byte order mark left out, and hashed', async () => {
    const path = join(folder, 'a.CSV')
    await writeFile(path, '\uFEFFname,ä\n1,2\n')
    const table = await readTable(path)
    expect([table.columns, cellsOf(table)]).toEqual([['name', 'ä'], [['1', '2']]])
    expect(table.hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('that are not there, not UTF-8, or of another kind are refused by name', async () => {
    await expect(readTable(join(folder, 'no.csv'))).rejects.toThrow(/no\.csv\] no such file/)
    await expect(readTable(folder + '.csv')).rejects.toThrow(ConfigError)
    await writeFile(join(folder, 'bad.tsv'), Uint8Array.of(97, 10, 255, 10))
    await expect(readTable(join(folder, 'bad.tsv'))).rejects.toThrow(/bad\.tsv\] the table is not UTF-8/)
    expect(() => tableFormat('x/table.parquet')).toThrow(/expected a file that ends in .csv.*found \.parquet/)
    expect(() => tableFormat('x.d/table')).toThrow(ConfigError)
  })
})

async function* rows() {
  yield {
    id: 'a "b", c',
    values: [1, 2.5],
    pairs: [
      [1, 2],
      [3, 4],
    ],
  }
  yield { id: 'line\nbreak', values: [Number.NaN], pairs: [] }
}

test('what is written is read again', async () => {
  let csv = ''
  for await (const line of tableLines('csv', rows())) csv += line
  expect(cellsOf(read('csv', csv))).toEqual([
    ['a "b", c', '1 2.5', '1,2 3,4'],
    ['line\nbreak', 'NaN', ''],
  ])
  const tsv = tableLines('tsv', rows())
  await expect(
    (async () => {
      for await (const _ of tsv) void _
    })(),
  ).rejects.toThrow(/cannot hold tabs or line breaks/)
})

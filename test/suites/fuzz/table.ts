/** Tables in each format, and what tasks make of their cells. */
import { tableReader, type Table, type TableFormat } from '../../../src/data/table.ts'
import { SidewinderError } from '../../../src/errors.ts'
import { completeSettings, type RunSettings } from '../../../src/runs/settings.ts'
import { taskDefinition } from '../../../src/tasks/index.ts'
import type { FuzzTarget } from './run.ts'

const FORMATS: readonly TableFormat[] = ['csv', 'tsv', 'jsonl']
const common = { data: 'fuzz', sequence: 's', splitColumn: 'p', validationPart: 0.3 } as const
const TASKS: readonly RunSettings[] = [
  { ...common, task: 'classify', label: 'l' },
  { ...common, task: 'label', labels: 'm', ignore: '-' },
  { ...common, task: 'regress', target: 'x', numbers: true },
]

const CSV = `s,l,m,x,p
acgt,one,xy-x,1.5,train
"a ""b"", c",two,xyxyxyxy,NaN,train
1 2 3,one,x y x,-2e3,valid
"1,2
3,4",two,xx,7,test
`
const JSON_LINES = CSV.split('\n')
  .slice(1, 3)
  .map((_, i) => JSON.stringify({ s: [i, 1, [2]], l: i, m: ['x', 'y', 'x'], x: [1, null], p: 'train' }))
  .join('\n')

/** @throws the last error, if no format can read it */
function readAny(text: string): Table {
  let refused: unknown
  for (const format of FORMATS) {
    try {
      const reader = tableReader(format, 'fuzz')
      // In pieces, as files come.
      for (let at = 0; at < text.length; at += 7) reader.push(text.slice(at, at + 7))
      return reader.finish()
    } catch (error) {
      if (!(error instanceof SidewinderError)) throw error
      refused = error
    }
  }
  throw refused
}

export const tableTarget: FuzzTarget = {
  name: 'table',

  seeds: () =>
    Promise.resolve(
      [CSV, CSV.replaceAll(',', '\t'), JSON_LINES].map((text, i) => ({
        name: FORMATS[i],
        bytes: new TextEncoder().encode(text),
      })),
    ),

  async run(bytes) {
    const table = readAny(new TextDecoder().decode(bytes))
    let refused: unknown
    let opened = 0
    for (const settings of TASKS) {
      try {
        taskDefinition(settings.task).open({ data: table }, completeSettings(settings), undefined)
        opened++
      } catch (error) {
        if (!(error instanceof SidewinderError)) throw error
        refused = error
      }
    }
    await Promise.resolve()
    if (opened === 0) throw refused
  },
}

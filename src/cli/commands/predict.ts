import { Option, type Command } from 'commander'
import { expectWritable, writeAtomically } from '../../checkpoints/atomic.ts'
import { tableFormat, type TableFormat } from '../../data/table.ts'
import { tableLines } from '../../data/table-lines.ts'
import { predictRun } from '../../runs/use.ts'
import { expectNew, forceFlag } from '../replaced.ts'
import { deviceFlag, threadsFlag, withDevice, type DeviceFlags } from '../flags.ts'
import { interruption } from '../terminal/interrupt.ts'
import { print, printText } from '../terminal/terminal.ts'

interface Flags extends DeviceFlags {
  readonly out?: string
  readonly force?: boolean
}

export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('what a run says of each row of a table')
    .argument('<run>', 'the folder of a run')
    .argument('<input>', 'a table with the sequences; what is to be predicted may be missing')
    .addOption(new Option('--out <file>', 'a .csv, .tsv or .jsonl file (default: csv on the screen)'))
    .addOption(forceFlag())
    .addOption(deviceFlag())
    .addOption(threadsFlag())
    .action(predict)
}

async function predict(run: string, input: string, { out, force, ...flags }: Flags): Promise<void> {
  const format = out === undefined ? 'csv' : tableFormat(out)
  if (out !== undefined) {
    await expectNew(out, { force })
    await expectWritable(out)
  }
  const { signal } = interruption
  await withDevice(flags, async (device) => {
    const lines = tableLines(format, predictRun(run, input, device, { signal }))
    if (out === undefined) for await (const line of lines) await printText(line)
    else await write(out, format, lines)
  })
}

async function write(out: string, format: TableFormat, lines: AsyncIterable<string>): Promise<void> {
  let count = format === 'jsonl' ? 0 : -1
  async function* encoded(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder()
    for await (const line of lines) {
      count++
      yield encoder.encode(line)
    }
  }
  await writeAtomically(out, encoded())
  print([`${count} predictions in ${out}`])
}

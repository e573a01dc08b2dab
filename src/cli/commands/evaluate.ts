import { Option, type Command } from 'commander'
import { evaluateRun } from '../../runs/use.ts'
import { evaluationLines } from '../terminal/evaluations.ts'
import { deviceFlag, threadsFlag, withDevice, type DeviceFlags } from '../flags.ts'
import { interruption } from '../terminal/interrupt.ts'
import { print } from '../terminal/terminal.ts'

interface Flags extends DeviceFlags {
  readonly json?: boolean
}

export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('how a run does on data that it has not seen')
    .argument('<run>', 'the folder of a run')
    .argument('<data>', 'data of the kind that it was trained on')
    .addOption(deviceFlag())
    .addOption(threadsFlag())
    .addOption(new Option('--json', 'print JSON'))
    .action(async (run: string, data: string, flags: Flags) => {
      const { signal } = interruption
      const {
        task,
        run: _,
        ...evaluation
      } = await withDevice(flags, (device) => evaluateRun(run, data, device, { signal }))
      print(flags.json ? [JSON.stringify(evaluation)] : evaluationLines(task, evaluation))
    })
}

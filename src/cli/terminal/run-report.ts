/** What a run says of itself while it trains, and in the end. */
import type { RunEvents, RunResult, RunStart } from '../../runs/training.ts'
import type { Evaluation } from '../../tasks/evaluate.ts'
import type { Task } from '../../tasks/task.ts'
import { onWarning } from '../model-flags.ts'
import { evaluationLines, headline, nameOfBest } from './evaluations.ts'
import { ProgressLine } from './progress.ts'
import { bytes, duration, quoted, short } from './show.ts'
import { print, stdoutColors as colors } from './terminal.ts'

export class RunReport implements RunEvents {
  readonly #began = performance.now()
  #line: ProgressLine | undefined
  #task: Task | undefined

  onStart = ({ folder, task, model, resumedFrom, steps, sizes }: RunStart): void => {
    const { width, layers } = model.config
    const kinds = [...new Set(layers.map(({ kind }) => kind))].join('+')
    const size = (count: number): string => (sizes.unit === 'bytes' ? bytes(count) : String(count))
    const unit = sizes.unit === 'bytes' ? '' : ` ${sizes.unit}`
    const held = sizes.validation > 0 ? ` + ${size(sizes.validation)} held out` : ''
    const tested = sizes.test > 0 ? `, ${size(sizes.test)} to be tested on` : ''
    this.#task = task
    this.#line = new ProgressLine(process.stdout, steps, {
      loss: task.unit,
      positions: sizes.unit === 'sequences' ? 'positions' : 'tokens',
    })
    this.#line.note(
      `${colors.bold(model.device.description)}  ${kinds} ${layers.length} × ${width}, ${short(model.size)} parameters  ` +
        `${size(sizes.training)}${unit}${held}${tested}`,
    )
    this.#line.note(
      resumedFrom > 0 ? `Resuming ${folder} after step ${resumedFrom} of ${steps}` : `Writing to ${folder}`,
    )
  }

  onStep = (step: Parameters<ProgressLine['step']>[0]): void => this.#line?.step(step)

  onEvaluation = (evaluation: Evaluation, step: number, best: boolean): void => {
    const mark = best ? colors.green('  best so far') : ''
    this.#line?.note(`step ${step}: validation ${headline(this.#task!, evaluation)}${mark}`)
    this.#line?.skip()
  }

  onWarning = (message: string): void => {
    this.#line?.end()
    onWarning(message)
  }

  onCheckpoint = (): void => this.#line?.skip()

  stopping = (): void =>
    this.#line?.note('Stopping after this step; Ctrl-C again stops at once, without saving')

  finish({ folder, step, stopped, best, test }: RunResult): void {
    const task = this.#task!
    const run = quoted(folder)
    const took = duration((performance.now() - this.#began) / 1000)
    this.close()
    if (stopped === 'interrupted') {
      print([
        `Saved after step ${step}. Continue with:`,
        `  ${colors.bold(`npx sidewinder train ${task.name} --resume ${run}`)}`,
      ])
      return
    }
    const why = stopped === 'patience' ? ', as validation no longer improves' : ''
    print([
      `Finished after step ${step}${why} (${took}).`,
      ...(best ? [`Best validation: ${colors.bold(nameOfBest(task, best))}, at step ${best.step}.`] : []),
      `In ${folder}: model.safetensors${best ? ' (the best weights)' : ''}, loss.svg (the curve), metrics.jsonl`,
      ...(test ? ['', colors.bold('On the test part:'), ...evaluationLines(task, test)] : []),
      '',
      'Next:',
      ...next(task, run),
      `  and, for a better model: more --steps, a larger --width, more data`,
    ])
  }

  close(): void {
    this.#line?.end()
  }
}

function next({ name }: Task, run: string): string[] {
  if (name === 'text') return [`  ${colors.bold(`npx sidewinder generate ${run} --prompt "The "`)}`]
  return [
    `  ${colors.bold(`npx sidewinder evaluate ${run} DATA`)}`,
    `  ${colors.bold(`npx sidewinder predict ${run} DATA --out predictions.csv`)}`,
  ]
}

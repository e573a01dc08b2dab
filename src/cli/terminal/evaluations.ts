/** Evaluations in words. */
import type { Best } from '../../runs/checkpoint.ts'
import type { Evaluation } from '../../tasks/evaluate.ts'
import type { Task } from '../../tasks/task.ts'

/** Classes whose confusions still fit on a screen. */
const MOST_CLASSES = 12

/** One line: the loss, and the metric that models are chosen by. */
export function headline(task: Task, { loss, metrics }: Evaluation): string {
  const { unit, objective } = task
  const shown = `${(loss * unit.scale).toFixed(3)} ${unit.short}`
  return objective === undefined ? shown : `${shown}, ${metricText(task, objective, metrics[objective])}`
}

/** The best validation. */
export function nameOfBest(task: Task, { loss, value }: Best): string {
  const { unit, objective } = task
  if (objective !== undefined && value !== undefined) return metricText(task, objective, value)
  return `${(loss * unit.scale).toFixed(3)} ${unit.title}`
}

/** All that an evaluation says. */
export function evaluationLines(task: Task, evaluation: Evaluation): string[] {
  const { loss, count, metrics, confusion, classes } = evaluation
  const { unit } = task
  return [
    `${(loss * unit.scale).toFixed(4)} ${unit.title}, over ${count}`,
    ...Object.keys(task.metrics).map((name) => metricText(task, name, metrics[name])),
    ...(confusion && confusion.length <= MOST_CLASSES ? confusionLines(confusion, classes) : []),
  ]
}

function metricText(task: Task, name: string, value: number): string {
  const { title, share } = task.metrics[name]
  return `${title} ${share ? `${(100 * value).toFixed(1)} %` : Number(value.toPrecision(5))}`
}

/** A row for each class, how often it was taken for which. */
function confusionLines(confusion: readonly (readonly number[])[], classes?: readonly string[]): string[] {
  const names = confusion.map((_, i) => classes?.[i] ?? String(i))
  const cells = [['is \\ said', ...names], ...confusion.map((row, i) => [names[i], ...row.map(String)])]
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column + 1].length)))
  const first = Math.max(...cells.map(([name]) => name.length))
  return [
    '',
    ...cells.map(([name, ...row]) =>
      [name.padEnd(first), ...row.map((cell, column) => cell.padStart(widths[column]))].join('  '),
    ),
  ]
}

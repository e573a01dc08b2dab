/** The table of tasks that can be trained from files, and the task that a model's head is for. */
import { ConfigError } from '../errors.ts'
import type { ModelConfig } from '../models/config.ts'
import { classify, classifyDefinition } from './classify.ts'
import type { TaskDefinition } from './definition.ts'
import { label, labelDefinition } from './label.ts'
import { language, textDefinition } from './language.ts'
import { regress, regressDefinition } from './regress.ts'
import type { Task } from './task.ts'

/** A new task is a file, and a row here. */
export const TASKS = Object.freeze({
  text: textDefinition,
  classify: classifyDefinition,
  label: labelDefinition,
  regress: regressDefinition,
})

/** The tasks that can be trained from files. */
export type TaskName = keyof typeof TASKS

/** @throws ConfigError if there is none of that name */
export function taskDefinition(name: string): TaskDefinition {
  if (Object.hasOwn(TASKS, name)) return TASKS[name as TaskName]
  throw new ConfigError('unknown task', { expected: Object.keys(TASKS).join(', '), found: name })
}

/** The task that a model's head is for. */
export function taskFor({ head }: Pick<ModelConfig, 'head'>): Task {
  switch (head.kind) {
    case 'language':
      return language()
    case 'classifier':
      return head.each === 'position' ? label({ classes: head.classes }) : classify({ classes: head.classes })
    case 'regression':
      return regress({ outputs: head.outputs, each: head.each })
    default:
      return head satisfies never
  }
}

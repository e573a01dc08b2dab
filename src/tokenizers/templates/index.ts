/** Templates of chats: Jinja as transformers runs it, written by strangers, within bounds. */
import { Budget, Fault } from './budget.ts'
import { setGlobals } from './globals.ts'
import { Interpreter } from './interpreter.ts'
import type { Statement } from './nodes.ts'
import { parse } from './parser.ts'
import { Scope } from './scope.ts'
import { valueFrom } from './show.ts'

export { Fault, Refusal } from './budget.ts'

/** Published templates have some thousand characters. */
const MAX_TEMPLATE = 2 ** 17

/** A template that was read. */
export type Template = readonly Statement[]

/** @throws Fault that says which line is wrong */
export function readTemplate(text: string): Template {
  if (text.length > MAX_TEMPLATE) throw new Fault(`it is too long: at most ${MAX_TEMPLATE} characters`)
  return withinStack(() => parse(text))
}

/**
 * The text that a template makes of variables. The same template always takes the same number of steps.
 *
 * @throws Refusal if the template says that it does not take these values; Fault if it fails, or costs too
 *   much
 */
export function render(
  template: Template,
  variables: Readonly<Record<string, unknown>>,
  now: () => Date = () => new Date(),
): string {
  const budget = new Budget()
  return withinStack(() => {
    const scope = new Scope()
    setGlobals(scope, budget, now)
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) scope.set(name, valueFrom(value, budget))
    }
    return new Interpreter(budget).run(template, scope)
  })
}

/** A caller may have used most of the stack already. */
function withinStack<T>(body: () => T): T {
  try {
    return body()
  } catch (cause) {
    if (cause instanceof RangeError) throw new Fault('it is nested too deeply', { cause })
    throw cause
  }
}

import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { Fault, readTemplate, render } from './index.ts'

interface Vectors {
  readonly talks: Readonly<Record<string, unknown>>
  readonly tools: unknown
  readonly tokens: Readonly<Record<string, string>>
  readonly styles: Readonly<Record<string, string>>
  readonly vectors: readonly (readonly [
    style: string,
    talk: string,
    prompt: boolean,
    tools: boolean,
    expected: string | null,
  ])[]
  readonly features: readonly (readonly [template: string, expected: string | null])[]
}

const bytes = await readTestFile('test/fixtures/chat-templates/vectors.json')
const { talks, tools, tokens, styles, vectors, features } = JSON.parse(
  new TextDecoder().decode(bytes),
) as Vectors
const now = (): Date => new Date(2026, 2, 1, 17, 5, 9)

/** The text, or null for an error that is the template's. */
function made(template: string, talk: string, prompt: boolean, withTools: boolean): string | null {
  const variables = {
    ...tokens,
    messages: talks[talk],
    add_generation_prompt: prompt,
    tools: withTools ? tools : null,
    documents: null,
  }
  try {
    return render(readTemplate(template), variables, now)
  } catch (error) {
    if (error instanceof Fault) return null
    throw error
  }
}

describe('what transformers makes', () => {
  test.each(Object.keys(styles))('in the style of %s', (style) => {
    const all = vectors.filter(([name]) => name === style)
    expect(all.length).toBeGreaterThan(10)
    for (const [, talk, prompt, withTools, expected] of all) {
      expect(made(styles[style], talk, prompt, withTools), `${talk} ${prompt} ${withTools}`).toBe(expected)
    }
  })

  test.each(features)('%j', (template, expected) => {
    expect(made(template, 'told', true, false)).toBe(expected)
  })
})

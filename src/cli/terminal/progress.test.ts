import { expect, test } from 'vitest'
import { language } from '../../tasks/language.ts'
import { ProgressLine } from './progress.ts'

const words = { loss: language({ unit: 'byte' }).unit, positions: 'tokens' }

function screen(isTTY: boolean, columns = 80) {
  let text = ''
  return {
    isTTY,
    columns,
    write: (more: string): void => void (text += more),
    get text() {
      return text
    },
  }
}

const step = (step: number, loss = Math.LN2 * 2) => ({
  step,
  loss,
  gradientNorm: 1,
  learningRate: 2e-3,
  tokens: 1000,
})

test('a terminal sees one line, rewritten and never wider than it', () => {
  const terminal = screen(true, 40)
  let time = 0
  const line = new ProgressLine(terminal, 100, words, () => time)
  for (let i = 1; i <= 5; i++) {
    time = i
    line.step(step(i))
  }
  const lines = terminal.text.split('\r\u001b[K').slice(1)
  expect(lines).toHaveLength(5)
  expect(lines.at(-1)).toMatch(/^step 5\/100 {2}2\.000 bits\/byte {2}1\.00 k/)
  for (const each of lines) expect(each.length).toBeLessThan(40)
  expect(terminal.text).not.toContain('\n')
})

test('speed, time left, and notes that stay', () => {
  const terminal = screen(true)
  let time = 0
  const line = new ProgressLine(terminal, 100, words, () => time)
  time = 1
  line.step(step(1))
  time = 2
  line.step(step(2))
  line.note('step 2: validation')
  line.end()
  expect(terminal.text).toContain('1.00 k tokens/s  lr 2.0e-3  1:38 left')
  expect(terminal.text).toContain('\r\u001b[Kstep 2: validation\n')
  expect(terminal.text.endsWith('\n')).toBe(true)
})

test('what is not training does not count as speed', () => {
  const terminal = screen(true)
  let time = 0
  const line = new ProgressLine(terminal, 100, words, () => time)
  for (let i = 1; i <= 20; i++) {
    time += 1
    line.step(step(i))
    time += 50
    line.skip()
  }
  expect(terminal.text).toMatch(/step 20\/100.*1\.00 k tokens\/s/)
})

test('elsewhere: plain lines now and then, and the last one', () => {
  const file = screen(false)
  let time = 0
  const line = new ProgressLine(file, 100, words, () => time)
  for (let i = 1; i <= 100; i++) {
    time = i / 4
    line.step(step(i))
  }
  line.end()
  const lines = file.text.trimEnd().split('\n')
  expect(lines.map((each) => /^step (\d+)/.exec(each)![1])).toEqual(['1', '41', '81', '100'])
  expect(file.text).not.toContain('\r')
})

test('a resumed run counts from where it stopped', () => {
  const terminal = screen(true)
  let time = 0
  const line = new ProgressLine(terminal, 100, words, () => time)
  for (let i = 91; i <= 92; i++) {
    time++
    line.step(step(i))
  }
  expect(terminal.text).toContain('0:08 left')
})

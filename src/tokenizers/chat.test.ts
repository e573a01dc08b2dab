import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { openChat, type Chat } from './chat.ts'

const open = (template: string): Promise<Chat> =>
  openChat(template, 'chat_template.jinja', { begin: '<s>', end: '</s>' })

const CHATML = `{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' }}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{%- endif %}`

const render = async (template: string): Promise<string> =>
  (await open(template))([{ role: 'user', content: 'x' }])

test('messages, and the beginning of the answer', async () => {
  const chat = await open(CHATML)
  const messages = [
    { role: 'system', content: 'Be brief. ' },
    { role: 'user', content: '{{ 7 }}' },
  ]
  const text = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{{ 7 }}<|im_end|>\n'
  expect(chat(messages)).toBe(`${text}<|im_start|>assistant\n`)
  expect(chat(messages, { continue: false })).toBe(text)
})

test('what templates expect to find', async () => {
  expect(await render('{{ bos_token }}{{ messages[0].content }}{{ eos_token }}')).toBe('<s>x</s>')
  expect(await render('{{ tools is none }}{{ tools is defined }}{{ True }}{{ none is none }}')).toBe(
    'truetruetruetrue',
  )
  expect(await render('{% for i in range(1, 6, 2) %}{{ i }}{% endfor %}{{ range(3) | length }}')).toBe('1353')
  expect(await render('{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}{{ range(0) | length }}')).toBe(
    '3210',
  )
  expect(await render('{% set n = namespace(i=1) %}{% set n.i = n.i + 1 %}{{ n.i }}')).toBe('2')
  expect(await render("{{ strftime_now('%Y-%m-%d %H:%M:%S %A %b%%') }}")).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+day [A-Z][a-z]{2}%$/,
  )
})

describe('errors name the file', () => {
  test.each([
    ["{{ raise_exception('roles must alternate') }}", /refuses the messages: roles must alternate/],
    ['{% if %}', /the chat template fails/],
    ['{{ messages | nothing }}', /the chat template fails; found .*nothing/],
    ["{{ 'a'.__proto__ }}{{ messages.constructor('') }}", /the chat template fails/],
    ['{{ range(0, 5, 0) }}', /no numbers/],
  ])('%s', async (template, message) => {
    const chat = await open(template)
    expect(() => chat([])).toThrow(message)
    expect(() => chat([])).toThrow(/^\[chat_template\.jinja\]/)
    expect(() => chat([])).toThrow(ConfigError)
  })

  test('no template', async () => {
    const chat = await openChat(undefined, 'tokenizer_config.json', { begin: '', end: '' })
    expect(() => chat([])).toThrow(/no chat template/)
  })
})

const double = (value: string, times: number): string =>
  `{% set n = namespace(x=${value}) %}{% for i in range(${times}) %}{% set n.x = n.x + n.x %}{% endfor %}`

const loops = (body: string): string =>
  '{% for i in range(1000) if i >= 0 %}'.repeat(4) + body + '{% endfor %}'.repeat(4)

describe('hostile templates end', () => {
  test.each<[what: string, template: string, message: RegExp]>([
    ['a long range', '{% for i in range(1000000000) %}{% endfor %}', /too long a list/],
    ['loops within loops', loops('{{ i }}'), /does not end in time/],
    ['loops of nothing', loops('').replaceAll(' if i >= 0', ''), /does not end in time/],
    ['a text that doubles', double("'xxxxxxxx'", 60), /too long a text/],
    ['a list that doubles', double('[1]', 60), /too long a list/],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /fails/],
    ['deep nesting', `{{ ${'('.repeat(50_000)} }}`, /fails/],
    ['a long template', 'a'.repeat(200_000), /too long/],
    ['spaces that the lexer would go through again and again', ' '.repeat(100_000), /too long/],
  ])('%s', async (_, template, message) => {
    const chat = await open(template)
    const began = performance.now()
    const error: unknown = (() => {
      try {
        return chat([])
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toMatch(message)
    expect(performance.now() - began).toBeLessThan(30_000)
  })
})

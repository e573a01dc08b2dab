import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { openChat, type Chat } from './chat.ts'

const TOKENS = { bos_token: '<s>', eos_token: '</s>', pad_token: undefined }

const open = (template: string): Promise<Chat> =>
  openChat({ where: 'chat_template.jinja', byName: new Map([['default', template]]) }, TOKENS)

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
    'TrueTrueTrueTrue',
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
    ['{{ messages | nothing }}', /the chat template fails; found line 1: there is no filter nothing/],
    ["{{ 'a'.__proto__ }}{{ messages.constructor('') }}", /list\.constructor is undefined/],
    ['{{ range(0, 5, 0) }}', /steps of zero/],
    ["{{ strftime_now('%Q') }}", /there is no directive %Q/],
    ['a\n{% if true %}\n{{ messages + 1 }}{% endif %}', /line 3: list \+ int/],
  ])('%s', async (template, message) => {
    const chat = await open(template)
    expect(() => chat([])).toThrow(message)
    expect(() => chat([])).toThrow(/^\[chat_template\.jinja\]/)
    expect(() => chat([])).toThrow(ConfigError)
  })

  test('no template', async () => {
    const none = await openChat({ where: 'tokenizer_config.json', byName: new Map() }, {})
    expect(() => none([])).toThrow(/^\[tokenizer_config\.json\] the tokenizer has no chat template\./)
    const broken = await openChat(
      { where: 'tokenizer_config.json', byName: new Map(), problem: 'a number' },
      {},
    )
    expect(() => broken([])).toThrow(/no chat template that can be read; found a number/)
  })

  test('templates with names', async () => {
    const byName = new Map([['rag', '{{ messages | length }} documents']])
    const chat = await openChat({ where: 'tokenizer_config.json', byName }, {})
    expect(() => chat([])).toThrow(/no chat template of this name; expected rag, found default/)
    expect(chat([], { template: 'rag' })).toBe('0 documents')
  })

  test.each([null, 'x', {}, [null], ['x'], [{ content: 'x' }], [{ role: 5 }]])(
    '%j are no messages',
    async (given) => {
      const chat = await open('x')
      expect(() => chat(given as never)).toThrow(ConfigError)
      expect(() => chat([], { add_generation_prompt: true } as never)).toThrow(/unknown option/)
    },
  )
})

const double = (value: string, times: number): string =>
  `{% set n = namespace(x=${value}) %}{% for i in range(${times}) %}{% set n.x = n.x + n.x %}{% endfor %}`

const loops = (body: string): string =>
  '{% for i in range(1000) if i >= 0 %}'.repeat(4) + body + '{% endfor %}'.repeat(4)

/** A text of 8 × 2^k characters, or 2 × 2^k. */
const grown = (text: string, k: number): string =>
  `{% set ns = namespace(x='${text}', l=[]) %}{% for i in range(${k}) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`

const shared = (use: string): string =>
  `{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}${use}`

describe('hostile templates end', () => {
  test.each<[what: string, template: string, message: RegExp]>([
    ['a long range', '{% for i in range(1000000000) %}{% endfor %}', /too long a list/],
    ['loops within loops', loops('{{ i }}'), /does not end in time/],
    ['loops of nothing', loops('').replaceAll(' if i >= 0', ''), /does not end in time/],
    ['a text that doubles', double("'xxxxxxxx'", 60), /too long a text/],
    ['a list that doubles', double('[1]', 60), /does not end in time/],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /nested too deeply/],
    ['deep nesting', `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`, /nested too deeply/],
    ['a long sum', `{{ 1${' + 1'.repeat(20_000)} }}`, /nested too deeply/],
    ['deep blocks', '{% if 1 %}'.repeat(5000), /nested too deeply/],
    ['a long template', 'a'.repeat(200_000), /too long/],
    ['shared lists as JSON', shared('{{ ns.l | tojson }}'), /does not end in time|too long a text/],
    ['shared lists as text', shared('{{ ns.l }}'), /does not end in time|too long a text/],
    ['shared lists compared', shared('{{ ns.l == ns.l }}'), /does not end in time/],
    ['shared lists in a list', shared('{{ 5 in [ns.l, ns.l] or ns.l in [ns.l] }}'), /does not end in time/],
    [
      'shared tuples as keys',
      shared('{{ {ns.l: 1} }}').replaceAll('[ns.l, ns.l]', '(ns.l, ns.l)').replace('[1]', '(1,)'),
      /too long a text|does not end/,
    ],
    [
      'long texts sorted',
      `${grown('aaaaaaaa', 18)}{% for i in range(14) %}{% set ns.l = ns.l + ns.l + [ns.x ~ i] %}{% endfor %}{{ ns.l | sort | length }}`,
      /does not end in time|too long a text/,
    ],
    [
      'a text in many parts',
      `${grown('a ', 20)}{{ ns.x.split(' ') | length }}{{ ns.x.split() | length }}{{ ns.x | list | length }}{{ ns.x | list | length }}`,
      /does not end in time/,
    ],
    ['a text many times over', `${grown('a', 20)}{{ ns.x * 1000 }}`, /too long a text/],
    [
      'a text replaced',
      `${grown('aaaaaaaa', 18)}{{ ns.x.replace('a', ns.x) }}`,
      /too long a text|does not end/,
    ],
    [
      'a text looked for',
      `${grown('aaaaaaaa', 16)}{% set ns.y = ns.x[:200000] ~ 'b' %}{% for i in range(1000) %}{{ ns.y in ns.x }}{{ ns.x.count(ns.y) }}{{ ns.x.rfind(ns.y) }}{% endfor %}`,
      /does not end in time/,
    ],
    [
      'characters counted',
      `${grown('😀', 20)}{% for i in range(1000) %}{{ ns.x | length }}{{ ns.x[5] }}{% endfor %}`,
      /does not end in time/,
    ],
    [
      'characters stripped',
      `${grown('ab', 18)}{% for i in range(1000) %}{{ ns.x.strip(ns.x) }}{% endfor %}`,
      /does not end in time/,
    ],
    ['a text joined', `${grown('aaaaaaaa', 18)}{{ ns.x.join(ns.x) }}`, /too long a text|does not end/],
    ['wide text', "{{ 'a'.center(100000000) }}", /too long a text/],
    ['wide lines', "{{ 'a\nb' | indent(100000000) }}{{ 'a' | center(100000000) }}", /too long a text/],
    ['wide JSON', "{{ [1] | tojson(indent=100000000) }}{{ '%99999s' % 'a' }}", /\(line 1\)|line 1/],
    ['large numbers', '{{ 9 ** 9999999 }}', /too large/],
    ['large parts', '{{ [1, 2] | slice(100000000) | list }}', /does not end in time/],
    ['large batches', "{{ [1] | batch(100000000, 'x') | list }}", /does not end in time/],
    [
      'a loop over loops',
      '{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}',
      /does not end in time/,
    ],
    ['a recursive loop', '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}', /nested too deeply/],
    [
      'names that mean each other',
      '{% set ns = namespace(d=1) %}{% for i in range(1000) %}{% set ns.d = [ns.d] %}{% endfor %}{{ ns.d }}',
      /nested too deeply|not end in time/,
    ],
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
    expect(performance.now() - began).toBeLessThan(5000)
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).toMatch(message)
  })
})

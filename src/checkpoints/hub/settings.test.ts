import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ConfigError } from '../../errors.ts'
import { settle } from './settings.ts'

const VARIABLES =
  'HF_ENDPOINT HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE HF_TOKEN HF_TOKEN_PATH HUGGINGFACE_HUB_CACHE TRANSFORMERS_OFFLINE XDG_CACHE_HOME'
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-settings-'))
  for (const name of VARIABLES.split(' ')) vi.stubEnv(name, '')
  vi.stubEnv('HF_HOME', folder)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

test('without any, they are those of the Python client', async () => {
  vi.stubEnv('HF_HOME', '')
  expect(await settle({})).toMatchObject({
    endpoint: 'https://huggingface.co',
    cache: join(homedir(), '.cache/huggingface/hub'),
    offline: false,
  })
})

describe('the cache', () => {
  test.each([
    [{ XDG_CACHE_HOME: '/x', HF_HOME: '' }, '/x/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/x', HF_HOME: '/home' }, '/home/hub'],
    [{ HF_HOME: '/home', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '~/new' }, join(homedir(), 'new')],
    [{ MODELS: '/m', HF_HUB_CACHE: '$MODELS/hub' }, '/m/hub'],
    [{ MODELS: '/m', HF_HUB_CACHE: '', HF_HOME: '${MODELS}/home' }, '/m/home/hub'],
    [{ HF_HUB_CACHE: '/a$THERE_IS_NONE/b' }, '/a$THERE_IS_NONE/b'],
  ])('%j', async (variables, cache) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    expect((await settle({})).cache).toBe(cache)
  })
})

test('a tilde of the option is the home too; a variable in it is a name', async () => {
  expect((await settle({ cache: '~/models' })).cache).toBe(join(homedir(), 'models'))
  expect((await settle({ cache: '/a/$HOME/~' })).cache).toBe('/a/$HOME/~')
})

test('TRANSFORMERS_OFFLINE is heard where HF_HUB_OFFLINE says nothing', async () => {
  vi.stubEnv('TRANSFORMERS_OFFLINE', '1')
  expect((await settle({})).offline).toBe(true)
  vi.stubEnv('HF_HUB_OFFLINE', '0')
  expect((await settle({})).offline).toBe(false)
})

test('the token is that of the option, the environment, or the stored one', async () => {
  expect((await settle({})).token).toBeUndefined()
  await writeFile(join(folder, 'token'), 'hf_stored\n')
  expect((await settle({})).token).toBe('hf_stored')
  vi.stubEnv('HF_TOKEN', 'hf_environment')
  expect((await settle({})).token).toBe('hf_environment')
  expect((await settle({ token: 'hf_option' })).token).toBe('hf_option')
})

test('a bad token is refused without being shown', async () => {
  const error = await settle({ token: 'hf_secret\r\nX: y' }).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as Error).message).not.toContain('secret')
})

test.each([
  ['1', true],
  ['TRUE', true],
  ['0', false],
])('HF_HUB_OFFLINE=%s', async (value, offline) => {
  vi.stubEnv('HF_HUB_OFFLINE', value)
  expect((await settle({})).offline).toBe(offline)
  expect((await settle({ offline: !offline })).offline).toBe(!offline)
})

test('an endpoint may have a path, and plain http if it is given so', async () => {
  expect((await settle({ endpoint: 'http://mirror.test:8080/hub/' })).endpoint).toBe(
    'http://mirror.test:8080/hub',
  )
  vi.stubEnv('HF_ENDPOINT', 'https://mirror.test/')
  expect((await settle({})).endpoint).toBe('https://mirror.test')
})

test.each(['', 'mirror.test', 'file:///etc', 'ftp://a', 'https://user:pass@a', 'https://a?b', 'https://a#b'])(
  'endpoint %j is refused',
  async (endpoint) => {
    await expect(settle({ endpoint })).rejects.toThrow(ConfigError)
  },
)

test.each([{ timeout: 0 }, { attempts: Number.NaN }, { delay: -1 }])('%j is refused', async (options) => {
  await expect(settle(options)).rejects.toThrow(/^\[hub: \w+\] wrong value/)
})

// Chromium and SwiftShader (Vulkan on the CPU) from the npm package @sparticuz/chromium, unpacked once, so that
// GPU and browser tests need no system package. The package is for Linux on x64.
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'

const decompress = promisify(brotliDecompress)
const modules = fileURLToPath(new URL('../node_modules/', import.meta.url))
const archives = join(modules, '@sparticuz/chromium')

const contents = {
  swiftshader: ['swiftshader.tar'],
  chromium: ['swiftshader.tar', 'al2023.tar', 'chromium'],
}

/** Whether this platform has them; on others, tests use the GPU and the Chrome of the system. */
export const bundled = process.platform === 'linux' && process.arch === 'x64' && existsSync(archives)

/**
 * Where a part is, once unpacked: in node_modules, so that a new install starts afresh.
 * @param {keyof typeof contents} part
 */
export function folderOf(part) {
  const { version } = JSON.parse(readFileSync(join(archives, 'package.json'), 'utf8'))
  return join(modules, '.cache/sidewinder', `${part}-${version}`)
}

/** How Playwright starts the bundled Chromium: with WebGPU on SwiftShader, without code that zeroes workgroup memory (test/gpu.ts). */
export function launchOptions() {
  const folder = folderOf('chromium')
  return {
    executablePath: join(folder, 'chromium'),
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') },
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--enable-dawn-features=disable_workgroup_init',
      '--enable-features=Vulkan',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  }
}

/**
 * Unpacks a part if it is not there yet. The finished folder appears in one rename: processes may race.
 * @param {keyof typeof contents} part
 */
export async function unpack(part) {
  const folder = folderOf(part)
  if (existsSync(folder)) return folder
  await mkdir(dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}-`)
  try {
    for (const name of contents[part]) {
      const content = await decompress(await readFile(join(archives, 'bin', `${name}.br`)))
      const files = name.endsWith('.tar') ? filesOfTar(content) : [{ path: name, bytes: content }]
      for (const { path, bytes } of files) {
        await mkdir(dirname(join(draft, path)), { recursive: true })
        await writeFile(join(draft, path), bytes, { mode: 0o755 })
      }
    }
    await rename(draft, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return folder
}

/** @param {Buffer} tar */
function* filesOfTar(tar) {
  const text = (/** @type {number} */ start, /** @type {number} */ end) =>
    tar.toString('latin1', start, end).split('\0', 1)[0] ?? ''
  for (let at = 0; tar[at];) {
    const size = Number.parseInt(text(at + 124, at + 136), 8)
    const isFile = text(at + 156, at + 157) === '0' || tar[at + 156] === 0
    if (isFile) yield { path: text(at, at + 100), bytes: tar.subarray(at + 512, at + 512 + size) }
    at += 512 + Math.ceil(size / 512) * 512
  }
}
